"""udp: datagrams stay whole."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

import fildes


class Answerer:
    """A socket that answers whoever spoke last."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.address = f"udp://127.0.0.1:{sock.getsockname()[1]}"

    def recv(self) -> bytes:
        data, self.asker = self.sock.recvfrom(65536)
        return data

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.asker)


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield Answerer(sock)


def test_each_write_is_one_datagram(answerer: Answerer) -> None:
    """Writes are neither gathered nor cut, and an empty one is sent, too."""
    with fildes.open(answerer.address) as f:
        for data in (b"one", b"", b"three"):
            f.write(data)
        assert [answerer.recv() for _ in range(3)] == [b"one", b"", b"three"]


def test_each_read_is_one_datagram(answerer: Answerer) -> None:
    """Reads keep the bounds, and an empty datagram is no end of file."""
    with fildes.open(answerer.address) as f:
        f.write(b"?")
        answerer.recv()
        for data in (b"one", b"", b"x" * 60000):
            answerer.send(data)
        assert [f.read(), f.read(3), f.read()] == [b"one", b"", b"x" * 60000]


def test_iteration_yields_datagrams(answerer: Answerer) -> None:
    """A loop over the file gets the datagrams, whatever their line ends."""
    with fildes.open(answerer.address) as f:
        f.write(b"?")
        answerer.recv()
        answerer.send(b"a\nb\n")
        answerer.send(b"")
        assert [next(f), next(f)] == [b"a\nb\n", b""]


def test_too_long_a_datagram_is_kept(answerer: Answerer) -> None:
    """A datagram longer than the buffer is an error that tells its size; nothing is lost."""
    with fildes.open(answerer.address) as f:
        f.write(b"?")
        answerer.recv()
        answerer.send(b"0123456789")
        answerer.send(b"next")
        for _ in range(2):
            with pytest.raises(OSError, match="10 bytes, the buffer 4") as caught:
                f.read(4)
            assert caught.value.errno == errno.EMSGSIZE
        assert [f.read(10), f.read(4)] == [b"0123456789", b"next"]


def test_stranger_is_not_heard(answerer: Answerer) -> None:
    """Only the peer's datagrams come in."""
    with fildes.open(answerer.address) as f:
        f.write(b"?")
        answerer.recv()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"evil", answerer.asker)
        answerer.send(b"good")
        assert f.read() == b"good"


def test_nobody_there_is_refused() -> None:
    """Where nobody listens, the error says so: at the next read at the latest."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with fildes.open(f"udp://127.0.0.1:{port}", idle_timeout=20) as f:
        f.write(b"?")
        with pytest.raises(ConnectionRefusedError):
            f.read()


def test_text_is_refused(answerer: Answerer) -> None:
    """Datagrams have no lines, so a text mode is an error and leaves nothing open."""
    with pytest.raises(OSError, match="datagrams"):
        fildes.open(answerer.address, "r+t")


def test_silence_is_a_timeout(answerer: Answerer) -> None:
    """A read waits no longer than idle_timeout."""
    with fildes.open(answerer.address, idle_timeout=0.01) as f, pytest.raises(TimeoutError):
        f.read()
