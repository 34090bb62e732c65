"""The live table on a terminal; where there is none, a line now and then."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from typing import IO, TYPE_CHECKING

from fildes.cli.showing.counts import Counts
from fildes.cli.showing.table import Totals, render, summary
from fildes.cli.terminal import fit, is_terminal, one_line

if TYPE_CHECKING:
    from fildes.cli.showing.counts import View

#: Seconds between two drawings, and between two lines where nothing can be drawn again.
REDRAW_INTERVAL = 1.0
LINE_INTERVAL = 10.0  # arbitrary

#: Messages that stay in sight, below the table.
MESSAGES = 3  # arbitrary

# xterm's control sequences: the alternate screen, and the cursor's visibility.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# ISO 6429: cursor home, erase to the end of the line, and of the page.
HOME, END_OF_LINE, END_OF_PAGE = "\x1b[H", "\x1b[K", "\x1b[J"


class Watch:
    """Draws what those of *view* do.

    Attributes:
      shown: whether it is drawn on a terminal.
    """

    def __init__(self, view: View, out: IO[str] | None = None) -> None:
        self.view = view
        self.out = sys.stdout if out is None else out
        self.shown = is_terminal(self.out)
        self.interval = REDRAW_INTERVAL if self.shown else LINE_INTERVAL
        self.messages: deque[str] = deque(maxlen=MESSAGES)
        self.before: tuple[float, int, int] = (view.started, 0, 0)

    def enter(self) -> None:
        """Take the terminal over."""
        if self.shown:
            self.write(ENTER)
        self.draw()

    def leave(self) -> None:
        """Give the terminal back as it was."""
        if self.shown:
            self.write(LEAVE)
            self.shown = False

    def say(self, text: str) -> None:
        """Show one line for a while."""
        self.messages.append(one_line(text))

    def draw(self) -> None:
        """Draw all anew."""
        now = time.monotonic()
        rows, totals = self.view.rows(now), self.totals(now)
        if not self.shown:
            self.write("".join(f"{line}\n" for line in summary(totals)))
            return
        columns, lines = self.size()
        room = max(lines - len(self.messages), 4)
        shown = render(totals, rows, columns, room)
        shown += [fit(text, columns).rstrip() for text in self.messages]
        page = f"{END_OF_LINE}\r\n".join(shown[:lines])
        self.write(f"{HOME}{page}{END_OF_LINE}{END_OF_PAGE}")

    def size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal."""
        try:
            columns, lines = os.get_terminal_size(self.out.fileno())
        except (OSError, ValueError):
            columns = lines = 0
        return columns or 80, lines or 24  # a serial line says 0; 80 by 24 is a VT100

    def write(self, text: str) -> None:
        """Write *text*; a terminal that went away is nobody's concern."""
        try:
            self.out.write(text)
            self.out.flush()
        except OSError:
            self.shown = False

    def totals(self, now: float) -> Totals:
        """Return what all relays have done, and their rates since the last time."""
        all_of_them = Counts()
        for counts in self.view.counts().values():
            all_of_them = all_of_them.plus(counts)
        out, into = all_of_them.there, all_of_them.back
        since, out_before, into_before = self.before
        passed = max(now - since, 1e-6)  # a clock may stand still
        self.before = now, out, into
        return Totals(
            uptime=now - self.view.started,
            relays=len(list(self.view.names)),
            open=all_of_them.active,
            accepted=all_of_them.accepted,
            refused=all_of_them.refused,
            failed=sum(all_of_them.failed.values()),
            there=out,
            back=into,
            rate_there=max(out - out_before, 0) / passed,
            rate_back=max(into - into_before, 0) / passed,
            kind=self.view.kind,
        )
