"""Descriptors that travel with the bytes of a unix socket."""

from __future__ import annotations

import array
import contextlib
import errno
import io
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pair_ends import abstract_name
from peers import StartPeer, echo

import fildes

SCHEMES = ["unix", "unix-seqpacket"]


@contextlib.contextmanager
def connection(scheme: str, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the two ends of a connection."""
    with (
        fildes.listen(f"{scheme}:{abstract_name()}") as listener,
        fildes.open(listener.address, **options) as f,
        listener.accept() as accepted,
    ):
        yield f, accepted


@pytest.fixture(params=SCHEMES)
def files(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[Any]:
    """Return the two ends of a connection of either kind."""
    with connection(request.param) as ends:
        yield ends


@pytest.fixture
def streams(nothing_left_behind: None) -> Iterator[tuple[Any, Any]]:
    """Return the two ends of a stream."""
    with connection("unix") as ends:
        yield ends


def read_all(fd: int) -> bytes:
    """Return what is read from *fd*, and close it."""
    with open(fd, "rb") as file:
        return file.read()


def test_descriptors_arrive(files: Any, tmp_path: Path) -> None:
    """A file and the end of a pipe arrive with the bytes, close-on-exec; ours stay open."""
    f, accepted = files
    (tmp_path / "file").write_text("in the file")
    source, sink = os.pipe()
    with open(tmp_path / "file", "rb") as file:
        assert f.send_fds(b"two", [file, source]) == 3
        assert not file.closed
    os.write(sink, b"in the pipe")
    os.close(sink)
    data, fds = accepted.recv_fds(100, 5)
    assert data == b"two"
    assert [os.get_inheritable(fd) for fd in fds] == [False, False]
    assert [read_all(fd) for fd in fds] == [b"in the file", b"in the pipe"]
    os.close(source)


def test_no_descriptors(files: Any) -> None:
    """Bytes that carry none arrive as such, and the end of file after them."""
    f, accepted = files
    f.send_fds(b"none", [])
    assert accepted.recv_fds(100, 5) == (b"none", [])
    f.half_close()
    assert accepted.recv_fds(100, 5) == (b"", [])
    accepted.send_fds(b"answer", [])
    assert f.recv_fds(100, 0) == (b"answer", [])


def test_what_was_written_goes_first(streams: Any) -> None:
    """Bytes that were written before are sent before, and read by a plain read."""
    f, accepted = streams
    f.write(b"before, ")
    f.send_fds(b"with, ", [0])
    f.write(b"after")
    f.half_close()
    data, fds = accepted.recv_fds(100, 1)
    if data == b"before, ":
        data, fds = accepted.recv_fds(100, 1)
    assert len(fds) == 1
    os.close(fds[0])
    assert data in (b"before, with, ", b"with, ")
    assert accepted.read() == b"after"


def test_question_is_sent_before_the_answer_is_awaited(streams: Any) -> None:
    """What was written is not left in our buffer while descriptors are received."""
    f, accepted = streams
    f.write(b"?")
    answering = threading.Thread(target=lambda: accepted.read(1) and accepted.send_fds(b"!", [1]))
    answering.start()
    data, fds = f.recv_fds(10, 1)
    answering.join()
    assert (data, len(fds)) == (b"!", 1)
    os.close(fds[0])


def test_large_data_arrives_whole(streams: Any) -> None:
    """All of the data is sent, however little the socket takes at once, and one duplicate."""
    f, accepted = streams
    many = os.urandom(1_000_000)
    sending = threading.Thread(target=lambda: f.send_fds(many, [0]) and f.half_close())
    sending.start()
    got, found = b"", []
    while data_and_fds := accepted.recv_fds(65536, 3):
        data, fds = data_and_fds
        got += data
        found += fds
        if not data:
            break
    sending.join()
    assert got == many
    assert len(found) == 1
    os.close(found[0])


def test_too_many_are_an_error_that_leaks_nothing(files: Any) -> None:
    """More descriptors than were asked for are EMSGSIZE, and all of them are closed."""
    f, accepted = files
    f.send_fds(b"three", [0, 1, 2])
    with pytest.raises(OSError, match="5 bytes came with more than 2 descriptors") as caught:
        accepted.recv_fds(100, 2)
    assert caught.value.errno == errno.EMSGSIZE
    f.send_fds(b"x", [0])
    with pytest.raises(OSError, match="more than 0"):
        accepted.recv_fds(100, 0)


def test_too_long_a_record_leaks_nothing() -> None:
    """A record that is longer than was asked for is EMSGSIZE, its descriptors closed."""
    with connection("unix-seqpacket") as (f, accepted):
        f.send_fds(b"12345", [0, 1])
        with pytest.raises(OSError, match="longer than 2 bytes") as caught:
            accepted.recv_fds(2, 2)
        assert caught.value.errno == errno.EMSGSIZE
        f.send_fds(b"12345", [0])
        with pytest.raises(OSError, match="it is kept"):
            accepted.read(2)
        with pytest.raises(io.UnsupportedOperation, match="descriptors are lost"):
            accepted.recv_fds(9, 2)
        assert accepted.read(9) == b"12345"


def test_datagrams_carry_them(tmp_path: Path) -> None:
    """unix-dgram carries descriptors with a datagram, there and back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "s"))
        with fildes.open(f"unix-dgram:{tmp_path}/s") as f:
            f.send_fds(b"there", [0])
            data, fds, _, name = socket.recv_fds(sock, 99, 3)
            os.close(fds[0])
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1]))
            sock.sendmsg([b"back"], [rights], 0, name)
            answer, found = f.recv_fds(99, 3)
            os.close(found[0])
            assert (data, len(fds), answer, len(found)) == (b"there", 1, b"back", 1)


