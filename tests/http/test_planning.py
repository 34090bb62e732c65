"""What is requested for a miss, given the misses before it."""

from __future__ import annotations

import pytest

from fildes.http import planning
from fildes.http.planning import FIRST_BDP, MAX_BDP, MAX_REGION, MIN_BDP, Planner, Rate, Window

K, M = 1 << 10, 1 << 20
SIZE = 1 << 30


class Fixed(Rate):
    """A rate that is known."""

    def __init__(self, bdp: int) -> None:
        super().__init__()
        self.fixed = bdp

    @property
    def bdp(self) -> int:
        return self.fixed


def begun(size: int = SIZE, bdp: int = MIN_BDP) -> Planner:
    planner = Planner(size, Fixed(bdp))
    planner.begin(0, 64 * K)
    return planner


def windows(planner: Planner, *reads: tuple[int, int]) -> list[Window]:
    """Return what is asked for when *reads* miss, each with nothing here around it."""
    return [planner.miss(start, stop, (0, planner.size))[0] for start, stop in reads]


def test_second_forward_miss_gets_all() -> None:
    """The second miss in a row that goes on forward is answered to the end."""
    planned = windows(begun(), (M, M + K), (M + 32 * K, M + 33 * K), (M + 128 * K, M + 129 * K))
    assert planned[:2] == [Window(M, M + 32 * K), Window(M, M + 128 * K)]
    assert planned[2] == Window(M + 128 * K, None)


def test_reading_on_behind_the_opening_gets_all() -> None:
    """Who reads on exactly behind what opening brought has read forward twice."""
    assert windows(begun(), (64 * K, 96 * K)) == [Window(64 * K, None)]
    assert windows(begun(), (70 * K, 71 * K)) == [Window(64 * K, 96 * K)]


def test_first_backward_window_costs_half_a_round_trip() -> None:
    """The first window that goes backward is no smaller than half of what a round trip brings."""
    _, window = windows(begun(bdp=M), (SIZE - 64 * K, SIZE), (SIZE - 128 * K, SIZE - 64 * K))
    assert window == Window(SIZE - 64 * K - M // 2, SIZE - 64 * K)


def test_backward_misses_double() -> None:
    """Misses that go backward get windows before them, twice as large each time, to a limit."""
    planner, low = begun(), SIZE - 64 * K
    sizes: list[int] = []
    planner.miss(low, SIZE, (0, SIZE))
    while len(sizes) < 10:
        window, _ = planner.miss(low - 64 * K, low, (0, low))
        assert window.stop == low
        sizes.append(low - window.start)
        low = window.start
    assert sizes[:8] == [128 * K << number for number in range(8)]
    assert sizes[8:] == [MAX_REGION] * 2


def test_scattered_misses_pay_for_a_region() -> None:
    """A region is fetched once its misses cost as much, never before."""
    planner, where = begun(), 512 * M
    sizes: list[int] = []
    for number in range(12):
        at = where + number * 997 * K % (4 * M)
        window, _ = planner.miss(at, at + 100, (0, SIZE))
        assert window.stop is not None
        sizes.append(window.stop - window.start)
    assert sizes[0] == 32 * K
    assert max(sizes) == 128 * K
    assert all(size <= (number + 1) * MIN_BDP for number, size in enumerate(sizes))


def test_read_across_regions_is_asked_for_at_once() -> None:
    """A window has all that is read, wherever regions end."""
    (window,) = windows(begun(), (512 * M + 30 * K, 512 * M + 100 * K))
    assert window == Window(512 * M, 512 * M + 100 * K)


def test_end_gets_its_surroundings() -> None:
    """The first read at the end brings what archives keep there."""
    assert windows(begun(), (SIZE - 22, SIZE)) == [Window(SIZE - 64 * K, SIZE)]


def test_small_document_is_taken_whole() -> None:
    """A document that comes in two round trips is asked for once."""
    planner = begun(size=128 * K)
    assert planner.miss(100 * K, 101 * K, (64 * K, 128 * K))[0] == Window(64 * K, 128 * K)


def test_nothing_here_is_asked_for_again() -> None:
    """A window keeps within what is missing."""
    window, _ = begun().miss(512 * M, 512 * M + K, (512 * M - 5, 512 * M + 2000))
    assert window == Window(512 * M, 512 * M + 2000)


def test_interleaved_reads_are_told_apart() -> None:
    """Two readers that take turns are both seen to read forward."""
    far = 512 * M
    steps = (0, 32 * K, 128 * K)
    reads = [(at + step, at + step + K) for step in steps for at in (M, far)]
    planned = windows(begun(), *reads)
    assert [window.stop is None for window in planned] == [False] * 4 + [True] * 2


def test_tracks_and_misses_are_limited() -> None:
    """However many misses there are, the memory for them is bounded."""
    planner = begun()
    windows(planner, *((number * M, number * M + 1) for number in range(1000)))
    assert len(planner.tracks) == planning.MAX_TRACKS
    assert len(planner.misses) == planning.MAX_MISSES


@pytest.mark.parametrize(
    ("delay", "bandwidth", "bdp"),
    [(0.05, 10 * M, M // 2), (0.0001, 10 * M, MIN_BDP), (1, 1000 * M, MAX_BDP)],
)
def test_rate_is_measured(delay: float, bandwidth: int, bdp: int) -> None:
    """What one round trip costs is delay times bandwidth, within limits."""
    rate = Rate()
    rate.answered(delay)
    assert rate.bdp == FIRST_BDP
    rate.received(bandwidth, 1.0)
    assert rate.bdp == bdp


def test_rate_follows() -> None:
    """A new measurement moves the rate, and little ones do not."""
    rate = Rate()
    rate.answered(1.0)
    rate.answered(2.0)
    rate.received(M, 1.0)
    rate.received(1, 1.0)
    assert (rate.delay, rate.bandwidth) == (1.25, M)


def test_skipping_forward_gets_all() -> None:
    """The third miss that goes forward behind gaps shorter than a round trip gets all."""
    planned = windows(begun(bdp=M), *((at * M, at * M + K) for at in (10, 11, 12)))
    assert planned[2] == Window(12 * M, None)


@pytest.mark.parametrize("places", [(10, 13, 16), (10, 11, 30, 12), (10, 11, 9, 12)])
def test_jumping_forward_gets_no_more(places: tuple[int, ...]) -> None:
    """Long gaps, or a miss elsewhere in between, are no sign of reading forward."""
    planned = windows(begun(bdp=M), *((at * M + 99 * K, at * M + 100 * K) for at in places))
    assert all(window.stop is not None for window in planned)
