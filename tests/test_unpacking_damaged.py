"""Archives with pictures that are cut, damaged, or made to do harm."""

from __future__ import annotations

import gzip
import lzma
import random
import re
import zlib

import pytest
from containers import METHODS, PICTURES, TEXT, Found, zipped

from fildes.compression import packed
from fildes.compression.unpacking import MAX_DEPTH


def packed_in_each_way() -> list[bytes]:
    return [zipped([TEXT, PICTURES[6], TEXT]), gzip.compress(PICTURES[6] + TEXT),
            lzma.compress(PICTURES[6])]  # fmt: skip


@pytest.mark.parametrize("data", packed_in_each_way(), ids=["zip", "gzip", "xz"])
def test_cut_anywhere(data: bytes) -> None:
    """Of what is cut nothing wrong comes out; and that it was cut is told, where it can be."""
    for size in range(len(data)):
        found = Found([data[:size]])
        assert found.data in ([], [PICTURES[6]])
    for size in range(20, len(gzip.compress(PICTURES[6] + TEXT))):
        cut = Found([gzip.compress(PICTURES[6] + TEXT)[:size]])
        assert cut.errors


def test_cut_member_does_not_hide_the_next() -> None:
    """A picture that was packed incomplete is told of, and the others are found."""
    for method in METHODS:
        found = Found([zipped([PICTURES[1][:-40], PICTURES[0], PICTURES[6][:-1]], method)])
        assert found.data == [PICTURES[0]]
        assert len(found.errors) == 2


def headers(data: bytes) -> set[int]:
    """Return the offsets of all local headers with their names, in a zip archive."""
    places = [match.start() for match in re.finditer(b"PK\3\4", data)]
    return {offset for place in places for offset in range(place, place + 30)}


@pytest.mark.slow
def test_damaged_anywhere() -> None:
    """Whatever byte is damaged: no picture that was not there, and the later ones are found."""
    noise = random.Random(1)
    members = [PICTURES[9], TEXT, PICTURES[6], PICTURES[0]]
    sound = zipped(members)
    for offset in range(0, len(sound), 7):
        data = bytearray(sound)
        data[offset] ^= noise.randrange(1, 256)
        found = Found([bytes(data)])
        assert len({*found.data} & {*members}) >= 2
        assert len(found.data) == 3 or found.errors or offset in headers(sound)


def test_damaged_checksum_is_told() -> None:
    """What is decompressed to something else than was announced is an error."""
    data = bytearray(zipped([TEXT]))
    data[14] ^= 1
    assert "checksum" in Found([bytes(data)]).errors[0]


def test_depth_is_limited() -> None:
    """Archives in archives in archives are looked into up to a limit."""
    data = PICTURES[0]
    for depth in range(MAX_DEPTH + 2):
        data = zipped([data])
        assert Found([data]).data == ([PICTURES[0]] if depth < MAX_DEPTH else [])


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What expands beyond measure ends with an error, also where no level alone does."""
    monkeypatch.setattr(packed, "MIN_LIMIT", 1 << 22)
    zeros = zlib.compress(bytes(1 << 20))
    assert len(zeros) < 1 << 11
    nested = zipped([zipped([bytes(1 << 20)] * 30)] * 30)
    for data in (gzip.compress(bytes(1 << 24)), nested):
        assert "bomb" in Found([data]).errors[0]
