"""Copies through which much flows go past this process, and nothing else changes."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from loops import DRIVERS, RunProtocol
from passages import (
    SINKS,
    SOURCES,
    Make,
    Splices,
    appended,
    draining,
    feeding,
    file_sink,
    file_source,
    joints,
    moved,
    pass_always,
    passing,
    pipe_sink,
    tcp,
    unix,
)
from stream_copies import pipe_streams

import fildes
from fildes.drivers import blocking
from fildes.schemes.fd import duplicate
from fildes.streams import pipes
from fildes.streams.buffers import buffers_here
from fildes.streams.half import Half, LoneHalf
from fildes.streams.kernel import DescriptorStream, SocketStream
from fildes.streams.passage import DEARER, passage_between
from fildes.streams.pipes import Pipes
from fildes.streams.relay import copy
from fildes.streams.shaped import (
    CountedStream,
    EscapedStream,
    LimitedStream,
    LineEndStream,
    OpenEndedStream,
    ShapedStream,
    TappedStream,
)
from fildes.streams.stream import Stream

DATA = os.urandom(1_500_000)

#: What the kinds are called in `DEARER`.
NAMES = {"tcp": "socket"}


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("run", DRIVERS)
@pytest.mark.usefixtures("always")
def test_each_pair(
    source: str, sink: str, run: RunProtocol, splices: Splices, tmp_path: Path
) -> None:
    """From each kind to each kind all bytes and the end come, in the kernel where that is cheap."""
    with joints(SOURCES[source], SINKS[sink], tmp_path) as (left, right):
        assert moved(left, right, DATA, run) == DATA
    cheap = (NAMES.get(source, source), NAMES.get(sink, sink)) not in DEARER
    assert bool(splices) is cheap


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.usefixtures("always")
def test_each_pair_alone(source: str, sink: str, splices: Splices, tmp_path: Path) -> None:
    """So they do where the kernel may wait for both ends, which then keep their modes."""
    with joints(SOURCES[source], SINKS[sink], tmp_path) as (left, right):
        half = LoneHalf(left.stream, right.stream)
        with draining(right) as pieces, feeding(left, DATA):
            blocking.run(copy([half], until=lambda: half.copied > 1_100_000))
            assert os.get_blocking(left.stream.recv_fd)
            assert os.get_blocking(right.stream.send_fd)
            blocking.run(copy([half]))
        assert b"".join(pieces) == DATA
    assert bool(splices) is ((NAMES.get(source, source), NAMES.get(sink, sink)) not in DEARER)


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.usefixtures("always")
def test_file_into_a_socket_of_others(
    timeout: float | None, splices: Splices, tmp_path: Path
) -> None:
    """`fildes.pipe` sends a built-in file into a built-in socket without touching the bytes."""
    (tmp_path / "file").write_bytes(DATA)
    with joints(unix, unix, tmp_path) as (left, _), (tmp_path / "file").open("rb") as file:
        sock = socket.socket(fileno=os.dup(left.stream.fileno()))
        with draining(left) as pieces, sock:
            sock.settimeout(timeout)
            assert fildes.pipe(file, sock) == len(DATA)
            assert sock.gettimeout() == timeout
    assert b"".join(pieces) == DATA
    assert splices


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_little_is_copied(size: int, splices: Splices, tmp_path: Path) -> None:
    """What is small goes through memory, and needs no pipe."""
    with joints(unix, pipe_sink, tmp_path) as (left, right):
        assert moved(left, right, DATA[:size]) == DATA[:size]
    assert not splices
    assert buffers_here().pipes.there == 0


def no_splice(monkeypatch: pytest.MonkeyPatch) -> None:
    def splice(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "splice", splice)


def no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "MAX_PIPES", 0)


def no_large_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "PIPE_SIZE", 1 << 31)  # which fcntl(2) refuses


def signal_of_broken_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)


@pytest.mark.parametrize("lack", [no_splice, no_pipes, no_large_pipes, signal_of_broken_pipes])
@pytest.mark.usefixtures("always")
def test_where_it_cannot_be_used(
    lack: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without splice(2) or pipes, or where SIGPIPE would end us, bytes are copied."""
    lack(monkeypatch)
    with joints(tcp, unix, tmp_path) as (left, right):
        assert moved(left, right, DATA) == DATA


@pytest.mark.parametrize("source", [unix, file_source, tcp])
@pytest.mark.usefixtures("always")
def test_append(source: Make, splices: Splices, tmp_path: Path) -> None:
    """A file that only grows refuses splice(2); what was on its way to it is not lost."""
    with joints(source, appended, tmp_path) as (left, right):
        (tmp_path / "right").write_bytes(b"before ")
        assert moved(left, right, DATA) == b"before " + DATA
    assert len(splices) == 1  # into the pipe, and never again


def test_nowhere(splices: Splices, tmp_path: Path) -> None:
    """What goes to /dev/null is not even copied."""
    sink = DescriptorStream(sink=os.open("/dev/null", os.O_WRONLY))
    with joints(file_source, file_sink, tmp_path) as (left, _), feeding(left, bytes(20_000_000)):
        assert blocking.run(pipe_streams(left.stream, sink)) == 20_000_000
        sink.abort()
    assert sum(splices) > 20_000_000


