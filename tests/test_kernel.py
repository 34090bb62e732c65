"""Streams that the kernel carries, below any file."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from fildes.drivers import blocking
from fildes.streams.datagrams import DatagramStream, SeqpacketStream, socket_stream
from fildes.streams.endpoints import endpoint
from fildes.streams.kernel import DescriptorStream, SocketStream


@pytest.fixture
def pair() -> Iterator[tuple[SocketStream, socket.socket]]:
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)
    with theirs:
        yield stream, theirs
        stream.abort()


def test_nothing_there_is_none_and_the_end_is_zero(
    pair: tuple[SocketStream, socket.socket],
) -> None:
    """None means later, 0 the end of file, and again 0 on each later call."""
    stream, theirs = pair
    buffer = memoryview(bytearray(9))
    assert stream.try_recv_into(buffer) is None
    theirs.send(b"abc")
    assert stream.try_recv_into(buffer) == 3
    theirs.close()
    assert [stream.try_recv_into(buffer), stream.try_recv_into(buffer)] == [0, 0]


def test_full_peer_is_none(pair: tuple[SocketStream, socket.socket]) -> None:
    """A peer that takes no more gives None, never 0, and what was taken arrives."""
    stream, theirs = pair
    data = memoryview(bytes(100_000))
    taken = 0
    while (sent := stream.try_send(data)) is not None:
        assert sent > 0
        taken += sent
    assert len(theirs.recv(taken, socket.MSG_WAITALL)) == taken


def test_blocking_mode_is_left_alone(pair: tuple[SocketStream, socket.socket]) -> None:
    """Calls that do not wait leave the descriptor in blocking mode."""
    stream, _ = pair
    stream.try_recv_into(memoryview(bytearray(1)))
    assert os.get_blocking(stream.fileno())


@pytest.mark.parametrize("end", ["close", "abort"])
def test_ends_in_any_state_and_order(end: str) -> None:
    """close and abort work twice and after each other, and release the descriptor."""
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)
    with theirs:
        stream.interrupt()
        for each in (end, "close", "abort", "interrupt"):
            if each == "close":
                blocking.run(stream.close())
            else:
                getattr(stream, each)()
        assert stream.fileno() == -1


def test_interrupt_wakes_a_thread(pair: tuple[SocketStream, socket.socket]) -> None:
    """A thread that waits in the kernel comes back with 0."""
    stream, _ = pair
    receive = stream.blocking_recv_into()
    assert receive is not None
    results: list[int] = []
    about_to = threading.Event()

    def wait() -> None:
        about_to.set()
        results.append(receive(bytearray(1)))

    waiter = threading.Thread(target=wait)
    waiter.start()
    about_to.wait()
    stream.interrupt()
    waiter.join(20)
    assert results == [0]


def test_owner_of_a_socket_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that cannot be made has closed the socket that it was given."""

    class Interrupted(socket.socket):
        def getpeername(self) -> object:
            raise KeyboardInterrupt

    sock = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        SocketStream(sock)
    assert sock.fileno() == -1


@pytest.mark.parametrize(
    ("family", "kind", "name", "shown"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 80), "tcp://127.0.0.1:80"),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53), "udp://127.0.0.1:53"),
        (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 80, 0, 0), "tcp://[::1]:80"),
        (socket.AF_INET6, socket.SOCK_STREAM, ("fe80::1%lo", 80, 0, 1), "tcp://[fe80::1%25lo]:80"),
        (socket.AF_UNIX, socket.SOCK_STREAM, "/run/a b", "unix:/run/a%20b"),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET, "/s", "unix-seqpacket:/s"),
        (socket.AF_UNIX, socket.SOCK_DGRAM, b"\0name", "unix-dgram:@name"),
        (socket.AF_UNIX, socket.SOCK_STREAM, "", None),
        (socket.AF_INET, socket.SOCK_STREAM, None, None),
    ],
)
def test_endpoint_is_an_address(
    family: socket.AddressFamily, kind: socket.SocketKind, name: object, shown: str | None
) -> None:
    """The name of a socket is shown as an address that opens it; no name is None."""
    with socket.socket(family, kind) as sock:
        assert endpoint(sock, name) == shown


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        (socket.SOCK_STREAM, SocketStream),
        (socket.SOCK_DGRAM, DatagramStream),
        (socket.SOCK_SEQPACKET, SeqpacketStream),
    ],
)
def test_each_type_has_its_stream(kind: socket.SocketKind, stream: type) -> None:
    """The type of a socket decides on what its stream promises."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with theirs:
        made = socket_stream(ours)
        assert type(made) is stream
        assert (made.messages, made.endless) == (
            kind != socket.SOCK_STREAM,
            kind == socket.SOCK_DGRAM,
        )
        made.abort()


def test_two_descriptors_are_one_conversation() -> None:
    """One descriptor each way: half-close closes the one we write, close the other."""
    to_us, to_them = os.pipe(), os.pipe()
    stream = DescriptorStream(to_us[0], to_them[1])
    with open(to_us[1], "wb", 0) as theirs, open(to_them[0], "rb") as received:
        assert stream.fileno() == -1
        assert stream.try_recv_into(memoryview(bytearray(1))) is None
        assert stream.try_send(memoryview(b"question")) == 8
        blocking.run(stream.half_close())
        assert received.read() == b"question"
        theirs.write(b"answer")
        assert stream.try_recv_into(memoryview(bytearray(9))) == 6
        blocking.run(stream.close())
        blocking.run(stream.close())


def no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a kernel that cannot be told to write without waiting."""

    def pwritev(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "pwritev", pwritev)


def test_pipe_takes_what_is_sure_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write to a pipe never waits: it is None once the pipe is full."""
    no_flag(monkeypatch)
    source, sink = os.pipe()
    stream = DescriptorStream(sink=sink)
    with open(source, "rb"):
        data = memoryview(bytes(1 << 20))
        while (sent := stream.try_send(data)) is not None:
            assert 0 < sent <= 4096
        stream.abort()


def test_pipe_takes_what_fits() -> None:
    """Where a write can be told not to wait, it takes all that fits, and then None."""
    source, sink = os.pipe()
    stream = DescriptorStream(sink=sink)
    with open(source, "rb") as reader:
        sent = []
        while (size := stream.try_send(memoryview(bytes(1 << 20)))) is not None:
            sent.append(size)
        if not stream.never_waits:
            pytest.skip("this kernel waits in writes to a pipe; RWF_NOWAIT is of Linux 6.4")
        assert len(sent) == 1
        assert os.get_blocking(sink)
        stream.abort()
        assert len(reader.read()) == sent[0]
