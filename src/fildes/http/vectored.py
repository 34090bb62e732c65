"""Several ranges at once: which windows to ask for, and how they come.

What is not much is asked for on one connection, in turn (`fildes.http.pipelining`): a
further one would have to be made first, and to find out how fast one may send there. Much
is divided among several. Where a server does not answer in turn, several connections ask for
one window after the other.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fildes.http.pipelining import ask_in_turn, pipelines
from fildes.http.planning import MIN_BDP
from fildes.waiting import together

if TYPE_CHECKING:
    from fildes.http.ranged import RangedStream

#: One request of several ranges asks for no more, and neither do those sent together, so
#: that several connections share it.
MAX_RANGE = 8 << 20

#: Requests that are sent together: fewer bytes than any server takes while it sends, and than
#: most serve on one connection (100 by nginx before 1.19.10 and by Apache).
MAX_IN_TURN = 64

#: Connections on which ranges are asked for at once; as many as browsers have to one host.
MAX_TOGETHER = 6

Range = tuple[int, int]


class Gathering:
    """Ranges of one document, on their way to who wants them together.

    Attributes:
      ranges: start and stop of each, inside the document.
      buffers: their bytes.
      windows: what to ask for, sorted.
      wanting: for the start of each window, which ranges have bytes of it.
    """

    def __init__(self, stream: RangedStream, ranges: Sequence[Range]) -> None:
        self.stream = stream
        self.ranges = [(start, max(start, min(stop, stream.size))) for start, stop in ranges]
        self.buffers = [bytearray(stop - start) for start, stop in self.ranges]
        self.windows = merged(self.ranges, self.near())
        self.wanting = wanting(self.windows, self.ranges)

    def near(self) -> int:
        """Return how many bytes are received as fast as a further request is answered.

        In turn it costs no round trip; else one, while others wait for theirs.
        """
        if pipelines(self.stream.parts):
            return MIN_BDP
        return max(MIN_BDP, self.stream.planner.rate.bdp // MAX_TOGETHER)

    async def gather(self) -> list[bytes]:
        """Return the bytes of each range."""
        left = self.windows
        if len(left) > 1:
            await self.stream.make_room()
            if pipelines(self.stream.parts):
                left = await self.ask_in_turn(left)
        await self.ask_one_by_one(left)
        return [bytes(buffer) for buffer in self.buffers]

    async def ask_in_turn(self, windows: list[Range]) -> list[Range]:
        """Ask for those of *windows* of which nothing is here; return what did not come."""
        missing = [each for each in windows if self.stream.lacks(*each)]
        left = [each for each in windows if each not in set(missing)]
        groups = grouped(missing)
        queue = iter(groups)

        async def work() -> None:
            for group in queue:
                left.extend(await self.ask_group(group))

        await together([work() for _ in range(min(MAX_TOGETHER, len(groups)))])
        return left

    async def ask_group(self, group: list[Range]) -> list[Range]:
        """Ask for *group* in turn; return what of it did not come."""
        stream = self.stream
        count = await ask_in_turn(stream.parts, stream.pool, group, self.take)
        if count is None:  # there will be a connection behind the first one
            await self.fill(*group[0])
            count = 1
            if len(group) > 1 and pipelines(stream.parts):
                count += await ask_in_turn(stream.parts, stream.pool, group[1:], self.take) or 0
        return group[count:]

    async def ask_one_by_one(self, windows: Iterable[Range]) -> None:
        """Ask for each of *windows*, or take what is here or coming."""
        windows = list(windows)
        queue = iter(windows)

        async def work() -> None:
            for window in queue:
                await self.fill(*window)

        await together([work() for _ in range(min(MAX_TOGETHER, len(windows)))])

    async def fill(self, start: int, stop: int) -> None:
        """Read from *start* to before *stop*."""
        view = memoryview(bytearray(stop - start))
        done = 0
        while done < len(view):
            done += await self.stream.read_some(view[done:], start + done, exact=True)
        self.copy_out(start, view)

    def take(self, offset: int, data: memoryview) -> None:
        """Take *data*, which just came, and keep it for later reads."""
        with self.stream.state():
            self.stream.extents.add(offset, data)
            self.stream.came += len(data)
        self.copy_out(offset, data)

    def copy_out(self, offset: int, data: memoryview) -> None:
        """Copy of *data*, the window at *offset*, what belongs to each range."""
        for index in self.wanting[offset]:
            start, stop = self.ranges[index]
            low, high = max(start, offset), min(stop, offset + len(data))
            self.buffers[index][low - start : high - start] = data[low - offset : high - offset]


def merged(ranges: Sequence[Range], near: int) -> list[Range]:
    """Return the windows to ask for so that *ranges* are all there.

    Ranges with no more than *near* bytes between them share a window; large windows
    are divided, for several connections.
    """
    joined: list[Range] = []
    for start, stop in sorted(each for each in ranges if each[0] < each[1]):
        if joined and start - joined[-1][1] <= near:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return [
        (at, min(stop, at + MAX_RANGE))
        for start, stop in joined
        for at in range(start, stop, MAX_RANGE)
    ]


def wanting(windows: Sequence[Range], ranges: Sequence[Range]) -> dict[int, list[int]]:
    """Return for the start of each of the sorted *windows* which *ranges* have bytes of it."""
    starts = [start for start, _ in windows]
    found: dict[int, list[int]] = {start: [] for start in starts}
    for index, (start, stop) in enumerate(ranges):
        if start < stop:
            first = bisect.bisect_right(starts, start) - 1
            for window in starts[first : bisect.bisect_left(starts, stop)]:
                found[window].append(index)
    return found


def grouped(windows: Iterable[Range]) -> list[list[Range]]:
    """Return *windows* in groups, of which each is asked for in turn on one connection."""
    groups: list[list[Range]] = []
    room = 0
    for start, stop in windows:
        if not groups or len(groups[-1]) == MAX_IN_TURN or stop - start > room:
            groups.append([])
            room = MAX_RANGE
        groups[-1].append((start, stop))
        room -= stop - start
    return groups
