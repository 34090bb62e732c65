"""Copies past this process that break, stall, or are given up on the way."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from passages import (
    Make,
    Splices,
    draining,
    feeding,
    file_sink,
    file_source,
    joints,
    pass_always,
    passing,
    pipe_sink,
    pipe_source,
    tcp,
    unix,
)
from stream_copies import pipe_streams
from tcp_ends import hang_up, wait_acknowledged

from fildes.drivers import blocking
from fildes.streams.buffers import buffers_here
from fildes.streams.half import Half
from fildes.streams.kernel import DescriptorStream
from fildes.streams.relay import copy

DATA = os.urandom(1_500_000)


@pytest.mark.usefixtures("always")
def test_device_that_refuses(tmp_path: Path) -> None:
    """/dev/full knows no splice(2): what it says of a write is the error."""
    sink = DescriptorStream(sink=os.open("/dev/full", os.O_WRONLY))
    with joints(unix, file_sink, tmp_path) as (left, _), feeding(left, DATA):
        with pytest.raises(OSError, match="No space") as caught:
            blocking.run(pipe_streams(left.stream, sink))
        assert caught.value.errno == errno.ENOSPC
        sink.abort()


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
    with joints(tcp, pipe_sink, tmp_path) as (left, right):
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


def after(steps: int) -> Callable[[], bool]:
    """Return what is true once it was asked for so many *steps*."""
    left = iter(range(steps))
    return lambda: next(left, None) is None


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
            for number in range(200):
                blocking.run(copy([half], until=after(number % 7)))
            blocking.run(copy([half]))
        assert b"".join(pieces) == DATA
        assert buffers_here().pipes.there == 0
