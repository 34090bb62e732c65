"""The live table of connections, as lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.showing.table import Row, Totals, render
from fildes.cli.terminal import cells

TOTALS = Totals(3723, 2, 2, 120, 1, 2, 123456789, 2345, 1e6, 10)
ROWS = [
    Row(12, "web", "tcp://127.0.0.1:51234", "tcp://10.0.0.1:80", 62, 1234567, 33, 1e5, 0),
    Row(13, "", "tcp://[::1]:51234", "unix:///run/x.sock", 3, 0, 9999999999, 0, 1e9),
]


def test_table_has_totals_and_connections() -> None:
    """80 columns hold the totals and both ends, counts and rate of each connection."""
    assert render(TOTALS, ROWS, 80, 24) == [
        "fildes relay, up 1:02:03: 2 relays, 2 open, 120 accepted, 1 refused, 2 failed",
        "left> 118 MiB, 977 KiB/s   <right 2.3 KiB, 10 B/s",
        "",
        "       relay from            to                  age    left>   <right      rate",
        "#13          [::1]:51234     unix:///run/x..    0:03      0 B  9.3 GiB 954 MiB/s",
        "#12    web   127.0.0.1:51234 10.0.0.1:80        1:02  1.2 MiB     33 B  98 KiB/s",
    ]


def test_relays_without_names_take_no_column() -> None:
    """Where no relay has a name, its column goes to the ends."""
    heading = render(TOTALS, [ROWS[1]], 80, 24)[3]
    assert "relay" not in heading
    assert "from" in heading


def test_what_has_no_room_is_counted() -> None:
    """The busiest are shown, and of the others how many there are."""
    rows = [ROWS[0]._replace(number=number, rate_there=number) for number in range(100)]
    lines = render(TOTALS, rows, 80, 10)
    assert len(lines) == 10
    assert [line.split()[0] for line in lines[4:9]] == ["#99", "#98", "#97", "#96", "#95"]
    assert lines[9] == "and 95 more"


def test_peers_cannot_drive_the_terminal() -> None:
    """A name with controls, as a unix socket may have, is shown in their notation."""
    lines = render(TOTALS, [ROWS[0]._replace(left="\x1b]0;x\x07\n")], 80, 24)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("columns", [10, 40, 79, 80, 200])
@given(lines=st.integers(1, 30), count=st.integers(0, 30))
def test_table_fits_the_screen(columns: int, lines: int, count: int) -> None:
    """However small a terminal is, no line wraps and none scrolls away."""
    rows = [ROWS[number % 2]._replace(number=number) for number in range(count)]
    shown = render(TOTALS, rows, columns, lines)
    assert len(shown) <= lines
    assert all(cells(line) <= columns for line in shown)