def test_read_ahead_is_said(streams: Any) -> None:
    """After a line was read, bytes behind it were, too: their descriptors cannot come."""
    f, accepted = streams
    f.write(b"line\nrest")
    f.flush()
    assert accepted.readline() == b"line\n"
    with pytest.raises(io.UnsupportedOperation, match="4 bytes were read ahead"):
        accepted.recv_fds(9, 1)
    assert accepted.read(4) == b"rest"
    f.send_fds(b"now", [0])
    data, fds = accepted.recv_fds(9, 1)
    os.close(fds[0])
    assert data == b"now"


def test_plain_read_drops_them(streams: Any) -> None:
    """Descriptors that nobody asks for are closed by the kernel."""
    f, accepted = streams
    source, sink = os.pipe()
    f.send_fds(b"x", [sink])
    os.close(sink)
    assert accepted.read(1) == b"x"
    assert read_all(source) == b""


def test_wrong_arguments(streams: Any) -> None:
    """No data, no room, or more descriptors than a message has are errors, and nothing is sent."""
    f, accepted = streams
    for send in ((b"", [0]), (b"x", [-1]), (b"x", [99999]), (b"x", [0] * 254)):
        with pytest.raises((ValueError, OSError)):
            f.send_fds(*send)
    for receive in ((0, 1), (1, -1), (1, 254)):
        with pytest.raises(ValueError, match="at most 253"):
            accepted.recv_fds(*receive)
    f.half_close()
    with pytest.raises(BrokenPipeError):
        f.send_fds(b"x", [0])
    assert accepted.read() == b""


def test_one_direction(streams: Any, nothing_left_behind: None) -> None:
    """What is open for one direction only neither sends nor receives in the other."""
    with fildes.listen(f"unix:{abstract_name()}") as listener:
        with fildes.open(listener.address, "rb") as f, pytest.raises(io.UnsupportedOperation):
            f.send_fds(b"x", [0])
        with fildes.open(listener.address, "r+b", 0) as f:
            f.description.stream.readable = False
            with pytest.raises(io.UnsupportedOperation):
                f.recv_fds(1, 1)


def test_other_files_carry_none(peer: StartPeer, tmp_path: Path) -> None:
    """A tcp connection or a file of this machine says that it carries no descriptors."""
    server = peer(echo)
    with fildes.open(f"tcp://127.0.0.1:{server.port}") as f:
        with pytest.raises(io.UnsupportedOperation, match="only unix sockets"):
            f.send_fds(b"x", [0])
        with pytest.raises(io.UnsupportedOperation, match="only unix sockets"):
            f.recv_fds(1, 1)
    with fildes.open("pipe:") as f, pytest.raises(io.UnsupportedOperation, match="only unix"):
        f.recv_fds(1, 1)


def test_closed_file(streams: Any) -> None:
    """A closed file says so."""
    f, _ = streams
    f.close()
    with pytest.raises(ValueError, match="closed"):
        f.send_fds(b"x", [0])
    with pytest.raises(ValueError, match="closed"):
        f.recv_fds(1, 1)


def test_idle_limit() -> None:
    """A receive waits no longer than the idle limit."""
    with connection("unix", idle_timeout=0.01) as (f, _), pytest.raises(TimeoutError):
        f.recv_fds(1, 1)
