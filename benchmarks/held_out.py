"""Ways to read at random that the rules were not made for.

Offsets come from other seeds than those of `reading`, and sizes, strides and depths are
others. Most are what a format or a kernel does, told as offsets and sizes.

`HELD_OUT` came first, and showed faults, which were corrected: so it has had its say.
`UNSEEN` was written down after all that, and has had its say since, too; those of `fresh`
have not.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reading import LARGE, K, M, Pattern, Read, at, zip_members


def pieces(wanted: list[tuple[int, int]]) -> Read:
    """Return the reader of these offsets and sizes, one after the other."""

    readers: list[Callable[[object], Any]] = [at([offset], size) for offset, size in wanted]

    def read(file: object) -> int:
        return sum(each(file) for each in readers)

    return read


def chunks_of_an_array() -> list[tuple[int, int]]:
    """Return a column of a grid of 16 x 40 chunks, behind an index: as in a sharded Zarr."""
    return [(0, 20 * K), *((K * K + (row * 16 + 5) * 300 * K, 300 * K) for row in range(40))]


def walks_down_a_tree() -> list[tuple[int, int]]:
    """Return 25 lookups by pages of 4 KiB, from the root over a branch to a leaf: as SQLite."""
    chance = random.Random(12)
    branches = [chance.randrange(96 * M // 4096) for _ in range(20)]
    leaves = [chance.randrange(96 * M // 4096) for _ in range(25)]
    found = [(0, 100), (0, 4096)]
    for leaf in leaves:
        found += [(4096, 4096), (chance.choice(branches) * 4096, 4096), (leaf * 4096, 4096)]
    return found


def faults_of_a_map() -> list[tuple[int, int]]:
    """Return page faults, 16 KiB each, of a walk that goes about and jumps now and then."""
    chance = random.Random(13)
    place, found = 40 * M, []
    for _ in range(80):
        jump = chance.random() < 0.08
        place = chance.randrange(LARGE - M) if jump else place + chance.randrange(-64, 96) * K
        found.append((max(0, place) // 4096 * 4096, 16 * K))
    return found


def objects_of_a_document() -> list[tuple[int, int]]:
    """Return the trailer, the table before it, and the objects of three pages: as a PDF."""
    chance = random.Random(14)
    found = [(LARGE - K, K), (LARGE - 60 * K, 59 * K)]
    for page in (30 * M, 110 * M, 31 * M):
        found += [(page + chance.randrange(2 * M), chance.randrange(200, 60 * K)) for _ in range(8)]
    return found


def two_readers() -> list[tuple[int, int]]:
    """Return two sequences of reads in turn, as when sorted files are merged."""
    return [
        (start + step * 128 * K, 128 * K) for step in range(30) for start in (10 * M, 150 * M + 7)
    ]


def some_places(count: int, size: int, seed: int) -> list[tuple[int, int]]:
    chance = random.Random(seed)
    return [(chance.randrange(LARGE - size), size) for _ in range(count)]


def around(places: int, count: int, seed: int) -> list[tuple[int, int]]:
    chance = random.Random(seed)
    centres = [chance.randrange(LARGE - 2 * M) for _ in range(places)]
    return [(chance.choice(centres) + chance.randrange(M), 10_000) for _ in range(count)]


def write_uneven_zip(path: Path) -> None:
    """Write a zip of 300 members of 1 to 400 KiB."""
    chance = random.Random(15)
    noise = chance.randbytes(M)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(300):
            size = chance.randrange(K, 400 * K)
            archive.writestr(f"folder/member-{number:04}", noise[:size])
    path.write_bytes(file.getvalue())


#: Names of members of the uneven zip.
SOME = random.Random(16).sample(range(300), 8)

HELD_OUT = [
    Pattern("uneven zip: 8 members", "uneven.zip", zip_members(*SOME), "tail"),
    Pattern("uneven zip: 8 members, no hint", "uneven.zip", zip_members(*SOME)),
    Pattern("array: a column of 40 chunks", "large", pieces(chunks_of_an_array())),
    Pattern("B-tree: 25 lookups", "large", pieces(walks_down_a_tree())),
    Pattern("map: 80 page faults", "large", pieces(faults_of_a_map())),
    Pattern("PDF: three pages", "large", pieces(objects_of_a_document())),
    Pattern("two readers in turn", "large", pieces(two_readers())),
    Pattern("15 places, 20,000 bytes each", "large", pieces(some_places(15, 20_000, 17))),
    Pattern("40 reads around 6 places", "large", pieces(around(6, 40, 18))),
    Pattern(
        "backward, by 10,000 bytes, in the middle",
        "large",
        pieces([(128 * M - step * 10_000, 10_000) for step in range(300)]),
    ),
    Pattern(
        "64 KiB of each 300 KiB",
        "large",
        pieces([(77 * M + step * 300 * K, 64 * K) for step in range(60)]),
    ),
]


def windows_of_a_picture() -> list[tuple[int, int]]:
    """Return the header, and tiles of 48 KiB of two windows of 4 x 4, in rows of 64: a GeoTIFF."""
    found = [(0, 16 * K)]
    for left, top in ((10, 20), (40, 50)):
        rows = range(top, top + 4)
        found += [
            (M + (row * 64 + column) * 48 * K, 48 * K)
            for row in rows
            for column in range(left, left + 4)
        ]
    return found


def walk_forward(seed: int) -> list[tuple[int, int]]:
    """Return records of 200 to 9,000 bytes, each a little behind the one before."""
    chance = random.Random(seed)
    place, found = 60 * M, []
    for _ in range(120):
        size = chance.randrange(200, 9000)
        found.append((place, size))
        place += size + chance.randrange(120 * K)
    return found


def three_readers() -> list[tuple[int, int]]:
    """Return three sequences of reads in turn, of 50,000 bytes."""
    return [
        (start + step * 50_000, 50_000) for step in range(40) for start in (5 * M, 90 * M, 200 * M)
    ]


UNSEEN = [
    Pattern("uneven zip: 25 other members", "uneven.zip", zip_members(*range(3, 300, 12)), "tail"),
    Pattern("picture: two windows of tiles", "large", pieces(windows_of_a_picture())),
    Pattern("records, each a little further", "large", pieces(walk_forward(31))),
    Pattern("three readers in turn", "large", pieces(three_readers())),
    Pattern("80 reads around 3 places", "large", pieces(around(3, 80, 32))),
    Pattern(
        "backward, 200 KiB of each 700 KiB",
        "large",
        pieces([(220 * M - step * 700 * K, 200 * K) for step in range(30)]),
    ),
    Pattern("25 places, 64 KiB each", "large", pieces(some_places(25, 64 * K, 33))),
]
