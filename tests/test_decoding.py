"""What every decoded stream does, whatever its codec."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Any

import pytest

from fildes.drivers import blocking
from fildes.errors import IncompleteError
from fildes.schemes.data import memory_file
from fildes.streams.decoding import DecodedStream
from fildes.streams.document import Document
from fildes.waiting import READ, Interest, WaitAny


class Pieces(Document):
    """A stream that has each of its pieces ready in turn; None is nothing for now."""

    def __init__(self, pieces: Iterable[bytes | None]) -> None:
        self.pieces = iter(pieces)
        self.fate: list[str] = []

    def receive(self, buffer: memoryview) -> int | None:
        piece = next(self.pieces, b"")
        if piece is not None:
            buffer[: len(piece)] = piece
            return len(piece)
        return None

    def recv_wants(self) -> Interest:
        return {99: READ}

    async def close(self) -> None:
        self.fate.append("closed")

    def abort(self) -> None:
        self.fate.append("aborted")

    def interrupt(self) -> None:
        self.fate.append("interrupted")


class Doubling:
    """A codec that gives everything out twice, up to a full stop."""

    done = False
    hungry = True

    def feed(self, data: memoryview) -> bytes:
        self.done = b"." in bytes(data)
        return b"".join(bytes([byte, byte]) for byte in data)

    def finish(self) -> None:
        if not self.done:
            raise IncompleteError("no full stop")


def received(stream: Document, size: int) -> list[bytes | None]:
    """Return what the next receives bring, up to the end of file."""
    got: list[bytes | None] = []
    while not got or got[-1] != b"":
        buffer = memoryview(bytearray(size))
        count = stream.try_recv_into(buffer)
        got.append(None if count is None else bytes(buffer[:count]))
    return got


def test_waiting_is_passed_on() -> None:
    """Where the inner stream has nothing for now, nor has the decoded one."""
    stream = DecodedStream(Pieces([None, b"ab", None, b"c.", b"not read"]), Doubling())
    assert received(stream, 3) == [None, b"aab", b"b", None, b"cc.", b".", b""]
    assert stream.recv_wants() == {99: READ}


def test_end_is_told_again() -> None:
    """At the end that the codec has proved, every receive says so."""
    stream = DecodedStream(Pieces([b"."]), Doubling())
    assert received(stream, 9) == [b"..", b""]
    assert stream.try_recv_into(memoryview(bytearray(1))) == 0


def test_short_input_is_an_error_for_good() -> None:
    """What the codec does not take for whole is an error on every receive after it."""
    stream = DecodedStream(Pieces([b"a"]), Doubling())
    assert stream.try_recv_into(memoryview(bytearray(9))) == 2
    for _ in range(3):
        with pytest.raises(IncompleteError, match="no full stop"):
            stream.try_recv_into(memoryview(bytearray(9)))


def test_codec_may_give_nothing() -> None:
    """Input that decodes to nothing yet is no end of file."""

    class Late(Doubling):
        def feed(self, data: memoryview) -> bytes:
            super().feed(data)
            return b"all" if self.done else b""

    assert received(DecodedStream(Pieces([b"a", b"b", b"."]), Late()), 9) == [b"all", b""]


def test_begin_waits_until_enough_is_there() -> None:
    """The beginning can be looked at without being taken."""
    stream = DecodedStream(Pieces([b"a", None, b"b", b"c."]), Doubling())
    begin = stream.begin(3)
    assert begin.send(None) == WaitAny({99: READ})
    with pytest.raises(StopIteration) as stop:
        begin.send({99: READ})
    assert stop.value.value == b"aab"
    assert received(stream, 9) == [b"aabb", b"cc..", b""]


def test_begin_of_a_short_output() -> None:
    """Where there is less, the beginning is all there is."""
    assert blocking.run(DecodedStream(Pieces([b"."]), Doubling()).begin(9)) == b".."


def test_ends_are_those_of_the_inner_stream() -> None:
    """Closing, aborting and interrupting reach the stream below."""
    inner = Pieces([])
    stream = DecodedStream(inner, Doubling())
    stream.interrupt()
    stream.abort()
    blocking.run(stream.close())
    assert inner.fate == ["interrupted", "aborted", "closed"]


def test_a_document_is_only_read() -> None:
    """There is nothing to send on a document, and nothing to end."""
    stream = Pieces([])
    assert (stream.readable, stream.writable, stream.send_wants()) == (True, False, {})
    with pytest.raises(OSError) as caught:
        stream.try_send(memoryview(b"x"))
    assert caught.value.errno == errno.EBADF
    blocking.run(stream.half_close())


def test_failed_memory_file_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If its bytes cannot be written, no descriptor is left."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="space"):
        memory_file(b"x")
