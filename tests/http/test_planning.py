"""What is requested for a miss, given the misses before it."""

from __future__ import annotations

import pytest

from fildes.http import planning
from fildes.http.planning import (
    FIRST_BDP,
    INITIAL_WINDOW,
    MAX_BDP,
    MAX_REGION,
    MIN_BDP,
    Planner,
    Rate,
    Window,
)

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


def test_forward_misses_double() -> None:
    """Misses that go forward get windows behind them, twice as large each time, then all."""
    planner, at = begun(), M
    planned = windows(planner, (at, at + K))
    while planned[-1].stop is not None:
        at = planned[-1].stop
        planned += windows(planner, (at, at + K))
    sizes = [window.stop - window.start for window in planned if window.stop is not None]
    assert sizes == [36 * K << number for number in range(9)]
    assert planned[-1] == Window(at, None)


def test_reading_on_behind_the_opening_gets_all() -> None:
    """Who reads on exactly behind what opening brought reads everything."""
    assert windows(begun(), (64 * K, 96 * K)) == [Window(64 * K, None)]
    assert windows(begun(), (70 * K, 71 * K)) == [Window(70 * K, 198 * K)]


def test_endless_answer_that_was_cut_goes_on() -> None:
    """Who got all that follows gets it again behind where that was cut."""
    planner = begun()
    _, track = planner.miss(64 * K, 96 * K, (64 * K, SIZE))
    track.high = M  # so much came
    assert planner.miss(M, M + K, (M, SIZE))[0] == Window(M, None)


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
    assert sizes[0] == 36 * K
    assert 128 * K <= max(sizes) < 256 * K
    assert all(size <= (number + 1) * MIN_BDP for number, size in enumerate(sizes))


def test_read_across_regions_is_asked_for_at_once() -> None:
    """A window has all that is read, wherever regions end."""
    (window,) = windows(begun(), (512 * M + 30 * K, 512 * M + 100 * K))
    assert window == Window(512 * M + 24 * K, 512 * M + 128 * K)


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
    assert window == Window(512 * M - 5, 512 * M + 2000)


def test_interleaved_reads_are_told_apart() -> None:
    """Two readers that take turns are both seen to read forward."""
    far = 512 * M
    steps = (0, 32 * K, 104 * K)
    reads = [(at + step, at + step + K) for step in steps for at in (M, far)]
    planned = windows(begun(), *reads)
    sizes = [window.stop - window.start for window in planned if window.stop is not None]
    assert sizes == [36 * K] * 2 + [72 * K] * 2 + [144 * K] * 2


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
    rate.received(bandwidth, 1.0, brought=bandwidth)
    assert rate.bdp == bdp


def test_rate_follows() -> None:
    """A new measurement moves the rate, and little ones do not."""
    rate = Rate()
    rate.answered(1.0)
    rate.answered(2.0)
    rate.received(M, 1.0, brought=M)
    rate.received(1, 1.0, brought=M)
    assert (rate.delay, rate.bandwidth) == (1.25, M)


@pytest.mark.parametrize(("brought", "seconds"), [(0, 0.2), (5 * INITIAL_WINDOW, 0.1)])
def test_slow_start_is_no_slow_network(brought: int, seconds: float) -> None:
    """What a sender waits for before it knows the network is not counted against that."""
    rate, size = Rate(), 15 * INITIAL_WINDOW
    rate.answered(0.05)
    rate.received(size, seconds, brought)
    assert rate.bandwidth == pytest.approx(size / 0.05)


def test_fast_start_is_corrected_within_limits() -> None:
    """A body that came as fast as if nothing had been waited for gives no endless rate."""
    rate = Rate()
    rate.answered(0.05)
    rate.received(M, 0.01, 0)
    assert rate.bandwidth == 8 * M / 0.01


def test_skipping_forward_gets_more() -> None:
    """Misses that go forward behind gaps shorter than a round trip get twice as much each time."""
    places = [10 * M]
    planner = begun(bdp=M)
    planned = windows(planner, (places[0], places[0] + K))
    while planned[-1].stop is not None:
        at = planned[-1].stop + M // 2
        planned += windows(planner, (at, at + K))
    sizes = [window.stop - window.start for window in planned if window.stop is not None]
    assert sizes == [M // 2, M, 2 * M, 4 * M, 8 * M, MAX_REGION]


@pytest.mark.parametrize("places", [(10, 13, 16), (10, 11, 30, 12), (10, 11, 9, 12)])
def test_jumping_forward_gets_no_more(places: tuple[int, ...]) -> None:
    """Long gaps, or a miss elsewhere in between, are no sign of reading forward."""
    planned = windows(begun(bdp=M), *((at * M + 99 * K, at * M + 100 * K) for at in places))
    assert all(window.stop is not None for window in planned)