@pytest.mark.usefixtures("always")
def test_mode_of_a_borrowed_socket(splices: Splices, tmp_path: Path) -> None:
    """A socket whose other holders would see O_NONBLOCK keeps its mode, and is not spliced into."""
    with joints(file_source, unix, tmp_path) as (left, right):
        theirs = duplicate(right.stream.fileno())
        with draining(right) as pieces, feeding(left, DATA):
            assert blocking.run(pipe_streams(left.stream, theirs)) == len(DATA)
            assert os.get_blocking(right.stream.fileno())
        theirs.abort()
    assert b"".join(pieces) == DATA
    assert not splices


@pytest.mark.usefixtures("always")
def test_socket_that_never_waits(splices: Splices, tmp_path: Path) -> None:
    """One that has O_NONBLOCK anyway, as those with a timeout in Python, is spliced into."""
    with joints(file_source, unix, tmp_path) as (left, right):
        os.set_blocking(right.stream.fileno(), False)
        theirs = duplicate(right.stream.fileno())
        with draining(right) as pieces, feeding(left, DATA):
            assert blocking.run(pipe_streams(left.stream, theirs)) == len(DATA)
            assert not os.get_blocking(right.stream.fileno())
        theirs.abort()
    assert b"".join(pieces) == DATA
    assert splices


@pytest.mark.usefixtures("always")
def test_limit(splices: Splices, tmp_path: Path) -> None:
    """A limit is kept to the byte; what follows stays where it was."""
    with joints(unix, pipe_sink, tmp_path) as (left, right):
        far = socket.socket(fileno=os.dup(left.far.fileno()))
        with far, draining(right) as pieces:
            far.sendall(DATA[:60_000])
            half = passing(LimitedStream(left.stream, 50_001), right.stream)
            blocking.run(copy([half]))
            assert (half.copied, half.ended) == (50_001, True)
            assert blocking.run(left.stream.recv(20_000)) == DATA[50_001:60_000]
    assert b"".join(pieces) == DATA[:50_001]
    assert splices


def limited(stream: Stream) -> ShapedStream:
    return LimitedStream(stream, 100)


def counted(stream: Stream) -> ShapedStream:
    return CountedStream(stream, lambda size: None)


def tapped(stream: Stream) -> ShapedStream:
    return TappedStream(stream, lambda data: None)


def escaped(stream: Stream) -> ShapedStream:
    return EscapedStream(stream, 0x1D)


def with_line_ends(stream: Stream) -> ShapedStream:
    return LineEndStream(stream, b"\r\n")


Shape = Callable[[Stream], ShapedStream]


@pytest.mark.parametrize(
    ("shape", "size", "is_sink"),
    [
        (limited, 100, True),
        (counted, 1 << 40, True),
        (OpenEndedStream, 1 << 40, True),
        (tapped, 0, True),
        (escaped, 0, True),
        (with_line_ends, 0, False),
    ],
)
def test_who_has_to_see_the_bytes(shape: Shape, size: int, is_sink: bool, tmp_path: Path) -> None:
    """What lies over a stream says how many of the next bytes, and of those sent, it can miss."""
    with joints(unix, unix, tmp_path) as (left, _):
        stream = shape(left.stream)
        direct = stream.direct()
        assert (0 if direct is None else min(direct.size, 1 << 40)) == size
        assert (stream.direct_sink() is left.stream) is is_sink


def test_counts(tmp_path: Path, splices: Splices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only counts is told of each piece, wherever it goes."""
    pass_always(monkeypatch)
    sizes: list[int] = []
    ends = joints(unix, pipe_sink, tmp_path)
    with ends as (left, right), draining(right), feeding(left, DATA):
        source = CountedStream(left.stream, sizes.append)
        assert blocking.run(pipe_streams(source, right.stream)) == len(DATA)
    assert sum(sizes) == len(DATA)
    assert len(splices) < len(sizes) + 2  # the first piece was copied


def test_two_ways(tmp_path: Path, splices: Splices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both directions of a relay can go past this process at the same time."""
    pass_always(monkeypatch, 65536)
    with joints(unix, tcp, tmp_path) as (left, right):
        there, back = Half(left.stream, right.stream), Half(right.stream, left.stream)
        ends = [socket.socket(fileno=os.dup(each.far.fileno())) for each in (left, right)]
        left.far.close()
        right.far.close()
        for end in ends:
            end.sendall(DATA[:100_000])
            end.shutdown(socket.SHUT_WR)
        blocking.run(copy([there, back]))
        assert (there.copied, back.copied) == (100_000, 100_000)
        for end in ends:
            with end:
                assert end.recv(200_000, socket.MSG_WAITALL) == DATA[:100_000]
    assert splices


def test_not_worth_it(tmp_path: Path) -> None:
    """Of little before a border there is no passage, nor where there is no pipe for one."""
    none = Pipes()
    none.there = pipes.MAX_PIPES
    with joints(unix, tcp, tmp_path) as (left, right):
        assert passage_between(LimitedStream(right.stream, 1000), left.stream, Pipes()) is None
        assert passage_between(right.stream, left.stream, none) is None
        assert isinstance(left.stream, SocketStream)
        left.stream.abort()
        assert passage_between(left.stream, right.stream, Pipes()) is None
