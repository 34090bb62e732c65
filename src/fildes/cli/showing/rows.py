"""The open connections, with their rates of late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.cli.showing.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.cli.showing.counts import Counted
    from fildes.relaying.connection import Connection


class Rows:
    """Remembers what was copied when somebody looked last."""

    def __init__(self) -> None:
        self.seen: dict[Connection, tuple[float, int, int]] = {}

    def of(self, services: Iterable[Counted], now: float) -> list[Row]:
        """Return the open connections of *services*, with their rates since the last time."""
        rows, before, self.seen = [], self.seen, {}
        for service in services:
            for each in service.connections:
                there, back = service.moved_by(each)
                since, *was = before.get(each, (each.since, 0, 0))
                self.seen[each] = now, there, back
                passed = max(now - since, 1e-6)  # a clock may stand still
                rates = (there - was[0]) / passed, (back - was[1]) / passed
                ends, age = service.ends_of(each), now - each.since
                rows.append(Row(each.number, service.name, *ends, age, there, back, *rates))
        return rows
