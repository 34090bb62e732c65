"""Copies through which much flows go past this process, and nothing else changes."""

from __future__ import annotations

import errno
import os
import resource
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
    pipe_sink,
    pipe_source,
    tcp,
    unix,
)
from tcp_ends import hang_up, wait_acknowledged

from fildes.drivers import blocking
from fildes.schemes.fd import duplicate
from fildes.streams import pipes
from fildes.streams.buffers import buffers_here
from fildes.streams.half import Half
from fildes.streams.kernel import DescriptorStream, SocketStream
from fildes.streams.passage import DEARER, passage_between
from fildes.streams.pipes import Pipes
from fildes.streams.relay import copy, pipe_streams
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


def passing(source: Stream, sink: Stream) -> Half:
    """Return a direction that goes past this process from its first byte on."""
    half = Half(source, sink)
    half.passage = passage_between(source, sink, buffers_here().pipes)
    assert half.passage is not None
    return half


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


@pytest.mark.usefixtures("always")
def test_device_that_refuses(tmp_path: Path) -> None:
    """/dev/full knows no splice(2): what it says of a write is the error."""
    sink = DescriptorStream(sink=os.open("/dev/full", os.O_WRONLY))
    with joints(unix, file_sink, tmp_path) as (left, _), feeding(left, DATA):
        with pytest.raises(OSError, match="No space") as caught:
            blocking.run(pipe_streams(left.stream, sink))
        assert caught.value.errno == errno.ENOSPC
        sink.abort()


def test_nowhere(splices: Splices, tmp_path: Path) -> None:
    """What goes to /dev/null is not even copied."""
    sink = DescriptorStream(sink=os.open("/dev/null", os.O_WRONLY))
    with joints(file_source, file_sink, tmp_path) as (left, _), feeding(left, bytes(20_000_000)):
        assert blocking.run(pipe_streams(left.stream, sink)) == 20_000_000
        sink.abort()
    assert sum(splices) > 20_000_000


@pytest.mark.parametrize("source", [unix, file_source, tcp])
@pytest.mark.usefixtures("always")
def test_full_disk(source: Make, splices: Splices, tmp_path: Path) -> None:
    """An error of the sink has its errno and is the sink's; what is counted is there."""
    splices.fails_at, splices.error = 5, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with joints(source, file_sink, tmp_path) as (left, right), feeding(left, DATA):
        half = Half(left.stream, right.stream)
        with pytest.raises(OSError, match="No space"):
            blocking.run(copy([half]))
        assert (half.error is not None, half.lost) == (True, False)
        assert (tmp_path / "right").read_bytes() == DATA[: half.copied]
    assert half.copied


