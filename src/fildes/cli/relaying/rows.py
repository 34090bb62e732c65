"""The open connections of relays, with their rates of late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.cli.relaying.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.cli.relaying.service import Relay
    from fildes.relaying.connection import Connection


class Rows:
    """Remembers what was copied when somebody looked last."""

    def __init__(self) -> None:
        self.seen: dict[Connection, tuple[float, int, int]] = {}

    def of(self, relays: Iterable[Relay], now: float) -> list[Row]:
        """Return the open connections of *relays*, with their rates since the last time."""
        rows, before, self.seen = [], self.seen, {}
        for relay in relays:
            for each in relay.connections:
                there, back = relay.moved_by(each)
                since, *was = before.get(each, (each.since, 0, 0))
                self.seen[each] = now, there, back
                passed = max(now - since, 1e-6)  # a clock may stand still
                rates = (there - was[0]) / passed, (back - was[1]) / passed
                ends, age = relay.ends_of(each), now - each.since
                rows.append(Row(each.number, relay.plan.name, *ends, age, there, back, *rates))
        return rows
