"""What a relay promises to its two ends, whatever they are."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_proxy import StartProxy
from faults import Faults, Plan
from peers import StartPeer, echo
from relay_ends import Ends, connect, pattern, recv_all, recv_into, relayed_ends, reset
from relays_under_test import RelayTo

DATA = pattern(300_000)  # more than a relay holds in one buffer
PAIRS = [(), ("left",), ("right",), ("left", "right")]


@pytest.fixture(params=PAIRS, ids=lambda unix: "unix: " + (" ".join(unix) or "none"))
def ends(request: pytest.FixtureRequest, relay_to: RelayTo, tmp_path: Path) -> Iterator[Ends]:
    """Return two ends of a relay, of each family."""
    with relayed_ends(relay_to, *request.param, directory=tmp_path) as ends:
        yield ends


@pytest.fixture
def tcp_ends(relay_to: RelayTo, tmp_path: Path) -> Iterator[Ends]:
    with relayed_ends(relay_to, directory=tmp_path) as ends:
        yield ends


@contextlib.contextmanager
def sending(sock: socket.socket, data: bytes) -> Iterator[None]:
    """Send *data* and the end of file meanwhile."""

    def send() -> None:
        with contextlib.suppress(OSError):  # the other end may have given up
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join()


def test_answer_after_the_end_of_the_question(ends: Ends) -> None:
    """An end of file goes on as a half-close, and the answer to it arrives in full."""
    with sending(ends.left, DATA):
        assert recv_all(ends.right) == DATA
    with sending(ends.right, DATA[::-1]):
        assert recv_all(ends.left) == DATA[::-1]
    assert ends.relay.outcome() is None


def test_question_after_the_end_of_the_answer(ends: Ends) -> None:
    """The same the other way round: the server says all first, and then listens."""
    with sending(ends.right, DATA):
        assert recv_all(ends.left) == DATA
    with sending(ends.left, DATA[::-1]):
        assert recv_all(ends.right) == DATA[::-1]
    assert ends.relay.outcome() is None


def test_both_ways_at_once(ends: Ends) -> None:
    """Neither direction waits for the other one."""
    with sending(ends.left, DATA), sending(ends.right, DATA[::-1]):
        got = bytearray()
        collector = threading.Thread(target=recv_into, args=(got, ends.right))
        collector.start()
        assert recv_all(ends.left) == DATA[::-1]
        collector.join()
    assert got == DATA


def test_nothing_but_ends(ends: Ends) -> None:
    """Without a byte, ends of file are passed on as well."""
    ends.left.shutdown(socket.SHUT_WR)
    assert ends.right.recv(1) == b""
    ends.right.shutdown(socket.SHUT_WR)
    assert ends.left.recv(1) == b""
    assert ends.relay.outcome() is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_reset_goes_on(side: str, tcp_ends: Ends) -> None:
    """A reset of one side is a reset of the other, after what was sent, and is an error."""
    broken, other = tcp_ends.left, tcp_ends.right
    if side == "right":
        broken, other = other, broken
    broken.sendall(b"half")
    assert other.recv(4, socket.MSG_WAITALL) == b"half"
    reset(broken)
    with pytest.raises(ConnectionResetError):
        other.recv(1)
    assert isinstance(tcp_ends.relay.outcome(), ConnectionResetError)


def test_reset_after_the_end_of_file(tcp_ends: Ends) -> None:
    """A reset is passed on even by one who has already said all."""
    tcp_ends.left.sendall(b"question")
    tcp_ends.left.shutdown(socket.SHUT_WR)
    assert recv_all(tcp_ends.right) == b"question"
    reset(tcp_ends.left)
    with contextlib.suppress(OSError):  # the second one meets the reset
        while True:
            tcp_ends.right.sendall(DATA)
    assert isinstance(tcp_ends.relay.outcome(), OSError)


def test_answer_of_one_who_does_not_read(tcp_ends: Ends) -> None:
    """A server may answer and close with the question unread: its answer still arrives."""
    with sending(tcp_ends.left, DATA * 40):  # more than all the buffers on the way
        tcp_ends.right.sendall(b"no, thank you")
        tcp_ends.right.close()
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            recv_into(got, tcp_ends.left)
        assert got == b"no, thank you"
    assert isinstance(tcp_ends.relay.outcome(), OSError)


@pytest.mark.parametrize("direction", ["there", "back"])
@pytest.mark.parametrize("slices", [(1, 2, 3), (3, 1, 70_000)], ids=["small", "mixed"])
def test_slices(
    slices: tuple[int, ...],
    direction: str,
    relay_to: RelayTo,
    peer: StartPeer,
    fault_proxy: StartProxy,
) -> None:
    """However small the segments before and behind the relay, every byte arrives."""
    data = DATA[:30_000] if sum(slices) < 10 else DATA
    plan = Plan(**{direction: Faults(slices=slices)})
    behind = fault_proxy(peer(echo).name, plan)
    relay = relay_to(behind.address())
    front = fault_proxy(("127.0.0.1", relay.port), plan)
    with connect(front.address()) as sock, sending(sock, data):
        assert recv_all(sock) == data
    assert relay.outcome() is None


@pytest.mark.parametrize("command", ["cat", "rev"])
def test_program_behind(command: str, relay_to: RelayTo) -> None:
    """A program that answers after the end of file sees it, and its answer comes back."""
    relay = relay_to(f"exec:{command}")
    with connect(relay.address) as sock:
        sock.sendall(b"hello\n")
        sock.shutdown(socket.SHUT_WR)
        assert recv_all(sock) == {"cat": b"hello\n", "rev": b"olleh\n"}[command]
    assert relay.outcome() is None


def test_target_that_refuses(relay_to: RelayTo) -> None:
    """A target that cannot be reached ends the connection with an error, not the relay."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        unused = listener.getsockname()[1]
    relay = relay_to(f"tcp://127.0.0.1:{unused}")
    for _ in range(2):
        # The reset may come before connect(2) has returned.
        with contextlib.suppress(ConnectionResetError), connect(relay.address) as sock:
            assert sock.recv(1) == b""
        assert isinstance(relay.outcome(), ConnectionRefusedError)
