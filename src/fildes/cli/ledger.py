"""Which bytes of a document are missing, and who receives which of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from fildes.cli.output import COPY_SIZE

#: What is left of a share is divided from twice this size on: below, another request
#: costs more than it saves. It is also well beyond what its owner is just writing.  # arbitrary
LEAST = max(1 << 20, 4 * COPY_SIZE)

#: Where a document of unknown size ends.
ENDLESS = sys.maxsize


class Share:
    """What one connection receives.

    Attributes:
      position: the offset of the next byte; those before are written.
      stop: where it ends; others may move it nearer, to help.
    """

    def __init__(self, position: int, stop: int) -> None:
        self.position, self.stop = position, stop

    @property
    def left(self) -> int:
        """How many bytes are missing."""
        return self.stop - self.position


class Ledger:
    """The missing ranges of a document; the caller sees to threads.

    Who has nothing to do takes the largest range that nobody receives, or else the
    second half of what another has still to receive. So all end at about the same
    time, however fast each of them is.
    """

    def __init__(self, missing: Iterable[tuple[int, int]]) -> None:
        self.free = list(missing)
        self.shares: list[Share] = []

    def take(self) -> Share | None:
        """Return what to receive next; None when there is nothing worth a request."""
        if self.free:
            largest = max(self.free, key=lambda gap: gap[1] - gap[0])
            self.free.remove(largest)
            return self.add(*largest)
        richest = max(self.shares, key=lambda share: share.left, default=None)
        if richest is None or richest.stop == ENDLESS or richest.left < 2 * LEAST:
            return None
        middle, stop = richest.position + richest.left // 2, richest.stop
        richest.stop = middle
        return self.add(middle, stop)

    def add(self, start: int, stop: int) -> Share:
        share = Share(start, stop)
        self.shares.append(share)
        return share

    def give_back(self, share: Share) -> None:
        """Let others have what is left of *share*, which nobody receives any more."""
        self.shares.remove(share)
        if share.left > 0:
            self.free.append((share.position, share.stop))

    def missing(self) -> list[tuple[int, int]]:
        """Return the ranges that are not written, in order, none next to another."""
        shares = [(share.position, share.stop) for share in self.shares if share.left > 0]
        joined: list[tuple[int, int]] = []
        for start, stop in sorted([*self.free, *shares]):
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, stop))
        return joined
