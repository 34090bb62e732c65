"""Progress bars of several transfers at once, and of all together.

The lines of those under way are drawn again in place, the total last; the line of one
that has ended stays above them. Only on a terminal, as `fildes.cli.progress`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO

from fildes.cli.progress import REDRAW_INTERVAL, Progress
from fildes.cli.reporting import say
from fildes.cli.terminal import is_terminal

MAX_LINES = 10  #: drawn of those under way, so that they fit a small window; arbitrary
ERASE_BELOW = "\r\x1b[J"  # ISO 6429: erase in page


class Board:
    """The progress of *count* transfers; every method may be called by any thread."""

    def __init__(
        self,
        count: int,
        *,
        out: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.count = count
        self.out = sys.stderr if out is None else out
        self.clock = clock
        self.lock = threading.RLock()
        self.bars: list[Bar] = []
        self.total = Progress(f"0 of {count} files", None, out=self.out, clock=clock)
        self.done = 0
        self.height = 0  # lines that are drawn and not to stay
        self.drawn = float("-inf")
        self.shown = is_terminal(self.out)

    def begin(self, name: str, size: int | None) -> Progress:
        """Return the bar of a transfer that begins."""
        return Bar(self, name, size)

    def ended(self) -> None:
        """Record that a transfer has ended, one way or the other."""
        with self.lock:
            self.done += 1
            self.total.name = f"{self.done} of {self.count} files"

    def advance(self, size: int) -> None:
        """Record that so many bytes more have come, for any of them."""
        with self.lock:
            self.total.copied += size
            now = self.clock()
            if self.shown and now - self.drawn >= REDRAW_INTERVAL:
                self.draw()

    def say(self, text: str) -> None:
        """Write one line of this program's, above the bars."""
        with self.aside():
            say(text)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while the body writes to the terminal."""
        with self.lock:
            self.erase()
            yield

    def finish(self) -> None:
        """Leave the total standing."""
        with self.lock:
            if self.shown:
                self.bars.clear()
                self.total.restart()
                self.draw()
                self.shown = False

    def clear(self) -> None:
        """Take all away, for good."""
        with self.lock:
            self.erase()
            self.shown = False

    def draw(self, standing: str = "") -> None:
        """Draw the bars anew, under *standing*, a line that stays."""
        self.drawn = now = self.clock()
        self.erase()
        lines = [bar.line(now) for bar in self.bars[:MAX_LINES]] + [self.total.line(now)]
        self.height = len(lines)
        self.out.write("".join(f"{line}\n" for line in [*filter(None, [standing]), *lines]))
        self.out.flush()

    def erase(self) -> None:
        if self.height:
            self.out.write(f"\x1b[{self.height}A{ERASE_BELOW}")
            self.out.flush()
            self.height = 0


class Bar(Progress):
    """The progress of one of several transfers."""

    def __init__(self, board: Board, name: str, size: int | None) -> None:
        super().__init__(name, size, out=board.out, clock=board.clock)
        self.board = board
        with board.lock:
            board.bars.append(self)

    def advance(self, count: int) -> None:
        """Record that *count* more bytes have come."""
        self.copied += count
        self.board.advance(count)

    def skip(self, count: int) -> None:
        """Record that *count* bytes were there from the start."""
        with self.board.lock:
            super().skip(count)
            self.board.total.skip(count)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.board.lock:
            if self in self.board.bars:
                self.board.bars.remove(self)
            if self.board.shown and error is None:
                self.restart()
                self.board.draw(self.line(self.clock()))
