"""What the relays of a process have done so far."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.cli.relaying.flow import Flow

#: Seconds that a rate is an average of.
RATE_WINDOW = 2.0  # arbitrary


@dataclass
class Counts:
    """What one relay has done, connections that are over only.

    Attributes:
      failed: connections by the step in which they failed.
    """

    accepted: int = 0
    refused: int = 0
    there: int = 0
    back: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False)
class Connection:
    """One open connection.

    Attributes:
      flow: None until both sides are open.
      rates: bytes per second of late, left to right and back.
    """

    number: int
    relay: str
    left: str
    right: str
    started: float = field(default_factory=time.monotonic)
    flow: Flow | None = None
    rates: tuple[float, float] = (0.0, 0.0)
    seen: tuple[float, int, int] | None = None

    @property
    def there(self) -> int:
        """Bytes that went left to right."""
        return self.flow.copied(">") if self.flow is not None else 0

    @property
    def back(self) -> int:
        """Bytes that went right to left."""
        return self.flow.copied("<") if self.flow is not None else 0

    def measure(self, now: float) -> None:
        """Bring the rates up to date."""
        if self.seen is None:
            self.seen = self.started, 0, 0
        since, there, back = self.seen
        if now - since < RATE_WINDOW and since != self.started:
            return
        passed = max(now - since, 1e-6)  # a clock may stand still
        self.rates = (self.there - there) / passed, (self.back - back) / passed
        self.seen = now, self.there, self.back
