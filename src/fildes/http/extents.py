"""The parts of a document that were received, kept within a budget of memory.

Extents are sorted and do not touch each other's bytes. What was used longest ago
goes first; the head and the tail of the document stay, for there the directories
of archives and the headers of everything are.

Much of what comes was not asked for by the reader but by `fildes.http.planning`, and most
of that is never read. So where little of an extent was read, that little stays for one
more turn: the pages of an index, say, which are asked for again and again.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: Memory for the parts of one document.
BUDGET = 32 << 20

#: An extent grows up to this when bytes come in sequence, so that what goes is not much at once.
MAX_EXTENT = 1 << 20  # arbitrary

#: At either end of the document.
PINNED = 65536

#: What was read stays in pages of this size, as those of most databases and file systems.
PAGE = 4096

#: One part of so many has to be read of an extent, or it was too large.
WORTH = 4  # arbitrary


class Use(NamedTuple):
    """What an extent of some *size* was good for: so many reads, of so many bytes in all."""

    size: int
    reads: int
    taken: int

    @property
    def worthy(self) -> bool:
        """Whether enough of it was read."""
        return self.taken * WORTH >= self.size


class Extent:
    """Bytes of a document that follow each other.

    Attributes:
      reads, taken: how often it was read from, and how many bytes in all.
      pages: those that were read, counted from its beginning.
      stayed: it is what stayed of a larger one.
    """

    def __init__(self, data: memoryview, *, stayed: bool = False) -> None:
        self.data = bytearray(data)
        self.reads = self.taken = 0
        self.pages: set[int] = set()
        self.stayed = stayed

    def copy_into(self, view: memoryview, skip: int) -> int:
        """Copy the bytes behind the first *skip* into *view*; return how many."""
        size = min(len(self.data) - skip, len(view))
        with memoryview(self.data) as held:
            view[:size] = held[skip : skip + size]
        self.reads += 1
        self.taken += size
        if not self.use.worthy:  # else nobody asks for the pages
            self.pages.update(range(skip // PAGE, (skip + size - 1) // PAGE + 1))
        return size

    @property
    def use(self) -> Use:
        """What it was good for."""
        return Use(len(self.data), self.reads, self.taken)


class ExtentMap:
    """Which bytes of a document are here.

    Attributes:
      stored: how many bytes are kept.
      starts: where each extent begins, sorted.
      extents: by their starts, what was used longest ago in front.
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
        self.extents: OrderedDict[int, Extent] = OrderedDict()
        self.gone = gone

    def read_into(self, view: memoryview, offset: int) -> int:
        """Copy the bytes at *offset* into *view*, as far as they are here without a gap."""
        done = 0
        while done < len(view) and (start := self.holder(offset + done)) is not None:
            done += self.extents[start].copy_into(view[done:], offset + done - start)
            self.extents.move_to_end(start)
        return done

    def holder(self, offset: int) -> int | None:
        """Return the start of the extent that holds the byte at *offset*."""
        index = bisect.bisect_right(self.starts, offset) - 1
        if index < 0:
            return None
        start = self.starts[index]
        return start if offset < start + len(self.extents[start].data) else None

    def gap(self, offset: int) -> tuple[int, int]:
        """Return the bounds of what is missing around *offset*, which is not here."""
        index = bisect.bisect_right(self.starts, offset)
        low = 0
        if index:
            start = self.starts[index - 1]
            low = start + len(self.extents[start].data)
        high = self.starts[index] if index < len(self.starts) else self.size
        return low, high

    def add(self, offset: int, data: memoryview) -> None:
        """Keep *data*, the bytes at *offset*; what is here already stays as it is."""
        while data:
            if (start := self.holder(offset)) is not None:
                skip = start + len(self.extents[start].data) - offset
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
        held = self.extents.get(start)
        if held is not None and start + len(held.data) == offset and len(held.data) < MAX_EXTENT:
            held.data += data
            self.extents.move_to_end(start)
            self.stored += len(data)
        else:
            self.insert(offset, Extent(data))

    def insert(self, start: int, extent: Extent) -> None:
        """Keep *extent*, none of whose bytes are here."""
        bisect.insort(self.starts, start)
        self.extents[start] = extent
        self.stored += len(extent.data)

    def evict(self) -> None:
        """Drop what was used longest ago, down to the budget; the newest always stays."""
        if self.stored <= self.budget:
            return
        for start in list(self.extents)[:-1]:
            if self.stored <= self.budget:
                return
            if not self.pinned(start):
                self.drop(start)

    def pinned(self, start: int) -> bool:
        """Tell whether an extent is at the head or the tail of the document."""
        return start < PINNED or start + len(self.extents[start].data) > self.size - PINNED

    def drop(self, start: int) -> None:
        """Forget an extent, but for pages that were read where they are little of it."""
        extent = self.extents.pop(start)
        self.starts.remove(start)
        self.stored -= len(extent.data)
        if extent.stayed:
            return
        self.gone(extent.use)
        if not extent.use.worthy:
            with memoryview(extent.data) as held:
                for page in extent.pages:
                    kept = held[page * PAGE : (page + 1) * PAGE]
                    self.insert(start + page * PAGE, Extent(kept, stayed=True))
