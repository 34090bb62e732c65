"""A progress bar on standard error: name, bar, size, rate and time left.

One line, drawn again in place, and only on a terminal: in a log file or a pipe
there is nothing of it.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self

from fildes.cli.terminal import cells, columns_of, fit, is_terminal, one_line, speaks_utf8

REDRAW_INTERVAL = 0.1  # 10 Hz: more is not seen
RATE_WINDOW = 5.0  #: seconds that the rate is an average of; arbitrary
BAR_WIDTHS = range(8, 41)  # arbitrary: below, a bar says nothing; above, no more

EIGHTHS = " ▏▎▍▌▋▊▉█"
CLEAR_LINE = "\r\x1b[K"  # ISO 6429: erase in line


class Progress:
    """Show how far a transfer of *size* bytes has come; None when nobody knows.

    Used as a context manager it leaves the last line standing, or removes it
    when an exception passes, so that the error is all there is to read.
    """

    def __init__(
        self,
        name: str,
        size: int | None,
        *,
        out: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = one_line(name)
        self.size = size
        self.out = sys.stderr if out is None else out
        self.clock = clock
        self.started = clock()
        self.copied = self.skipped = 0
        self.drawn = float("-inf")
        self.samples: deque[tuple[float, int]] = deque([(self.started, 0)])
        self.shown = is_terminal(self.out)

    def advance(self, count: int) -> None:
        """Record that *count* more bytes have come."""
        self.copied += count
        now = self.clock() if self.shown else 0.0
        if self.shown and now - self.drawn >= REDRAW_INTERVAL:
            self.drawn = now
            self.draw(self.line(now))

    def skip(self, count: int) -> None:
        """Record that *count* bytes were there from the start."""
        self.copied += count
        self.skipped += count
        self.restart()

    def restart(self) -> None:
        """Let the rate be that of the whole."""
        self.samples = deque([(self.started, self.skipped)])

    def line(self, now: float) -> str:
        """Return the line for the moment *now*."""
        rate = self.rate(now)
        width = columns_of(self.out) - 1  # the last column would wrap
        return progress_line(
            self.name,
            self.copied,
            self.size,
            rate=rate,
            time_shown=self.time_shown(now, rate),
            width=width,
        )

    def rate(self, now: float) -> float:
        self.samples.append((now, self.copied))
        while len(self.samples) > 2 and now - self.samples[0][0] > RATE_WINDOW:
            self.samples.popleft()
        since, before = self.samples[0]
        return (self.copied - before) / (now - since) if now > since else 0.0

    def time_shown(self, now: float, rate: float) -> str:
        if self.size is None or self.copied >= self.size:
            return clock_time(now - self.started)
        return f"{clock_time((self.size - self.copied) / rate)} left" if rate else ""

    def finish(self) -> None:
        """Draw the last line, with the average rate, and leave it standing."""
        if self.shown:
            now = self.clock()
            self.restart()  # the rate of the whole, not of the last seconds
            self.draw(self.line(now) + "\n")
            self.shown = False

    def clear(self) -> None:
        """Remove the line."""
        if self.shown:
            self.draw("")
            self.shown = False

    def draw(self, line: str) -> None:
        self.out.write(CLEAR_LINE + line)
        self.out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.clear()


def progress_line(
    name: str, copied: int, size: int | None, *, rate: float, time_shown: str, width: int
) -> str:
    """Return the line in *width* columns; what matters least goes first when narrow."""
    amount = size_text(copied) if size is None else f"{size_text(copied)} of {size_text(size)}"
    facts = [amount, f"{size_text(rate)}/s", time_shown]
    fraction = None if not size else min(copied / size, 1.0)
    if fraction is not None:
        facts.insert(0, f"{int(fraction * 100):3}%")
    tail = "  ".join(filter(None, facts))
    label = fit(name, min(cells(name), max(width // 3, 8)))
    free = width - cells(label) - cells(tail) - 4  # two gaps of two
    if fraction is not None and free >= BAR_WIDTHS.start:
        return f"{label}  {bar(fraction, min(free, BAR_WIDTHS.stop - 1))}  {tail}"
    if free >= -2:  # no bar, so one gap less
        return f"{label}  {tail}"
    return fit("  ".join(filter(None, facts)), width).rstrip()


def bar(fraction: float, width: int) -> str:
    """Return a bar of *width* columns, filled to *fraction*."""
    if not speaks_utf8():
        inside = width - 2
        return f"[{'#' * int(fraction * inside):{inside}}]"
    full, eighths = divmod(int(fraction * (width - 2) * 8), 8)
    return f"▕{'█' * full + EIGHTHS[eighths].strip():{width - 2}}▏"


def size_text(size: float) -> str:
    """Return *size* bytes for people: ``999 B``, ``1.5 KiB``, ``12 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1000 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.1f} {unit}" if unit != "B" and size < 10 else f"{size:.0f} {unit}"


def clock_time(seconds: float) -> str:
    """Return *seconds* as ``0:07``, ``12:34`` or ``1:02:03``."""
    minutes, rest = divmod(int(min(seconds, 359_999)), 60)  # at most 99:59:59
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
