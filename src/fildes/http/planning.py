"""What to request for bytes that are not here, given the misses before.

Nobody says how a document will be read, so the cost of being wrong is bounded
instead. Asking costs a round trip, in which `bdp` bytes (bandwidth times delay) could
have come. A region is fetched whole once the misses in it have cost as much as it
would have: the rule of the skier who rents until he has paid the price of skis,
which is never worse than a constant times the best in hindsight. One miss alone says
little about its region, and gets half of that.

Two patterns are so common that they are known at sight. Reads that go forward or
backward get a window behind or before them, twice as large each time. An answer that is
not read to its end costs its connection, so all that follows, which the TCP window holds
back, gets only who reads on where opening ended, or for whom a window would be too large.

All here is decisions: no input or output, no clock. Several sequences of reads may
interleave, of threads or of an archive's index and its members, so each has a track.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fildes.http.extents import Use

MIN_BDP = 64 << 10
MAX_BDP = 8 << 20  # arbitrary: a quarter of what is kept, 1 s at 64 Mb/s if measured wrongly
#: Before anything is measured: 50 ms at 84 Mb/s.
FIRST_BDP = 512 << 10

MIN_REGION = 32 << 10
MAX_REGION = 16 << 20

#: Less of a body says more of the clock than of the network.
MIN_MEASURED = MIN_REGION

#: How far from the end of the last one a miss goes on with it.
TOLERANCE = 32 << 10

#: What the first miss at the end of a document gets: the directories of archives are there.
TAIL = 64 << 10

MAX_TRACKS = 8  # arbitrary
MAX_MISSES = 256  #: that are remembered; arbitrary

#: What a sender may have on its way over a new connection; RFC 6928 section 2.
INITIAL_WINDOW = 14600

#: So many times as fast as it came a body may have come, but for a connection's slow start.
MAX_CORRECTION = 8  # arbitrary; who starts faster than RFC 6928 says is corrected too much

#: One part of so many of a region is before the miss: who goes on mostly goes forward, and
#: who reads waits for all that comes before.
BEFORE = 8  # arbitrary

#: Regions begin at multiples of this.
STEP = MIN_REGION // BEFORE

_WEIGHT = 0.25  # of a new measurement; arbitrary


class Window(NamedTuple):
    """What to request: from *start* to before *stop*, or to the end of the document."""

    start: int
    stop: int | None


class Track:
    """A sequence of misses that go on where the last one ended, in either direction.

    Attributes:
      low, high: bounds of what was requested last.
      forward: how many misses in a row went forward.
      backward: how many in a row went backward.
      opening: it is what opening has requested; who reads on exactly behind it reads all.
      endless: all that follows was requested.
    """

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.forward = 0
        self.backward = 0
        self.opening = False
        self.endless = False


class Rate:
    """How far away the server is: running means of what was measured."""

    def __init__(self) -> None:
        self.delay: float | None = None
        self.bandwidth: float | None = None

    @property
    def bdp(self) -> int:
        """Bytes that could have come while one round trip is waited for."""
        if self.delay is None or self.bandwidth is None:
            return FIRST_BDP
        return int(min(MAX_BDP, max(MIN_BDP, self.delay * self.bandwidth)))

    def answered(self, seconds: float) -> None:
        """Count an answer that began after so many *seconds*."""
        self.delay = mean(self.delay, seconds)

    def received(self, size: int, seconds: float, brought: int) -> None:
        """Count *size* bytes of a body that came in so many *seconds*.

        Args:
          brought: how much had come over the connection before.
        """
        if size >= MIN_MEASURED and seconds > 0:
            seconds = max(seconds - self.starting(size, brought), seconds / MAX_CORRECTION)
            self.bandwidth = mean(self.bandwidth, size / seconds)

    def starting(self, size: int, brought: int) -> float:
        """Return the seconds for which a sender waits that does not know the network yet.

        What is on its way at once doubles with each round trip (RFC 5681 section 3.1), from
        what was the last time. The first round comes with the head.
        """
        rounds = math.log2(1 + size / max(INITIAL_WINDOW, brought))
        return max(0.0, rounds - 1) * (self.delay or 0)


def mean(old: float | None, new: float) -> float:
    """Return the running mean of *old* and a *new* value."""
    return new if old is None else old + _WEIGHT * (new - old)


class Planner:
    """Decides for one document; see the module.

    Attributes:
      limit: of the regions that misses pay for, in bytes.
    """

    def __init__(self, size: int, rate: Rate | None = None) -> None:
        """Start before any miss; the document has *size* bytes."""
        self.size = size
        self.rate = rate or Rate()
        self.tracks: deque[Track] = deque(maxlen=MAX_TRACKS)
        self.misses: deque[int] = deque(maxlen=MAX_MISSES)
        self.limit = MAX_REGION

    def gone(self, use: Use) -> None:
        """Learn what something was good for that was dropped for want of memory.

        Where more is read than can be kept, misses come again and again and pay for
        large regions, which push each other out before they are read. A region as small as
        what comes in a quarter of a round trip hardly costs more than its request.
        """
        # The first of its reads took a request; each later one had taken another.
        if use.worthy or (use.reads - 1) * self.rate.bdp >= use.size:
            self.limit = min(MAX_REGION, 2 * self.limit)
        elif self.limit > max(MIN_REGION, self.rate.bdp // 2):
            self.limit //= 2

    def begin(self, start: int, stop: int) -> None:
        """Say what opening has requested: the first read may go on from there."""
        self.tracks.append(Track(start, stop))
        self.tracks[-1].opening = True

    def miss(self, offset: int, stop: int, gap: tuple[int, int]) -> tuple[Window, Track]:
        """Return what to request for a read of the bytes from *offset* to before *stop*.

        Args:
          gap: bounds of what is not here around *offset*.
        """
        self.misses.append(offset)
        low, high = gap
        track = self.track_of(offset, stop)
        if self.size <= 2 * self.rate.bdp:
            start, end = low, high
        elif track.forward:
            size = self.onward(track)
            if size is None:
                return self.on(track, offset, None)
            start, end = offset, max(stop, offset + size)
        elif track.backward:
            start, end = self.before(track, offset, stop), stop
        elif stop >= self.size:
            start, end = min(offset, self.size - TAIL), self.size
        else:
            start, end = self.around(offset, stop)
        return self.on(track, max(start, low), min(end, high))

    def on(self, track: Track, start: int, stop: int | None) -> tuple[Window, Track]:
        """Return the window, which the track goes on from."""
        track.low, track.high = start, start if stop is None else stop
        return Window(start, stop), track

    def track_of(self, offset: int, stop: int) -> Track:
        """Return the track that a miss belongs to, which knows its direction then."""
        if self.tracks and self.strides(self.tracks[-1], offset):
            self.tracks[-1].forward, self.tracks[-1].backward = self.tracks[-1].forward + 1, 0
            return self.tracks[-1]
        for track in reversed(self.tracks):
            if abs(offset - track.high) <= TOLERANCE:
                track.forward, track.backward = track.forward + 1, 0
                track.opening = track.opening and offset == track.high
                return self.latest(track)
            if offset < track.low <= stop + TOLERANCE:
                track.forward, track.backward = 0, track.backward + 1
                return self.latest(track)
        track = Track(offset, stop)
        self.tracks.append(track)
        return track

    def strides(self, track: Track, offset: int) -> bool:
        """Tell whether a miss goes on with *track* behind a gap.

        To receive the gap takes no longer than a request. That so little was skipped says
        less than reading on does, so only the track of the last miss is looked at, and
        the one of opening says nothing.
        """
        return not track.opening and TOLERANCE < offset - track.high <= self.rate.bdp

    def latest(self, track: Track) -> Track:
        """Move *track* to where it is forgotten last."""
        self.tracks.remove(track)
        self.tracks.append(track)
        return track

    def onward(self, track: Track) -> int | None:
        """Return the size of a window that goes on with *track*; None for all that follows."""
        from_opening, track.opening = track.opening, False
        size = max(2 * (track.high - track.low), self.rate.bdp)
        track.endless = track.endless or from_opening or size > MAX_REGION
        return None if track.endless else size

    def before(self, track: Track, offset: int, stop: int) -> int:
        """Return where a window begins that goes before the last one."""
        least = max(2 * (track.high - track.low), stop - offset, self.rate.bdp // 2)
        size = min(MAX_REGION, least)
        return min(offset, max(0, stop - size))

    def around(self, offset: int, stop: int) -> tuple[int, int]:
        """Return the largest region around *offset* whose misses have paid for it."""
        size = self.limit
        while size > MIN_REGION and not self.paid(offset, size):
            size //= 2
        start = max(0, offset - size // BEFORE) // STEP * STEP
        # Who reads with a buffer asks for the last bytes of a read with those behind them.
        return start, max(-(-stop // MIN_REGION) * MIN_REGION, start + size)

    def paid(self, offset: int, size: int) -> bool:
        """Tell whether the misses in the aligned region of *size* cost as much as it."""
        region = offset // size
        misses = sum(miss // size == region for miss in self.misses)
        return misses * self.rate.bdp >= (size if misses > 1 else 2 * size)
