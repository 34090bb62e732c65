"""Measures of many ranges that are known beforehand, of one document 20 ms away.

They are asked for together: in turn on one connection (pipelining). fsspec has a connection
for each of them, up to a hundred; a server that limits how many one client has would refuse
them. Six connections, each with one request after the other, took 205 ms where these take 71
and fsspec 77; a millisecond away it was 29, 16 and 45.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from measuring import Run, in_milliseconds, measure, rate_ratio, time_ratio, timed
from patterns import fresh_web, shared_site
from reading import LARGE

import fildes

COUNT, SIZE = 40, 100_000

Ranges = list[tuple[int, int]]


def some_ranges() -> Ranges:
    """Return ranges that are far from each other, as the chunks of a column are."""
    chance = random.Random(21)
    return [(start, start + SIZE) for start in chance.sample(range(LARGE - SIZE), COUNT)]


def together(address: str, ranges: Ranges) -> list[bytes]:
    with fildes.open(address) as file:
        return file.read_ranges(ranges)


def one_by_one(address: str, ranges: Ranges) -> list[bytes]:
    with fildes.open(address) as file:
        return [file.pread(stop - start, start) for start, stop in ranges]


def by_fsspec(address: str, ranges: Ranges) -> list[bytes]:
    starts, stops = zip(*ranges, strict=True)
    found: list[bytes] = fresh_web().cat_ranges([address] * len(ranges), starts, stops)
    return found


def compared(other: Callable[[str, Ranges], list[bytes]]) -> Iterator[tuple[Run, Run]]:
    place, ranges = f"{shared_site()}/large", some_ranges()
    assert together(place, ranges) == other(place, ranges)
    yield timed(lambda: together(place, ranges)), timed(lambda: other(place, ranges))


@measure(
    f"`read_ranges` of {COUNT} ranges of 100 KB, 20 ms away, against a loop of `pread`",
    rate_ratio(2.0),
    repeats=3,
    show=in_milliseconds,
)
def ranges_one_by_one() -> Iterator[tuple[Run, Run]]:
    yield from compared(one_by_one)


@measure(
    "the same, against fsspec's `cat_ranges`, which has a connection for each",
    time_ratio(1.5),
    repeats=3,
    show=in_milliseconds,
)
def ranges_by_fsspec() -> Iterator[tuple[Run, Run]]:
    yield from compared(by_fsspec)
