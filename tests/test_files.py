"""The faces of a file keep the contracts of the io module, over tcp."""

from __future__ import annotations

import array
import errno
import io
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peers import StartPeer, echo
from ways import WAYS, Way

import fildes

DATA = b"first\nsecond\n\nlast"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_every_way_of_reading_is_the_same(peer: StartPeer, way: Way, mode: Any) -> None:
    """However a file is read, by object, descriptor or program, the bytes are the same."""
    server = peer(lambda talk: talk.send(DATA))
    got = bytearray()
    with fildes.open(server.address(), mode) as f:
        way(f, got)
    assert got == DATA


#: All but the raw file, which lies below the buffer, and programs, which read it whole.
BUFFERED_WAYS = [way for way in WAYS[:9] if way.__name__ != "raw_readinto"]


@pytest.mark.parametrize("way", BUFFERED_WAYS, ids=lambda way: way.__name__)
def test_read_ahead_is_not_lost(peer: StartPeer, way: Way) -> None:
    """After a line every way of reading goes on with the next byte."""
    server = peer(lambda talk: talk.send(DATA))
    with fildes.open(server.address()) as f:
        assert f.readline() == b"first\n"
        got = bytearray()
        if way.__name__ == "os_read":  # the bytes read ahead need a descriptor of their own
            got += f.taken_back()
        way(f, got)
    assert got == DATA[6:]


BUFFERS: list[Callable[[], Any]] = [
    lambda: b"abcd",
    lambda: bytearray(b"abcd"),
    lambda: memoryview(b"abcd"),
    lambda: memoryview(b"xabcdx")[1:5],
    lambda: array.array("H", [0x6261, 0x6463]),
    lambda: memoryview(array.array("H", [0x6261, 0x6463])),
]


@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.parametrize("make", BUFFERS)
def test_any_buffer_is_written(peer: StartPeer, make: Callable[[], Any], buffering: int) -> None:
    """Whatever has the buffer protocol is written, and its size counted in bytes."""
    server = peer(echo)
    with fildes.open(server.address(), buffering=buffering) as f:
        assert f.write(make()) == 4
        f.half_close()
        assert f.read() == b"abcd"


def test_written_buffer_is_the_caller_s_again(peer: StartPeer) -> None:
    """What is changed after a write is not what is sent."""
    data = bytearray(b"before")
    with fildes.open(peer(echo).address()) as f:
        f.write(data)
        data[:] = b"after!"
        data.clear()
        f.half_close()
        assert f.read() == b"before"


@pytest.mark.parametrize("bad", ["text", 5, None])
def test_only_bytes_are_written(peer: StartPeer, bad: Any) -> None:
    """Anything without the buffer protocol is a TypeError, and nothing is sent."""
    server = peer(echo)
    with fildes.open(server.address()) as f, pytest.raises(TypeError):
        f.write(bad)
    assert server.received == b""


def test_split_memory_is_refused(peer: StartPeer) -> None:
    """Memory that is not in one piece is refused, as by the io module."""
    with fildes.open(peer(echo).address()) as f, pytest.raises((BufferError, TypeError)):
        f.write(memoryview(b"abcdef")[::2])


def test_question_is_sent_before_its_answer_is_read(peer: StartPeer) -> None:
    """A read first sends what was written, without a flush."""
    with fildes.open(peer(echo).address()) as f:
        for word in (b"one\n", b"two\n"):
            f.write(word[:2])
            f.write(word[2:])
            assert f.readline() == word


def test_small_writes_are_gathered(peer: StartPeer) -> None:
    """Small writes go out together, with flush at the latest."""
    server = peer(echo)
    with fildes.open(server.address()) as f:
        for _ in range(100):
            f.write(b"x")
        assert f.description.pending == b"x" * 100
        f.flush()
        assert f.description.pending == b""
        f.half_close()
        assert f.read() == b"x" * 100


@pytest.mark.parametrize(
    "use",
    [
        lambda f: f.read(1),
        lambda f: f.readline(),
        lambda f: f.readinto(bytearray(1)),
        lambda f: f.write(b"x"),
        lambda f: f.flush(),
        lambda f: f.fileno(),
        lambda f: f.half_close(),
        lambda f: f.__enter__(),
        lambda f: next(f),
    ],
)
@pytest.mark.parametrize("buffering", [-1, 0])
def test_use_after_close(peer: StartPeer, use: Callable[[Any], Any], buffering: int) -> None:
    """A closed file raises ValueError for everything but a second close."""
    f = fildes.open(peer(echo).address(), buffering=buffering)
    f.close()
    f.close()
    f.abort()
    with pytest.raises(ValueError, match="closed"):
        use(f)


