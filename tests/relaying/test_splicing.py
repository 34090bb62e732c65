"""Directions through which much flows go past the process, and nothing else changes."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable

import pytest
from relays_under_test import splice_always
from tcp_ends import hang_up, tcp_pair, wait_acknowledged
from turned_relay import Bench, NewBench, roomy_pair, unix_pair

from fildes.relaying import socket_half, splicing
from fildes.relaying.socket_half import SocketHalf
from fildes.relaying.splicing import HELD, SplicedHalf, unpace
from fildes.schemes.fd import duplicate
from fildes.streams import pipes
from fildes.streams.buffers import buffers_here
from fildes.streams.kernel import SocketStream

#: A message that is large enough to count.
LARGE = socket_half.MUCH + 1


def flow(bench: Bench, count: int = socket_half.STREAK, size: int = LARGE) -> None:
    """Let so many messages pass from left to right."""
    for _ in range(count):
        bench.ends[0].send(size)
        bench.turn(2)
        bench.ends[1].read()


def test_turn_and_return(new_bench: NewBench) -> None:
    """After some large messages a direction splices; after some small ones it does not."""
    bench = new_bench(roomy_pair)
    kinds = []
    for count, size in ((socket_half.STREAK - 1, LARGE), (1, LARGE), (splicing.PATIENCE, 10)):
        flow(bench, count, size)
        kinds.append((type(bench.pair.there), type(bench.pair.back), buffers_here().pipes.there))
    assert kinds == [
        (SocketHalf, SocketHalf, 0),
        (SplicedHalf, SocketHalf, 1),
        (SocketHalf, SocketHalf, 0),
    ]
    bench.finish()
    bench.judge()


def test_one_pipe_for_all(new_bench: NewBench) -> None:
    """Any number of directions need one pipe, as long as their peers read."""
    benches = [new_bench(roomy_pair) for _ in range(5)]
    for bench in benches:
        flow(bench)
    assert {type(bench.pair.there) for bench in benches} == {SplicedHalf}
    assert buffers_here().pipes.there == 1


def no_more_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "MAX_PIPES", 0)


def no_more_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe2(flags: int) -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe2", pipe2)


def no_large_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "PIPE_SIZE", 1 << 31)  # which fcntl(2) refuses


def no_splice(monkeypatch: pytest.MonkeyPatch) -> None:
    def splice(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "splice", splice)


def signal_of_broken_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a handler that ends the process; send(2) can be told not to signal."""
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)


@pytest.mark.parametrize(
    "lack",
    [no_more_pipes, no_more_descriptors, no_large_pipes, no_splice, signal_of_broken_pipes],
)
def test_where_it_cannot_splice(
    lack: Callable[[pytest.MonkeyPatch], None], new_bench: NewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no pipe and no splice(2), bytes are copied, and nobody is told."""
    lack(monkeypatch)
    bench = new_bench(roomy_pair)
    flow(bench, socket_half.STREAK + 1)
    assert type(bench.pair.there) is SocketHalf
    bench.finish()
    bench.judge()


def test_slow_peers_have_all_pipes(new_bench: NewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the pipes hold what slow peers do not take, others are served by copying."""
    monkeypatch.setattr(pipes, "MAX_PIPES", 1)
    slow, quick = new_bench(roomy_pair), new_bench(roomy_pair)
    for bench in (slow, quick):
        flow(bench)
    for _ in range(3):
        slow.ends[0].send(LARGE)
        slow.turn(2)
    assert slow.pair.there.left is HELD
    flow(quick, 3)
    assert quick.ends[1].got == quick.ends[0].sent
    for bench in (slow, quick):
        bench.finish()
        bench.judge()


def test_borrowed_socket_keeps_its_mode(new_bench: NewBench) -> None:
    """A socket whose other holders would see O_NONBLOCK is not spliced."""
    bench = new_bench(roomy_pair)
    stream = duplicate(bench.streams[1].fileno())
    assert isinstance(stream, SocketStream)
    bench.pair.there.sink = stream
    flow(bench, socket_half.STREAK + 1)
    bench.turn()
    assert type(bench.pair.there) is SocketHalf
    assert os.get_blocking(stream.fileno())
    stream.abort()


def test_urgent_data_is_no_end(new_bench: NewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """splice(2) returns 0 where urgent data stands, too, and the direction goes on."""
    splice_always(monkeypatch)
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    flow(bench, 2, 5000)
    left.sock.send(b"!", socket.MSG_OOB)  # which is not part of the stream
    bench.turn(2)
    flow(bench, 2, 5000)
    assert not right.saw_end
    bench.finish()
    bench.judge()


def test_last_words_before_a_reset(new_bench: NewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in a pipe, and what waits before it, arrives although its sender was reset."""
    splice_always(monkeypatch)
    bench = new_bench(tcp_pair, unix_pair)
    left, right = bench.ends
    flow(bench, 1, 1000)
    for _ in range(4):
        left.send(12_000)
        bench.turn(2)
    wait_acknowledged(left.sock)
    assert bench.pair.there.left is HELD
    hang_up(left.sock, bench.streams[0])
    while not bench.verdict:
        right.read(1000)
        bench.turn()
    while not right.saw_end:
        right.read()
    assert right.got == left.sent
    assert isinstance(bench.verdict[0], ConnectionResetError)


def need_bbr(sock: socket.socket) -> None:
    """Let *sock* have bbr, or skip the test."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
    except OSError as error:
        pytest.skip(f"this kernel has no bbr: {error}")


def control_of(sock: socket.socket) -> bytes:
    """Return the congestion control of *sock*."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")


@pytest.mark.parametrize(("peer", "control"), [("127.0.0.1", b"reno"), ("127.0.0.2", b"bbr")])
def test_no_pacing_within_a_machine(peer: str, control: bytes) -> None:
    """bbr gives way where both ends of a connection have one address, and nowhere else."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
        need_bbr(sock)
        sock.bind((peer, 0))
        sock.connect(listener.getsockname())
        unpace(sock)
        assert control_of(sock) == control


@pytest.mark.parametrize("largest", [9000, 70000])
def test_packets_of_a_network_are_paced(largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An own address whose packets are not those of loopback may be another machine's."""
    monkeypatch.setattr(splicing, "LARGEST_SEGMENT", largest)
    ours, theirs = tcp_pair()
    with ours, theirs:
        need_bbr(ours)
        unpace(ours)
        assert control_of(ours) == (b"reno" if largest == 9000 else b"bbr")
