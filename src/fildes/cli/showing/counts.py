"""What was done: the counts that metrics, the table and other processes get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from fildes.cli.showing.table import Kind, Row
    from fildes.relaying.connection import Connection


class Counts(NamedTuple):
    """What the relays of one name, or a server, have done.

    Attributes:
      active: connections that are open.
      failed: connections that ended with an error, by the step in which they did.
      there, back: bytes left to right, and right to left.
    """

    accepted: int = 0
    refused: int = 0
    active: int = 0
    failed: Mapping[str, int] = {}
    there: int = 0
    back: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        failed = dict(Counter(self.failed) + Counter(other.failed))
        sums = (mine + its for mine, its in zip(self.numbers, other.numbers, strict=True))
        accepted, refused, active, there, back = sums
        return Counts(accepted, refused, active, failed, there, back)

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """All that is one number."""
        return self.accepted, self.refused, self.active, self.there, self.back


class Counted(Protocol):
    """A relay or a server, which counts what it does."""

    accepted: int
    refused: int
    failed: Counter[str]

    @property
    def name(self) -> str:
        """What it is called; empty for the only one of its process."""

    @property
    def connections(self) -> Collection[Connection]:
        """Those that are open."""

    @property
    def moved_so_far(self) -> tuple[int, int]:
        """The bytes left to right, and right to left, of all connections."""

    def moved_by(self, connection: Connection) -> tuple[int, int]:
        """Return the bytes of one connection left to right, and right to left."""

    def ends_of(self, connection: Connection) -> tuple[str, str]:
        """Return what the left and the right end of a connection are called."""


class View(Protocol):
    """Who is shown: the relays of this process or of all workers, or a server.

    Attributes:
      kind: what they are.
      started: the moment at which they began.
      names: those that listen.
    """

    kind: Kind
    started: float

    @property
    def names(self) -> Iterable[str]: ...

    def counts(self) -> dict[str, Counts]:
        """Return what was done, by name; also of those that listen no more."""

    def rows(self, now: float) -> list[Row]:
        """Return open connections, at least the busiest."""

    def open_by_worker(self) -> dict[int, int]:
        """Return how many connections each worker has; nothing without workers."""

    def refresh(self, done: Callable[[], None]) -> None:
        """Call *done* once the counts are those of now."""


def counts_of(services: Iterable[Counted]) -> dict[str, Counts]:
    """Return the counts of *services* by name."""
    found: dict[str, Counts] = {}
    for each in services:
        there, back = each.moved_so_far
        open_ones = len(each.connections)
        counts = Counts(each.accepted, each.refused, open_ones, each.failed, there, back)
        add(found, each.name, counts)
    return found


def add(sums: dict[str, Counts], name: str, counts: Counts) -> None:
    """Add *counts* to those of *name* among *sums*."""
    sums[name] = sums.get(name, Counts()).plus(counts)


def past(counts: Counts) -> Counts:
    """Return what stays of the counts of a process that has ended."""
    return counts._replace(active=0)


def packed(counts: Mapping[str, Counts]) -> dict[str, Any]:
    """Return *counts* as JSON has it; `unpacked` is the way back."""
    return {name: list(each) for name, each in counts.items()}


def unpacked(record: Mapping[str, Any]) -> dict[str, Counts]:
    """Return the counts that another process has `packed`."""
    return {name: Counts(*each) for name, each in record.items()}
