"""Where in a TOML file a key stands; the parser of the standard library does not say."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_HEADER = re.compile(r"\s*(\[[^\[].*)")
_ASSIGNMENT = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*'|\s*\.\s*)+?)\s*=""")


class Positions:
    """The line of each key of *text*, as far as a look at single lines can tell."""

    def __init__(self, text: str) -> None:
        self.lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.split("\n"), 1):
            header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
            if header:
                table = path_of(header[1]) or table
                self.remember(table, number)
            elif assignment:
                self.remember((*table, *path_of(f"{assignment[1]} = 0")), number)

    def remember(self, place: tuple[str, ...], number: int) -> None:
        """Note the line of *place*, and of the tables that it makes."""
        for end in range(1, len(place) + 1):
            self.lines.setdefault(place[:end], number)

    def line_of(self, place: tuple[str, ...]) -> int:
        """Return the line of the key at *place*, or of the table that holds it; 0 for none."""
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 0


def path_of(line: str) -> tuple[str, ...]:
    """Return the names in a header or an assignment; none if it is not one after all."""
    try:
        value: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while isinstance(value, dict) and value:
        ((name, value),) = value.items()
        names.append(name)
    return tuple(names)