@pytest.mark.parametrize(
    ("mode", "use"),
    [
        ("rb", lambda f: f.write(b"x")),
        ("wb", lambda f: f.read(1)),
        ("wb", lambda f: f.readline()),
        ("r+b", lambda f: f.seek(0)),
        ("r+b", lambda f: f.tell()),
        ("r+b", lambda f: f.truncate(0)),
        ("r+b", lambda f: f.detach()),
    ],
)
def test_what_a_mode_does_not_allow(peer: StartPeer, mode: str, use: Callable[[Any], Any]) -> None:
    """A direction that was not asked for, and positions, are unsupported operations."""
    server = peer(echo)
    with fildes.open(server.address(), mode) as f:
        assert (f.readable(), f.writable(), f.seekable()) == ("w" not in mode, mode != "rb", False)
        with pytest.raises(io.UnsupportedOperation):
            use(f)


def test_file_of_one_direction_is_what_io_calls_it(peer: StartPeer) -> None:
    """isinstance tells readers and writers apart as for built-in files."""
    server = peer(echo, repeat=True)
    with fildes.open(server.address(), "rb") as f, fildes.open(server.address(), "wb") as g:
        assert isinstance(f, io.BufferedReader)
        assert isinstance(g, io.BufferedIOBase)
        assert not isinstance(g, io.BufferedReader)
    with fildes.open(server.address(), buffering=0) as h:
        assert isinstance(h, io.RawIOBase)


def test_half_close_flushes_and_ends_writing_only(peer: StartPeer) -> None:
    """half_close sends what was written; a later write is EPIPE, and spoils no reading."""
    with fildes.open(peer(echo).address()) as f:
        f.write(b"all")
        f.half_close()
        f.half_close()
        with pytest.raises(BrokenPipeError) as caught:
            f.write(b"more")
        assert (caught.value.errno, caught.value.filename) == (errno.EPIPE, f.address)
        assert f.read() == b"all"


def test_exception_is_no_end_of_file(peer: StartPeer) -> None:
    """An exception in the with block resets: the peer does not take a part for the whole."""
    server = peer(echo)
    f = fildes.open(server.address())
    f.write(b"half of it")
    with pytest.raises(ZeroDivisionError), f:
        raise ZeroDivisionError
    server.wait()
    assert isinstance(server.errors[0], ConnectionResetError)


def test_forgotten_file_resets_and_warns(peer: StartPeer) -> None:
    """A file that is dropped open warns; what was written does not pass for complete."""
    server = peer(echo)
    f = fildes.open(server.address())
    f.write(b"half of it")
    with pytest.warns(ResourceWarning, match="unclosed file"):
        del f
    server.wait()
    assert isinstance(server.errors[0], ConnectionResetError)


def test_name_and_repr(peer: StartPeer) -> None:
    """A file shows its address, and whether it is open."""
    server = peer(echo)
    f = fildes.open(server.address())
    assert f.name == f.address == server.address()
    assert repr(f) == f"<fildes.BufferedFile '{server.address()}' open>"
    f.close()
    assert repr(f) == f"<fildes.BufferedFile '{server.address()}' closed>"


@pytest.mark.parametrize(
    ("address", "mode", "buffering", "told"),
    [
        ("data:,x", None, -1, "rb"),
        ("./x", "wb", -1, "wb"),
        ("./x", "w", -1, "wt"),
        ("./y", "r+b", -1, "r+b"),
        ("./y", "r", -1, "rt"),
        ("./y", None, 0, "rb"),
        ("exec:cat", None, -1, "r+b"),
        ("exec:cat", "r+t", -1, "r+t"),
    ],
)
def test_mode(
    address: str,
    mode: Any,
    buffering: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file says its mode, as libraries ask of files: gzip, tarfile and pandas do."""
    (tmp_path / "y").touch()
    monkeypatch.chdir(tmp_path)
    with fildes.open(address, mode, buffering) as file:
        assert file.mode == told
    assert file.mode == told


def test_socket_from_the_descriptor(peer: StartPeer) -> None:
    """The descriptor is the socket itself: what the socket module can do, one can do."""
    server = peer(echo)
    with fildes.open(server.address()) as f, socket.socket(fileno=os.dup(f.fileno())) as sock:
        assert sock.getpeername() == server.name
