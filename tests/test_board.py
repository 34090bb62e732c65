"""The progress of several transfers."""

from __future__ import annotations

import io

import pytest
from test_progress import Clock, Terminal

from fildes.cli.board import MAX_LINES, Board


@pytest.fixture(autouse=True)
def utf8_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def test_no_terminal_no_bars() -> None:
    """A log file gets nothing."""
    out = io.StringIO()
    board = Board(1, out=out)
    with board.begin("a", 4) as bar:
        bar.advance(4)
    board.ended()
    board.finish()
    assert out.getvalue() == ""


def test_lines_of_all_and_a_total() -> None:
    """Each has its line, and the last is of all; they are drawn again in place."""
    out, clock = Terminal(), Clock()
    board = Board(2, out=out, clock=clock)
    one, two = board.begin("one", 100), board.begin("two", None)
    one.advance(50)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["one", "two", "0"]
    assert " 50%" in lines[0]
    assert lines[2].startswith("0 of 2 files  50 B")
    two.advance(1)
    assert len(out.getvalue().splitlines()) == 3
    clock.now += 1
    two.advance(1)
    assert "\x1b[3A\r\x1b[Jone" in out.getvalue()


def test_what_has_ended_stays_above() -> None:
    """The line of a transfer that is complete stays, that of a failed one goes."""
    out, clock = Terminal(), Clock()
    board = Board(2, out=out, clock=clock)
    with board.begin("one", 2) as one:
        one.advance(2)
    board.ended()
    with pytest.raises(OSError), board.begin("two", 2):
        raise OSError
    board.ended()
    board.finish()
    last = out.getvalue().split("\x1b[J")[-1]
    assert last.startswith("2 of 2 files  2 B")
    assert out.getvalue().count("one") == 2
    assert "two" not in out.getvalue()


def test_a_small_window_is_enough() -> None:
    """Of very many, some are drawn; the total always is."""
    out = Terminal()
    board = Board(50, out=out)
    for number in range(50):
        board.begin(str(number), None)
    board.advance(1)
    assert len(out.getvalue().splitlines()) == MAX_LINES + 1


def test_words_have_the_terminal_for_themselves() -> None:
    """While something else is written, the bars are away; cleared, they stay so."""
    out, clock = Terminal(), Clock()
    board = Board(1, out=out, clock=clock)
    board.begin("one", 2).advance(1)
    with board.aside():
        assert out.getvalue().endswith("\x1b[2A\r\x1b[J")
    board.clear()
    clock.now += 1
    board.advance(1)
    board.finish()
    assert out.getvalue().endswith("\x1b[2A\r\x1b[J")
