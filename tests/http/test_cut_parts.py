"""A document that is read at random from a server that cuts every answer: never an end of file."""

from __future__ import annotations

from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, ranged
from ways import WAYS, Way

import fildes

DATA = b"".join(b"line %d\n" % number for number in range(30_000))

#: How much of the document can be had; the first request brings 64 KiB.
LIMIT = 100_000


def pread(file: Any, got: bytearray) -> None:
    while data := file.pread(9000, len(got)):
        got += data


def read_ranges(file: Any, got: bytearray) -> None:
    for data in file.read_ranges([(0, 10), (10, 150_000)]):
        got += data


def prefetch(file: Any, got: bytearray) -> None:
    file.prefetch([(0, len(DATA))])
    read(file, got)


def read(file: Any, got: bytearray) -> None:
    got += file.read()


def seek_and_read(file: Any, got: bytearray) -> None:
    file.seek(LIMIT)
    assert file.read(1) != b""


def peek(file: Any, got: bytearray) -> None:
    while file.peek(1):
        got += file.read1()


def limited(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer a range, but cut whatever lies behind the limit."""
    sent, _ = ranged(server, asked)
    assert asked.start is not None
    head, _, body = sent.partition(b"\r\n\r\n")
    kept = body[: max(0, LIMIT - asked.start)]
    return head + b"\r\n\r\n" + kept, len(kept) < len(body)


def hanging_up(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer the first request, and then none."""
    return ranged(server, asked) if server.count == 1 else (b"", True)


EVERY_WAY = [*WAYS, pread, read_ranges, prefetch, seek_and_read, peek]


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr("fildes.http.ranged.delay_before", lambda attempt, error: 0.0)


@pytest.mark.parametrize("reply", [limited, hanging_up])
@pytest.mark.parametrize("way", EVERY_WAY, ids=lambda way: way.__name__)
def test_cut_parts_are_an_error(way: Way, reply: Reply) -> None:
    """What cannot be had is an error in every way of reading, and what came is right."""
    got = bytearray()
    with (
        CountingServer(DATA, reply) as server,
        pytest.raises(OSError),
        fildes.open(server.address()) as file,
    ):
        way(file, got)
    assert DATA.startswith(got)
