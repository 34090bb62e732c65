"""The live table of connections and rates: from values to lines, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fildes.cli.progress import clock_time, size_text
from fildes.cli.terminal import cells, fit, one_line

#: What is shown, and the command that does it. A program has its connection for itself,
#: so of a server no bytes are counted.
Kind = Literal["relay", "serve"]

#: The columns of numbers: what stands above them, and their widths, each behind a gap.
AGE = ("age", 7)
NUMBERS: dict[Kind, tuple[tuple[str, int], ...]] = {
    "relay": (AGE, ("left>", 8), ("<right", 8), ("rate", 9)),
    "serve": (AGE,),
}

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
    """All relays together, or a server, since the start."""

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
    kind: Kind = "relay"


class Layout(NamedTuple):
    """The columns of the table.

    Attributes:
      names: the widths of the columns of names; 0 for one that is left out.
      numbers: those of numbers: what stands above them, and their widths.
    """

    names: Sequence[int]
    numbers: Sequence[tuple[str, int]]


def render(totals: Totals, rows: Sequence[Row], columns: int, lines: int) -> list[str]:
    """Return the screen, at most *lines* lines of at most *columns* columns.

    The busiest connections come first; the last line tells how many have no room.
    """
    layout = lay_out(rows, columns, totals.kind)
    head = [*summary(totals), "", heading(layout)]
    room = max(lines - len(head), 1)
    ordered = sorted(rows, key=Row.busyness)
    count = max(totals.open, len(ordered))  # only the busiest of other processes are told
    shown = ordered if count <= room else ordered[: room - 1]
    body = [line_of(row, layout) for row in shown]
    if len(shown) < count:
        body.append(f"and {count - len(shown)} more")
    return [fit(line, columns).rstrip() for line in (head + body)[:lines]]


def summary(totals: Totals) -> list[str]:
    """Return the lines that tell of all together."""
    relays = f"{totals.relays} relay{'s' * (totals.relays != 1)}, "
    first = (
        f"fildes {totals.kind}, up {clock_time(totals.uptime)}:"
        f" {relays if totals.kind == 'relay' else ''}{totals.open} open,"
        f" {totals.accepted} accepted, {totals.refused} refused, {totals.failed} failed"
    )
    if totals.kind != "relay":
        return [first]
    return [
        first,
        f"left> {size_text(totals.there)}, {size_text(totals.rate_there)}/s"
        f"   <right {size_text(totals.back)}, {size_text(totals.rate_back)}/s",
    ]


def lay_out(rows: Sequence[Row], columns: int, kind: Kind) -> Layout:
    """Return the columns; what the others leave is for from and to."""
    longest = max((cells(row.relay) for row in rows), default=0)
    relay = min(max(longest, len("relay")), RELAY_WIDTH) if longest else 0
    taken = sum(width + 1 for _, width in NUMBERS[kind])
    free = columns - taken - NUMBER_WIDTH - relay - 2 - bool(relay)
    left = max(free // 2, 1)
    return Layout((NUMBER_WIDTH, relay, left, max(free - left, 1)), NUMBERS[kind])


def table_line(names: Sequence[str], numbers: Sequence[str], layout: Layout) -> str:
    """Return one line of the table; numbers that have no column are left out."""
    widths = zip(names, layout.names, strict=True)
    texts = [fit(one_line(text), width) for text, width in widths if width]
    columns = zip(numbers, layout.numbers, strict=False)
    return " ".join([*texts, *(f"{text:>{width}}" for text, (_, width) in columns)])


def heading(layout: Layout) -> str:
    """Return the line above the connections."""
    return table_line(("", "relay", "from", "to"), [name for name, _ in layout.numbers], layout)


def line_of(row: Row, layout: Layout) -> str:
    """Return the line of one connection."""
    names = (f"#{row.number}", row.relay, short(row.left), short(row.right))
    rate = f"{size_text(row.rate_there + row.rate_back)}/s"
    numbers = (clock_time(row.age), size_text(row.there), size_text(row.back), rate)
    return table_line(names, numbers, layout)


def short(address: str) -> str:
    """Return *address* without the scheme that most have."""
    return address.removeprefix("tcp://")
