"""What the tour says, and how: headings, the two lines of each stop, what was found."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from fildes.cli import waterfall
from fildes.cli.output import write_text
from fildes.cli.terminal import colours_of, columns_of, speaks_utf8
from fildes.cli.waterfall import paint
from fildes.trace import Step

BOLD, DIM, GREEN, RED = "1", "2", "32", "31"  # SGR parameters; ISO 6429


class Guide:
    """Shows things on standard output, in colours where there are some.

    Attributes:
      mistakes: what turned out not to be true.
    """

    def __init__(self) -> None:
        self.colours = colours_of(sys.stdout)
        self.columns = columns_of(sys.stdout)
        self.utf8 = speaks_utf8()
        self.mistakes: list[str] = []
        self.stops = 0

    def say(self, *lines: str) -> None:
        """Write *lines*."""
        write_text("".join(f"{line}\n" for line in lines))

    def stop(self, title: str, python: str, shell: str) -> None:
        """Begin a stop: what is done there, and the lines that do it."""
        self.stops += 1
        head = paint(f"{self.stops}. {title}", BOLD, self.colours)
        lines = [f"{paint(name, DIM, self.colours)}  {line}" for name, line in (
            ("  Python", python), ("  shell ", shell))]  # fmt: skip
        self.say("", head, *lines, "")

    def found(self, what: str, *, true: bool) -> None:
        """Say *what* was to be, and whether it is."""
        if not true:
            self.mistakes.append(what)
        mark = ("✓" if true else "✗") if self.utf8 else ("ok" if true else "NOT")
        first, *rest = textwrap.wrap(what, self.columns - len(mark) - 3, break_long_words=False)
        self.say(f"  {paint(mark, GREEN if true else RED, self.colours)} {first}")
        self.say(*(f"   {' ' * len(mark)}{line}" for line in rest))

    def draw(self, steps: Sequence[Step]) -> None:
        """Draw the *steps* of an open."""
        begun = waterfall.begun(steps)
        drawing = waterfall.draw(
            begun, width=self.columns - 2, colours=self.colours, utf8=self.utf8
        )
        self.say(*(f"  {line}" for line in drawing.splitlines()), "")
