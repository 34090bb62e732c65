"""Streams of each kind between which bytes may be moved in the kernel."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from loops import RunProtocol
from stream_copies import pipe_streams
from tcp_ends import tcp_pair

from fildes.drivers import blocking
from fildes.streams import half, passage, pipes
from fildes.streams.buffers import buffers_here
from fildes.streams.half import Half
from fildes.streams.kernel import DescriptorStream, SocketStream
from fildes.streams.passage import passage_between
from fildes.streams.stream import KernelStream, Stream


class Joint(NamedTuple):
    """A stream of ours, and its other end; of a file, the file once more."""

    stream: KernelStream
    far: io.FileIO

    def close(self) -> None:
        """Close both ends."""
        self.stream.abort()
        self.far.close()


def joint(stream: KernelStream, far: int, mode: str) -> Joint:
    return Joint(stream, io.FileIO(far, mode))


def pipe_source(path: Path) -> Joint:
    out, into = os.pipe()
    return joint(DescriptorStream(source=out), into, "w")


def pipe_sink(path: Path) -> Joint:
    out, into = os.pipe()
    return joint(DescriptorStream(sink=into), out, "r")


def unix(path: Path) -> Joint:
    ours, theirs = socket.socketpair()
    return joint(SocketStream(ours), theirs.detach(), "r+")


def tcp(path: Path) -> Joint:
    theirs, ours = tcp_pair()
    theirs.setblocking(True)
    return joint(SocketStream(ours), theirs.detach(), "r+")


def file_source(path: Path) -> Joint:
    path.touch()
    return joint(
        DescriptorStream(source=os.open(path, os.O_RDONLY)), os.open(path, os.O_WRONLY), "w"
    )


def file_sink(path: Path, flags: int = 0) -> Joint:
    sink = os.open(path, os.O_WRONLY | os.O_CREAT | flags)
    return joint(DescriptorStream(sink=sink), os.open(path, os.O_RDONLY), "r")


def appended(path: Path) -> Joint:
    """Return a file into which splice(2) moves nothing."""
    return file_sink(path, os.O_APPEND)


Make = Callable[[Path], Joint]
SOURCES: dict[str, Make] = {"pipe": pipe_source, "unix": unix, "tcp": tcp, "file": file_source}
SINKS: dict[str, Make] = {"pipe": pipe_sink, "unix": unix, "tcp": tcp, "file": file_sink}


class Splices(list[int]):
    """What each splice(2) has moved, and whether another call is to fail."""

    error: OSError | None = None
    fails_at = -1


@pytest.fixture
def splices(monkeypatch: pytest.MonkeyPatch) -> Splices:
    """Count what is spliced."""
    seen, splice = Splices(), os.splice

    def counting(*arguments: Any, **options: Any) -> int:
        if seen.error is not None and len(seen) == seen.fails_at:
            raise seen.error
        moved = splice(*arguments, **options)
        seen.append(moved)
        return moved

    monkeypatch.setattr(os, "splice", counting)
    return seen


def pass_always(monkeypatch: pytest.MonkeyPatch, pipe_size: int = 4096) -> None:
    """Let copies turn to the kernel as soon, and stay there as long, as they can."""
    monkeypatch.setattr(half, "MUCH", 0)
    monkeypatch.setattr(half, "STREAK", 1)
    monkeypatch.setattr(passage, "LITTLE", 1)
    monkeypatch.setattr(passage, "ENOUGH", 1)
    monkeypatch.setattr(passage, "PIPE_SIZE", pipe_size)
    monkeypatch.setattr(pipes, "PIPE_SIZE", pipe_size)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pass_always`, by small pipes."""
    pass_always(monkeypatch)


@contextlib.contextmanager
def joints(source: Make, sink: Make, folder: Path) -> Iterator[tuple[Joint, Joint]]:
    """Yield a source and a sink."""
    with contextlib.ExitStack() as undo:
        left = source(folder / "left")
        undo.callback(left.close)
        right = sink(folder / "right")
        undo.callback(right.close)
        yield left, right


def send(left: Joint, data: bytes) -> None:
    """Let *data*, and an end, come out of a source."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), left.far:
        rest = memoryview(data)
        while rest:
            rest = rest[left.far.write(rest) :]


@contextlib.contextmanager
def feeding(left: Joint, data: bytes) -> Iterator[None]:
    """Do it meanwhile; a file has it from the beginning."""
    thread = threading.Thread(target=send, args=(left, data))
    thread.start()
    if left.stream.seek(0, os.SEEK_CUR) is not None:
        thread.join()
    try:
        yield
    finally:
        left.stream.abort()
        thread.join(20)


@contextlib.contextmanager
def draining(right: Joint) -> Iterator[list[bytes]]:
    """Yield what a sink has taken, which is all of it once this is left."""
    pieces: list[bytes] = []

    def drain() -> None:
        with contextlib.suppress(ConnectionResetError):
            while data := right.far.read(100_000):
                pieces.append(data)

    thread = threading.Thread(target=drain)
    is_file = right.stream.seek(0, os.SEEK_CUR) is not None
    if not is_file:
        thread.start()
    try:
        yield pieces
    finally:
        blocking.run(right.stream.close())
        if is_file:
            thread.start()
        thread.join(20)


def moved(left: Joint, right: Joint, data: bytes, run: RunProtocol = blocking.run) -> bytes:
    """Return what comes out of *right* if *data* goes into *left*, and is counted."""
    with draining(right) as pieces, feeding(left, data):
        assert run(pipe_streams(left.stream, right.stream)) == len(data)
    return b"".join(pieces)


def passing(source: Stream, sink: Stream) -> Half:
    """Return a direction that goes past this process from its first byte on."""
    half = Half(source, sink)
    half.passage = passage_between(source, sink, buffers_here().pipes)
    assert half.passage is not None
    return half
