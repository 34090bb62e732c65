"""The parts of a document that were received, kept within a budget of memory.

Extents are sorted and do not touch each other's bytes. What was used longest ago
goes first; the head and the tail of the document stay, for there the directories
of archives and the headers of everything are.
"""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: Memory for the parts of one document.
BUDGET = 32 << 20

#: An extent grows up to this when bytes come in sequence, so that what goes is not much at once.
MAX_EXTENT = 1 << 20  # arbitrary

#: At either end of the document.
PINNED = 65536


class Use(NamedTuple):
    """What an extent of some *size* was good for: so many reads, of so many bytes in all."""

    size: int
    reads: int
    taken: int


class ExtentMap:
    """Which bytes of a document are here.

    Attributes:
      stored: how many bytes are kept.
      reads: how often each extent was read from, and how many bytes in all.
    """

    def __init__(
        self,
        size: int,
        budget: int = BUDGET,
        gone: Callable[[Use], object] = lambda use: None,
    ) -> None:
        """Start with nothing of a document of *size* bytes.

        Args:
          gone: told of each extent that goes what it was good for.
        """
        self.size = size
        self.budget = budget
        self.stored = 0
        self.starts: list[int] = []
        self.data: dict[int, bytearray] = {}
        self.used: dict[int, int] = {}
        self.reads: dict[int, tuple[int, int]] = {}
        self.gone = gone
        self.clock = itertools.count()

    def read_into(self, view: memoryview, offset: int) -> int:
        """Copy the bytes at *offset* into *view*, as far as they are here without a gap."""
        done = 0
        while done < len(view) and (start := self.holder(offset + done)) is not None:
            data = self.data[start]
            skip = offset + done - start
            size = min(len(data) - skip, len(view) - done)
            with memoryview(data) as held:
                view[done : done + size] = held[skip : skip + size]
            self.used[start] = next(self.clock)
            count, total = self.reads[start]
            self.reads[start] = count + 1, total + size
            done += size
        return done

    def holder(self, offset: int) -> int | None:
        """Return the start of the extent that holds the byte at *offset*."""
        index = bisect.bisect_right(self.starts, offset) - 1
        if index < 0:
            return None
        start = self.starts[index]
        return start if offset < start + len(self.data[start]) else None

    def gap(self, offset: int) -> tuple[int, int]:
        """Return the bounds of what is missing around *offset*, which is not here."""
        index = bisect.bisect_right(self.starts, offset)
        low = 0
        if index:
            start = self.starts[index - 1]
            low = start + len(self.data[start])
        high = self.starts[index] if index < len(self.starts) else self.size
        return low, high

    def add(self, offset: int, data: memoryview) -> None:
        """Keep *data*, the bytes at *offset*; what is here already stays as it is."""
        while data:
            if (start := self.holder(offset)) is not None:
                skip = start + len(self.data[start]) - offset
            else:
                skip = min(len(data), self.gap(offset)[1] - offset)
                self.keep(offset, data[:skip])
            offset += skip
            data = data[skip:]
        self.evict()

    def keep(self, offset: int, data: memoryview) -> None:
        """Store *data*, none of which is here, behind the extent before it if that may grow."""
        index = bisect.bisect_right(self.starts, offset)
        start = self.starts[index - 1] if index else -1
        held = self.data.get(start)
        if held is not None and start + len(held) == offset and len(held) < MAX_EXTENT:
            held += data
        else:
            start = offset
            self.starts.insert(index, start)
            self.data[start] = bytearray(data)
            self.reads[start] = 0, 0
        self.used[start] = next(self.clock)
        self.stored += len(data)

    def evict(self) -> None:
        """Drop what was used longest ago, down to the budget; the newest always stays."""
        if self.stored <= self.budget:
            return
        oldest = sorted(self.used, key=self.used.__getitem__)
        for start in oldest[:-1]:
            if self.stored <= self.budget:
                return
            if not self.pinned(start):
                self.drop(start)

    def pinned(self, start: int) -> bool:
        """Tell whether an extent is at the head or the tail of the document."""
        return start < PINNED or start + len(self.data[start]) > self.size - PINNED

    def drop(self, start: int) -> None:
        """Forget an extent."""
        size = len(self.data.pop(start))
        self.stored -= size
        self.gone(Use(size, *self.reads.pop(start)))
        del self.used[start]
        self.starts.remove(start)
