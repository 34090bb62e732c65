"""What a document leaves when it is read on elsewhere, or closed, and what others leave it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from counting import Asked, CountingServer, answer, bounds, ranged

import fildes
from fildes.http.planning import FIRST_BDP, Rate

K, M = 1 << 10, 1 << 20
DATA = random.Random(5).randbytes(8 * M)


@pytest.fixture
def site() -> Iterator[CountingServer]:
    with CountingServer(DATA) as server:
        yield server


@pytest.fixture(autouse=True)
def bdp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix what a round trip costs: what is measured here would depend on who else works."""
    monkeypatch.setattr(Rate, "bdp", property(lambda rate: FIRST_BDP))


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_asked_for_twice(
    site: CountingServer, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes with the rest of an answer is not asked for by the request behind it."""
    monkeypatch.setattr(Rate, "bdp", property(lambda rate: 2 * M))
    chance = random.Random(seed)
    with fildes.open(site.address()) as file:
        for _ in range(40):
            start, size = chance.randrange(len(DATA)), chance.randrange(100 * K)
            assert file.pread(size, start) == DATA[start : start + size]
    closed = sorted((a.start or 0, a.stop) for a in site.asked if a.stop is not None)
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(closed))


def test_next_document_gets_the_connection(site: CountingServer) -> None:
    """A document of which only the beginning was read leaves its connection to the next one."""
    with fildes.Opener() as opener:
        for _ in range(3):
            with opener.open(site.address()) as file:
                assert file.read(10) == DATA[:10]
        assert (site.count, site.connections) == (3, 1)


def test_long_rest_is_not_waited_for(site: CountingServer) -> None:
    """A document that was read forward and left in the middle ends its connection."""
    with fildes.Opener() as opener:
        for _ in range(2):
            with opener.open(site.address()) as file:
                assert file.read(100 * K) == DATA[: 100 * K]
        assert (site.count, site.connections) == (4, 2)


def test_rest_that_never_comes(site: CountingServer) -> None:
    """Closing does not wait for a server that has stopped sending, and is no failure."""

    def half(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        start, stop = bounds(server, asked)
        whole = answer(
            "206 Partial Content",
            server.data[start:stop],
            Content_Range=f"bytes {start}-{stop - 1}/{len(server.data)}",
        )
        return whole[: -(stop - start) // 2], False

    site.reply = half
    with fildes.Opener() as opener:
        with opener.open(site.address()) as file:
            assert file.read(10) == DATA[:10]
        site.reply = ranged
        with opener.open(site.address()) as file:
            assert file.read(10) == DATA[:10]
        assert site.connections == 2


def test_two_who_read_forward_in_turn(site: CountingServer) -> None:
    """What a buffer had read ahead before the reader moved is not asked for again."""
    starts = [(base + step * 128 * K) for step in range(24) for base in (M, 5 * M)]
    with fildes.open(site.address()) as file:
        for start in starts:
            file.seek(start)
            assert file.read(128 * K) == DATA[start : start + 128 * K]
    assert site.count <= 12
