"""The progress bar."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.progress import Progress, clock_time, progress_line, size_text
from fildes.cli.terminal import cells


class Terminal(io.StringIO):
    """A terminal of eighty columns."""

    def isatty(self) -> bool:
        return True

    @property
    def last_line(self) -> str:
        return self.getvalue().split("\r\x1b[K")[-1]


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def utf8_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def test_no_terminal_no_bar() -> None:
    """A log file gets nothing at all."""
    out = io.StringIO()
    with Progress("a.iso", 100, out=out) as progress:
        progress.advance(50)
    assert out.getvalue() == ""


def test_line_has_size_rate_and_time_left() -> None:
    """After a quarter in one second, three more are expected."""
    out, clock = Terminal(), Clock()
    progress = Progress("a.iso", 4 << 20, out=out, clock=clock)
    clock.now += 1
    progress.advance(1 << 20)
    line = out.last_line
    assert line.startswith("a.iso  ▕██")
    assert line.endswith(" 25%  1.0 MiB of 4.0 MiB  1.0 MiB/s  0:03 left")


def test_redraws_ten_times_a_second_at_most() -> None:
    """However often bytes come, the terminal is written to every 100 ms only."""
    out, clock = Terminal(), Clock()
    progress = Progress("a", None, out=out, clock=clock)
    for _ in range(1000):
        clock.now += 0.001
        progress.advance(1)
    assert 9 <= out.getvalue().count("\r") <= 11


def test_unknown_size_has_no_bar() -> None:
    """Without a size there is what has come, the rate and the time taken."""
    out, clock = Terminal(), Clock()
    progress = Progress("a", None, out=out, clock=clock)
    clock.now += 2
    progress.advance(2048)
    assert out.last_line == "a  2.0 KiB  1.0 KiB/s  0:02"


def test_end_leaves_the_average_standing() -> None:
    """The last line says the average rate and the time it took, and stays."""
    out, clock = Terminal(), Clock()
    with Progress("a", 8192, out=out, clock=clock) as progress:
        progress.advance(0)
        clock.now += 8
        progress.advance(8192)
    assert out.last_line.endswith("100%  8.0 KiB of 8.0 KiB  1.0 KiB/s  0:08\n")


def test_failure_clears_the_line() -> None:
    """When an exception passes, the error is all there is to read."""
    out = Terminal()

    def fail() -> None:
        with Progress("a", 10, out=out) as progress:
            progress.advance(5)
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        fail()
    assert out.last_line == ""


def test_rate_is_of_the_last_seconds() -> None:
    """After a fast start a slow connection shows its present rate."""
    clock = Clock()
    progress = Progress("a", None, out=Terminal(), clock=clock)
    progress.copied = 1 << 30
    for _ in range(60):
        clock.now += 1
        progress.advance(1024)
    assert progress.rate(clock.now) == pytest.approx(1024)


def test_name_cannot_drive_the_terminal() -> None:
    """A file name from a peer is shown, not obeyed."""
    out = Terminal()
    Progress("\x1b[2Jx\n", None, out=out).advance(1)
    assert out.last_line.startswith("^[[2Jx ")


@given(
    st.text(max_size=60),
    st.integers(0, 1 << 50),
    st.none() | st.integers(0, 1 << 50),
    st.floats(0, 1e12),
    st.integers(10, 200),
)
def test_line_never_wraps(
    name: str, copied: int, size: int | None, rate: float, width: int
) -> None:
    """On no width, and whatever a peer claims, is the line wider than the terminal."""
    assert (
        cells(progress_line(name, copied, size, rate=rate, time_shown="0:01 left", width=width))
        <= width
    )


def test_narrow_terminal_drops_the_bar_before_the_facts() -> None:
    """What matters least goes first: bar, then name, then the end of the line."""
    lines = [
        progress_line("name", 512, 1024, rate=100.0, time_shown="0:05 left", width=width)
        for width in (80, 50, 30)
    ]
    assert ["█" in line for line in lines] == [True, False, False]
    assert ["name" in line for line in lines] == [True, True, False]
    assert all(" 50%  512 B of 1.0 KiB"[:30] in line for line in lines)


def test_ascii_bar_where_utf8_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the C locale the bar is ASCII."""
    monkeypatch.setenv("LC_ALL", "C")
    line = progress_line("a", 1, 2, rate=1.0, time_shown="", width=60)
    assert "[####" in line
    assert line.isascii()


def test_size_is_standard_error_s_own(capfd: pytest.CaptureFixture[str]) -> None:
    """Without *out* the bar belongs to standard error, here no terminal."""
    Progress("a", 1).finish()
    os.write(2, b"end")
    assert capfd.readouterr().err == "end"


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (1536, "1.5 KiB"), (20 << 20, "20 MiB")],
)
def test_sizes_have_two_or_three_digits(size: int, expected: str) -> None:
    """A size is short enough to be read while it changes."""
    assert size_text(size) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(7, "0:07"), (754, "12:34"), (3723, "1:02:03"), (float("inf"), "99:59:59")],
)
def test_times_read_as_clocks(seconds: float, expected: str) -> None:
    """A time left, however long, has a form of its own."""
    assert clock_time(seconds) == expected
