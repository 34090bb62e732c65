"""Ways to read at random that were written down after the rules were changed for the last time.

As those of `held_out`: offsets and sizes as programs ask for them, from other seeds. They
were measured before that last change and after it, and nothing was chosen by them.
"""

from __future__ import annotations

import random

from held_out import pieces
from reading import LARGE, K, M, Pattern

Wanted = list[tuple[int, int]]


def in_pieces(offset: int, size: int, piece: int) -> Wanted:
    """Return the reads of *size* bytes by *piece*, in order."""
    stop = offset + size
    return [(at, min(piece, stop - at)) for at in range(offset, stop, piece)]


def halvings() -> Wanted:
    """Return the search for a moment in a sorted log by halving it, and a MiB read from there."""
    low, high, target = 0, LARGE, 171 * M + 777
    found = []
    while high - low > 64 * K:
        middle = (low + high) // 2
        found.append((middle, 4 * K))
        low, high = (middle, high) if middle < target else (low, middle)
    return found + in_pieces(low, M, 16 * K)


def frames_of_a_film() -> Wanted:
    """Return the table at the end of a film, and a hundred pictures with their sound: as MP4."""
    chance = random.Random(41)
    found = [(0, 32), (LARGE - 400 * K, 8), *in_pieces(LARGE - 400 * K, 400 * K, 32 * K)]
    place = 93 * M + 11
    for _ in range(100):
        picture, sound = chance.randrange(6000, 60_000), chance.randrange(300, 900)
        found += [(place, picture), (place + picture, sound)]
        place += picture + sound
    return found


def columns_of_row_groups() -> Wanted:
    """Return the footer, and three columns of twenty in each of eight row groups."""
    found = [(LARGE - 8, 8), (LARGE - 90 * K, 90 * K)]
    for group in range(8):
        found += [(group * 26 * M + column * 1300 * K, 700 * K) for column in (3, 4, 17)]
    return found


def files_of_an_image() -> Wanted:
    """Return the descriptor, directories, and 14 files by 32 KiB: as ISO 9660."""
    chance = random.Random(42)
    found = [(32 * K, 2 * K), (40 * K, 2 * K), *((M + 6 * K * step, 2 * K) for step in range(9))]
    for _ in range(14):
        place = 2 * M + chance.randrange(200 * M) // 2048 * 2048
        found += in_pieces(place, chance.randrange(4 * K, 900 * K), 32 * K)
    return found


def tensors() -> Wanted:
    """Return the header, and nine of many tensors in no order, by 512 KiB: as safetensors."""
    chance = random.Random(43)
    found = [(0, 8), (8, 120 * K)]
    for number in chance.sample(range(40), 9):
        found += in_pieces(120 * K + number * 6 * M, 2 * M + chance.randrange(3 * M), 512 * K)
    return found


def index_and_rows() -> Wanted:
    """Return leaves of an index in order, and behind each the rows it names: as SQLite."""
    chance = random.Random(44)
    found = [(0, 100), (0, 4 * K)]
    for step in range(15):
        found.append((20 * M + step * 8 * K, 4 * K))
        found += [(40 * M + chance.randrange(12 * M) // 4096 * 4096, 4 * K) for _ in range(5)]
    return found


def postings() -> Wanted:
    """Return 12 words of a dictionary, and where each is found: as a search index."""
    chance = random.Random(45)
    found = [(LARGE - 16, 16), (LARGE - 6 * M, 64 * K)]
    for _ in range(12):
        found.append((LARGE - 6 * M + chance.randrange(5 * M), 16 * K))
        size = int(1000 * 2 ** (9 * chance.random()))
        found += in_pieces(chance.randrange(LARGE - 8 * M), size, 16 * K)
    return found


def lines_of_a_grid() -> Wanted:
    """Return a hundred rows of a window of a grid, from below to above: as a picture in rows."""
    return [(60 * M + row * 90 * K + 30 * K, 6 * K) for row in reversed(range(100))]


FRESH = [
    Pattern(name, "large", pieces(wanted))
    for name, wanted in (
        ("log: a moment found by halving", halvings()),
        ("film: the table, and 100 frames", frames_of_a_film()),
        ("columns: three of twenty, in 8 groups", columns_of_row_groups()),
        ("image of a disc: 14 files", files_of_an_image()),
        ("tensors: nine, in no order", tensors()),
        ("an index in order, and its rows", index_and_rows()),
        ("search: 12 words and their places", postings()),
        ("grid: a window, from below", lines_of_a_grid()),
    )
]
