"""Where more is read than can be kept, less is asked for than misses would pay for."""

from __future__ import annotations

import random

import pytest

from fildes.http.extents import ExtentMap, Use
from fildes.http.planning import MAX_REGION, MIN_REGION, Planner, Rate

K, M = 1 << 10, 1 << 20
BUDGET, BDP = 4 * M, 512 * K
ZEROS = memoryview(bytes(MAX_REGION + M))


def planner_for(bdp: int, size: int = 1 << 30) -> Planner:
    """Return a planner that knows what one round trip costs."""
    rate = Rate()
    rate.delay, rate.bandwidth = 1.0, bdp
    return Planner(size, rate)


def test_what_was_kept_in_vain() -> None:
    """Of each extent that goes it is told how much and how often it was read."""
    told: list[Use] = []
    extents = ExtentMap(100 * M, budget=4 * K, gone=told.append)
    buffer = memoryview(bytearray(K))
    for place, size in ((10, 1024), (20, 256), (30, 0), (40, 0)):
        extents.add(place * M, ZEROS[:K])
        for _ in range(2):
            extents.read_into(buffer[:size], place * M)
    extents.add(50 * M, ZEROS[: 4 * K])
    assert told == [Use(K, 2, 2048), Use(K, 2, 512), Use(K, 0, 0), Use(K, 0, 0)]


VAIN, READ, OFTEN = Use(M, 0, 0), Use(M, 1, M // 4), Use(M, 3, 100)


@pytest.mark.parametrize("worthy", [READ, OFTEN])
def test_limit_goes_down_and_up(worthy: Use) -> None:
    """Vain regions halve it, down to a quarter of a round trip; worthy ones double it."""
    planner = planner_for(M // 2)
    limits = []
    for use in [VAIN] * 8 + [worthy] * 8:
        planner.gone(use)
        limits.append(planner.limit)
    assert limits[:8] == [8 * M, 4 * M, 2 * M, M, M // 2, M // 4, M // 4, M // 4]
    assert limits[8:] == [M // 2, M, 2 * M, 4 * M, 8 * M, *[MAX_REGION] * 3]


def test_least_limit() -> None:
    """However near the server is, the limit is no smaller than the smallest region."""
    planner = planner_for(1)
    for _ in range(20):
        planner.gone(VAIN)
    assert planner.limit == MIN_REGION


def test_limit_bounds_regions() -> None:
    """However many misses pay for a region, it is no larger than the limit."""
    planner = planner_for(M)
    planner.limit = M
    planner.misses.extend(100 * M + number for number in range(60))
    assert planner.around(100 * M, 100 * M + 1) == (100 * M - M // 8, 101 * M - M // 8)


def asked(size: int, reads: list[tuple[int, int]], *, learning: bool) -> tuple[int, int]:
    """Return how many requests *reads* take, and how many bytes these ask for."""
    planner = planner_for(BDP, size)
    extents = ExtentMap(size, BUDGET, planner.gone) if learning else ExtentMap(size, BUDGET)
    view = memoryview(bytearray(M))
    count = total = 0
    for offset, stop in reads:
        while offset < stop:
            offset += extents.read_into(view[: stop - offset], offset)
            if offset < stop:
                (start, end), _ = planner.miss(offset, stop, extents.gap(offset))
                end = end or min(size, start + M)
                extents.add(start, ZEROS[: end - start])
                count, total = count + 1, total + end - start
    return count, total


def test_reads_all_over_a_large_document() -> None:
    """Reads all over what is larger than memory do not ask for all of it again and again."""
    places = random.Random(1)
    reads = [(at, at + K) for at in (places.randrange(20 * M) for _ in range(600))]
    before, after = (asked(30 * M, reads, learning=learning) for learning in (False, True))
    assert after[1] < before[1] / 3
    assert after[0] < 600 * 1.01


@pytest.mark.parametrize("spread", [300 * K, M])
def test_clusters_are_read_as_before(spread: int) -> None:
    """Reads that stay near each other for a while get their regions all the same."""
    places = random.Random(2)
    reads = [
        (at, at + 8 * K)
        for place in range(0, 400 * M, 10 * M)
        for at in (place + places.randrange(spread) for _ in range(25))
    ]
    before, after = (asked(500 * M, reads, learning=learning) for learning in (False, True))
    cost_before, cost_after = (count * BDP + total for count, total in (before, after))
    assert cost_after <= cost_before
