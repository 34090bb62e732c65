"""However much a server sends, little memory is used; the peak is the kernel's own figure."""

from __future__ import annotations

import contextlib
import functools
import random
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]  # it comes without types
import pytest
from counting import Asked, CountingServer, answer
from http_script import CHUNKED_HEAD, END_OF_HEAD, HEAD, answering, document
from peers import Conversation, Script, StartPeer

import fildes
from fildes.http.extents import BUDGET
from fildes.http.ranged import MAX_LIVE

MIB = 1 << 20
STATUS = Path("/proc/self/status")


def figure(name: str) -> int:
    """Return a figure of proc_pid_status(5), in bytes."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


@contextlib.contextmanager
def growing_less_than(size: int) -> Iterator[None]:
    """Fail if this process ever has *size* bytes more than it has now."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far; proc_pid_clear_refs(5)
    before = figure("VmRSS")
    yield
    assert figure("VmHWM") - before < size


def flooding(*parts: bytes) -> Script:
    """Return the script that answers with the first of *parts*, then the others for ever."""

    def flood(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        with contextlib.suppress(OSError):
            talk.send(parts[0])
            while True:
                for part in parts[1:]:
                    talk.send(part)

    return flood


ENDLESS_HEADS = {
    "line": (HEAD + b"X: ", b"y" * 65536),
    "fields": (HEAD, b"X: y\r\n" * 10_000),
    "names": (HEAD, b"x" * 65536),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "large interim": (b"", b"HTTP/1.1 103 Early\r\nX: " + b"y" * 60_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("parts", ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
def test_endless_heads(peer: StartPeer, parts: tuple[bytes, ...]) -> None:
    """A head without an end is refused at the limit (H16)."""
    server = peer(flooding(*parts))
    with growing_less_than(8 * MIB), pytest.raises(fildes.ProtocolError):
        fildes.open(server.address("http", "/"))


@pytest.mark.slow
def test_head_of_a_byte_per_segment(peer: StartPeer) -> None:
    """A line of a megabyte that comes byte by byte is refused at the limit too."""

    def drip(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        with contextlib.suppress(OSError):
            talk.send(HEAD + b"X: ")
            for _ in range(MIB):
                talk.send(b"y")

    server = peer(drip)
    with growing_less_than(8 * MIB), pytest.raises(fildes.ProtocolError, match="65536 bytes"):
        fildes.open(server.address("http", "/"))


ENDLESS_BODIES = {
    "trailers": (CHUNKED_HEAD + b"0\r\n", b"X: y\r\n" * 1000),
    "trailer": (CHUNKED_HEAD + b"0\r\nX: ", b"y" * 65536),
    "size": (CHUNKED_HEAD, b"0" * 65536),
    "extension": (CHUNKED_HEAD + b"5;", b"x" * 65536),
    "end of a chunk": (CHUNKED_HEAD + b"1\r\nx", b"y" * 65536),
}


@pytest.mark.parametrize("parts", ENDLESS_BODIES.values(), ids=ENDLESS_BODIES)
def test_endless_framing(peer: StartPeer, parts: tuple[bytes, ...]) -> None:
    """Framing of a body without an end is refused at the limit."""
    server = peer(flooding(*parts))
    with (
        growing_less_than(8 * MIB),
        fildes.open(server.address("http", "/")) as file,
        pytest.raises(fildes.ProtocolError),
    ):
        file.read()


@functools.cache
def gzip_bomb() -> bytes:
    """Return a megabyte that gzip expands to a gigabyte."""
    packer = zlib.compressobj(9, wbits=31)
    part = bytes(MIB)
    return b"".join(packer.compress(part) for _ in range(1024)) + packer.flush()


def brotli_bomb() -> bytes:
    """Return some kilobytes that brotli expands to a gigabyte."""
    packer = brotli.Compressor(quality=1)
    part = bytes(MIB)
    data = b"".join(packer.process(part) for _ in range(1024))
    return bytes(data + packer.finish())


def zstd_bomb() -> bytes:
    """Return some kilobytes that zstd expands to ten gigabytes: zeros in blocks of one byte each.

    Frames of RFC 8878: magic, descriptor, window, then blocks of type RLE.
    """
    size = 128 * 1024  # Block_Maximum_Size
    block = (size << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    last = (size << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    count = 10 * (1 << 30) // size
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * (count - 1) + last


BOMBS: dict[str, Callable[[], bytes]] = {"gzip": gzip_bomb, "br": brotli_bomb, "zstd": zstd_bomb}


@pytest.mark.slow
@pytest.mark.parametrize("coding", BOMBS)
@pytest.mark.parametrize("way", ["decode", "layer"])
def test_bombs(peer: StartPeer, coding: str, way: str) -> None:
    """What expands a thousand times and more ends at the limit, in little memory (H17, A12)."""
    limit = 1 << 26
    body = BOMBS[coding]()
    field = b"Content-Encoding: %s\r\n" % coding.encode() if way == "decode" else b""
    address = peer(answering(document(body, field))).address("http", "/")
    options = {"decode": True, "max_size": limit} if way == "decode" else {}
    layer = "" if way == "decode" else f"{coding}:?max-size={limit}::"
    with growing_less_than(64 * MIB):
        file = fildes.open(f"{layer}{address}", http=options)
        with pytest.raises(OSError, match="max-size"):
            all(iter(lambda: file.read(65536), b""))
        file.abort()


@pytest.mark.slow
@pytest.mark.parametrize("coding", BOMBS)
def test_bombs_without_a_limit(peer: StartPeer, coding: str) -> None:
    """Without one they come piece by piece, and nobody holds more than that."""
    address = peer(answering(document(BOMBS[coding]()))).address("http", "/")
    with growing_less_than(64 * MIB), fildes.open(f"{coding}::{address}", "rb", 0) as file:
        view = memoryview(bytearray(65536))
        received = 0
        while received < 1 << 28:
            received += file.readinto(view) or 0
        file.abort()


@pytest.mark.slow
def test_kept_parts_stay_within_the_budget() -> None:
    """However large a document is and however it is read, what is kept of it has a limit."""
    size, chance = 10 << 30, random.Random(7)

    def sparse(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        assert asked.start is not None
        stop = min(size, asked.stop or size, asked.start + MIB)  # a short answer, as if cut
        where = f"bytes {asked.start}-{stop - 1}/{size}"
        body = bytes(stop - asked.start)
        return answer("206 Partial Content", body, Content_Range=where, ETag='"1"'), False

    most = 0
    with (
        CountingServer(b"", sparse) as server,
        fildes.open(server.address(), http={"hint": "random"}) as file,
    ):
        stream: Any = file.description.stream
        for number in range(120):
            offset = chance.randrange(size)
            assert not any(file.pread(700_000, offset))
            most = max(most, stream.extents.stored)
            if number % 10 == 0:
                file.seek(offset)
                assert len(file.read(MIB)) == min(MIB, size - offset)
            assert len(stream.lives) <= MAX_LIVE
    assert BUDGET // 2 < most <= BUDGET
