"""fd and stdio: descriptors that are there already."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fildes

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    source, sink = os.pipe()
    with open(source, "rb", 0), open(sink, "wb", 0):
        yield source, sink


def test_pipe(ends: tuple[int, int]) -> None:
    """The two ends of a pipe have one direction each."""
    source, sink = ends
    with fildes.open(f"fd:{sink}") as f:
        assert (f.readable(), f.writable()) == (False, True)
        f.write(b"through")
    with fildes.open(f"fd://{source}") as f:
        assert (f.readable(), f.writable()) == (True, False)
        assert f.read(7) == b"through"


def test_number_stays_the_caller_s(pair: tuple[socket.socket, socket.socket]) -> None:
    """Closing the file leaves the descriptor open."""
    ours, theirs = pair
    fildes.open(f"fd:{ours.fileno()}").close()
    ours.send(b"open")
    assert theirs.recv(9) == b"open"


def test_socket_half_closes(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket is one with all that belongs to it: half-close is shutdown(2)."""
    ours, theirs = pair
    with fildes.open(f"fd:{ours.fileno()}") as f:
        f.write(b"question")
        f.half_close()
        assert [theirs.recv(9), theirs.recv(9)] == [b"question", b""]
        theirs.send(b"answer")
        assert f.read(6) == b"answer"


def test_regular_file_is_seekable(tmp_path: Path) -> None:
    """A descriptor of a regular file has its position."""
    (tmp_path / "x").write_bytes(b"0123456789")
    with (tmp_path / "x").open("r+b", 0) as held, fildes.open(f"fd:{held.fileno()}") as f:
        assert isinstance(f, fildes.RandomFile)
        f.seek(5)
        assert f.read(2) == b"56"
        f.seek(0)
        f.write(b"x")
    assert (tmp_path / "x").read_bytes() == b"x123456789"


@pytest.mark.parametrize(("end", "mode"), [(0, "wb"), (1, "rb")])
def test_wrong_direction_is_bad(ends: tuple[int, int], end: int, mode: str) -> None:
    """A mode that the descriptor is not open for is EBADF, as of read(2) and write(2)."""
    with pytest.raises(OSError, match=f"descriptor {ends[end]} is not open for") as caught:
        fildes.open(f"fd:{ends[end]}", mode)
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize("number", [1_000_000, 1 << 31, 1 << 64])
def test_closed_descriptor_is_bad(number: int) -> None:
    """A number that stands for nothing is EBADF, whether the kernel can read it or not."""
    with pytest.raises(OSError) as caught:
        fildes.open(f"fd:{number}")
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize("word", ["", "x", "-1", "%D9%A3", "3.0"])
def test_only_numbers_are_descriptors(word: str) -> None:
    """Anything but ASCII digits is an address error."""
    with pytest.raises(fildes.AddressError):
        fildes.open(f"fd:{word}")


def test_listening_socket_is_refused() -> None:
    """A listening socket has no bytes, and the error says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(OSError, match="listening") as caught:
            fildes.open(f"fd:{listener.fileno()}")
        assert caught.value.errno == errno.EINVAL


def test_datagram_socket(tmp_path: Path) -> None:
    """A socket of datagrams is a file of datagrams."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs, fildes.open(f"fd:{ours.fileno()}") as f:
        theirs.send(b"one")
        theirs.send(b"")
        assert isinstance(f, fildes.DatagramFile)
        assert [f.read(), f.read()] == [b"one", b""]


def test_non_blocking_descriptor_is_waited_for(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """A descriptor that others made non-blocking reads and stays as it was."""
    ours, theirs = pair
    ours.setblocking(False)
    with fildes.open(f"fd:{ours.fileno()}", idle_timeout=20) as f:
        theirs.send(b"late")
        assert f.read(4) == b"late"
        assert not os.get_blocking(f.fileno())


#: Sends its standard input back in capitals, then says that it has seen the end.
CAPITALS = """
import fildes, sys
with fildes.open(sys.argv[1]) as f:
    f.write(f.read().upper())
    f.half_close()
"""


def run(code: str, *args: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # options of run
        [sys.executable, "-c", code, *args],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=True,
        **how,
    )


@pytest.mark.slow
@pytest.mark.parametrize("address", ["-", "stdio:"])
def test_stdio_over_pipes(address: str) -> None:
    """Standard input and output are one conversation."""
    assert run(CAPITALS, address, input=b"abc", stdout=subprocess.PIPE).stdout == b"ABC"


@pytest.mark.slow
def test_stdio_over_one_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """As a program of inetd, half-close is shutdown(2): the peer sees the end at once."""
    ours, theirs = pair
    ours.send(b"abc")
    ours.shutdown(socket.SHUT_WR)
    code = CAPITALS + "    sys.stdin.read()\n"
    run(code, "-", stdin=theirs, stdout=theirs)
    assert [ours.recv(9), ours.recv(9)] == [b"ABC", b""]


@pytest.mark.slow
def test_stdio_one_way() -> None:
    """With a mode of one direction the other descriptor is left alone."""
    code = "import fildes, os; os.close(0); f = fildes.open('-', 'wb'); f.write(b'x'); f.close()"
    assert run(code, stdout=subprocess.PIPE).stdout == b"x"