@pytest.mark.usefixtures("always")
def test_largest_file(tmp_path: Path) -> None:
    """The kernel's own refusal of a file that grows too large is the error, in its place."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with joints(unix, file_sink, tmp_path) as (left, right), feeding(left, DATA):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        try:
            with pytest.raises(OSError, match="large") as caught:
                blocking.run(pipe_streams(left.stream, right.stream))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert (tmp_path / "right").read_bytes() == DATA[:1_000_000]


@pytest.mark.parametrize("sink", [pipe_sink, unix, tcp])
@pytest.mark.parametrize("source", [pipe_source, unix, file_source])
@pytest.mark.usefixtures("always")
def test_reader_goes_away(source: Make, sink: Make, tmp_path: Path) -> None:
    """Who stops reading makes it EPIPE or a reset, of the sink, and no signal."""
    with joints(source, sink, tmp_path) as (left, right), feeding(left, DATA):
        half = Half(left.stream, right.stream)
        blocking.run(copy([half], until=lambda: half.copied > 100))
        right.far.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            blocking.run(copy([half]))
        assert (half.error is not None, half.lost) == (True, False)


@pytest.mark.parametrize("sink", [pipe_sink, file_sink, unix])
@pytest.mark.usefixtures("always")
def test_reset_is_no_end(sink: Make, tmp_path: Path) -> None:
    """A source that is reset is an error after what it had sent, and never an end of file."""
    with joints(tcp, sink, tmp_path) as (left, right):
        far = socket.socket(fileno=os.dup(left.far.fileno()))
        left.far.close()
        with draining(right) as pieces:
            far.sendall(DATA[:200_000])
            half = Half(left.stream, right.stream)
            blocking.run(copy([half], until=lambda: half.copied == 200_000))
            assert half.passage is None  # given up between two copies
            far.sendall(DATA[200_000:210_000])
            wait_acknowledged(far)
            blocking.run(copy([half], until=lambda: half.copied == 210_000))
            hang_up(far, left.stream)
            with pytest.raises(ConnectionResetError):
                blocking.run(copy([half]))
            assert half.lost
    assert b"".join(pieces) == DATA[:210_000]


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH])
@pytest.mark.parametrize("sink", [pipe_sink, file_sink])
@pytest.mark.usefixtures("always")
def test_what_splice_is_told(number: int, sink: Make, splices: Splices, tmp_path: Path) -> None:
    """An error that the kernel told splice(2) is raised by the receive, which hears of an end."""
    splices.fails_at, splices.error = 0, OSError(number, os.strerror(number))
    with joints(unix, sink, tmp_path) as (left, right), feeding(left, DATA[:10_000]):
        half = Half(left.stream, right.stream)
        with pytest.raises(OSError) as caught:  # its number is what counts
            blocking.run(copy([half]))
        assert (caught.value.errno, half.lost) == (number, True)
        assert left.stream.blocking_recv_into() is None  # nor does the kernel say it again


@pytest.mark.usefixtures("always")
def test_urgent_data_is_no_end(splices: Splices, tmp_path: Path) -> None:
    """splice(2) returns 0 where urgent data stands, too, and the copy goes on."""
    with joints(tcp, file_sink, tmp_path) as (left, right):
        far = socket.socket(fileno=os.dup(left.far.fileno()))
        left.far.close()
        with far, draining(right) as pieces:
            far.sendall(DATA[:50_000])
            far.send(b"!", socket.MSG_OOB)  # which is not part of the stream
            far.sendall(DATA[50_000:100_000])
            far.shutdown(socket.SHUT_WR)
            assert blocking.run(pipe_streams(left.stream, right.stream)) == 100_000
    assert b"".join(pieces) == DATA[:100_000]
    assert splices


@pytest.mark.parametrize("sink", [pipe_sink, unix, file_sink])
@pytest.mark.usefixtures("always")
def test_silence(sink: Make, splices: Splices, tmp_path: Path) -> None:
    """A source that falls silent after much is a TimeoutError; what came is there."""
    with joints(unix, sink, tmp_path) as (left, right), draining(right) as pieces:
        left.far.write(DATA[:30_000])
        with pytest.raises(TimeoutError, match="nothing moved"):
            blocking.run(copy([passing(left.stream, right.stream)], 0.01))
    assert b"".join(pieces) == DATA[:30_000]
    assert splices


@pytest.mark.parametrize("sink", [pipe_sink, unix, tcp])
@pytest.mark.parametrize("source", [pipe_source, unix, file_source])
@pytest.mark.usefixtures("always")
def test_nobody_reads(source: Make, sink: Make, tmp_path: Path) -> None:
    """Where nobody reads it is a TimeoutError, too, and no call waits for ever."""
    with joints(source, sink, tmp_path) as (left, right), feeding(left, bytes(20_000_000)):
        with pytest.raises(TimeoutError, match="nothing moved"):
            blocking.run(copy([Half(left.stream, right.stream)], 0.01))
        assert os.get_blocking(right.stream.send_fd)


@pytest.mark.parametrize("sink", [pipe_sink, unix, tcp, file_sink])
@pytest.mark.usefixtures("always")
def test_what_was_moved_and_not_taken_goes_on(
    sink: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is ended and begun again, at whatever byte, loses none."""
    pass_always(monkeypatch, 65536)
    with joints(unix, sink, tmp_path) as (left, right):
        with draining(right) as pieces, feeding(left, DATA):
            half = Half(left.stream, right.stream)
            for steps in range(200):
                left_over = iter(range(steps % 7))
                blocking.run(copy([half], until=lambda: next(left_over, None) is None))  # noqa: B023
            blocking.run(copy([half]))
        assert b"".join(pieces) == DATA
        assert buffers_here().pipes.there == 0


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
