"""The live table of connections and rates: from values to lines, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fildes.cli.progress import clock_time, size_text
from fildes.cli.terminal import cells, fit, one_line

#: The columns of numbers: what stands above them, and their widths, each behind a gap.
NUMBERS = (("age", 7), ("left>", 8), ("<right", 8), ("rate", 9))
NUMBERS_WIDTH = sum(width + 1 for _, width in NUMBERS)

#: Columns for the number of a connection, and at most for the name of a relay.
NUMBER_WIDTH = 6
RELAY_WIDTH = 12  # arbitrary


class Row(NamedTuple):
    """One open connection.

    Attributes:
      age: in seconds.
      there, back: bytes that were copied left to right, and right to left.
      rate_there, rate_back: bytes per second, of late.
    """

    number: int
    relay: str
    left: str
    right: str
    age: float
    there: int
    back: int
    rate_there: float
    rate_back: float

    def busyness(self) -> tuple[float, int]:
        """Return what sorts the busiest first."""
        return -(self.rate_there + self.rate_back), self.number


class Totals(NamedTuple):
    """All relays together, since the start."""

    uptime: float
    relays: int
    open: int
    accepted: int
    refused: int
    failed: int
    there: int
    back: int
    rate_there: float
    rate_back: float


def render(totals: Totals, rows: Sequence[Row], columns: int, lines: int) -> list[str]:
    """Return the screen, at most *lines* lines of at most *columns* columns.

    The busiest connections come first; the last line tells how many have no room.
    """
    widths = lay_out(rows, columns)
    head = [*summary(totals), "", heading(widths)]
    room = max(lines - len(head), 1)
    ordered = sorted(rows, key=Row.busyness)
    count = max(totals.open, len(ordered))  # only the busiest of other processes are told
    shown = ordered if count <= room else ordered[: room - 1]
    body = [line_of(row, widths) for row in shown]
    if len(shown) < count:
        body.append(f"and {count - len(shown)} more")
    return [fit(line, columns).rstrip() for line in (head + body)[:lines]]


def summary(totals: Totals) -> list[str]:
    """Return the two lines that tell of all relays together."""
    relays = f"{totals.relays} relay{'s' * (totals.relays != 1)}"
    return [
        f"fildes relay, up {clock_time(totals.uptime)}: {relays}, {totals.open} open,"
        f" {totals.accepted} accepted, {totals.refused} refused, {totals.failed} failed",
        f"left> {size_text(totals.there)}, {size_text(totals.rate_there)}/s"
        f"   <right {size_text(totals.back)}, {size_text(totals.rate_back)}/s",
    ]


def lay_out(rows: Sequence[Row], columns: int) -> tuple[int, int, int, int]:
    """Return the widths of the columns of names; what is left is for from and to."""
    longest = max((cells(row.relay) for row in rows), default=0)
    relay = min(max(longest, len("relay")), RELAY_WIDTH) if longest else 0
    free = columns - NUMBERS_WIDTH - NUMBER_WIDTH - relay - 2 - bool(relay)
    left = max(free // 2, 1)
    return NUMBER_WIDTH, relay, left, max(free - left, 1)


def table_line(names: Sequence[str], numbers: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line of the table."""
    texts = [fit(one_line(text), width) for text, width in zip(names, widths, strict=True) if width]
    cut = [f"{text:>{width}}" for text, (_, width) in zip(numbers, NUMBERS, strict=True)]
    return " ".join([*texts, *cut])


def heading(widths: Sequence[int]) -> str:
    """Return the line above the connections."""
    return table_line(("", "relay", "from", "to"), [name for name, _ in NUMBERS], widths)


def line_of(row: Row, widths: Sequence[int]) -> str:
    """Return the line of one connection."""
    names = (f"#{row.number}", row.relay, short(row.left), short(row.right))
    rate = f"{size_text(row.rate_there + row.rate_back)}/s"
    numbers = (clock_time(row.age), size_text(row.there), size_text(row.back), rate)
    return table_line(names, numbers, widths)


def short(address: str) -> str:
    """Return *address* without the scheme that most have."""
    return address.removeprefix("tcp://")
