"""What may be written to a terminal, and what the terminal can show.

A terminal obeys the bytes it is shown: an escape sequence in a file can rename
the window, fill the clipboard (OSC 52) or have the terminal type an answer into
the shell. So whatever a peer sent is shown the way ``cat -v`` shows it. UTF-8
text stays as it is. What is made visible instead: the controls of ASCII and
ISO 6429 (C0 without newline and tab, DEL, C1 both as a raw byte and as UTF-8),
bytes that are no UTF-8, and the bidirectional overrides, which make text read
differently from what it is.
"""

from __future__ import annotations

import codecs
import itertools
import os
import re
from typing import IO, Literal

from fildes.patterns import pattern

#: How many colours a terminal shows.
Colours = Literal["none", "256", "24bit"]

#: C0, DEL and C1, except newline and tab; a carriage return only when no newline
#: follows; the embeddings, overrides and isolates of Unicode's UAX #9.
UNSAFE = pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")

#: What a label of one line must not hold beyond that.
LINE_BREAK = pattern(r"[\t\n\r\u2028\u2029]")


class Sanitizer:
    """Turn a byte stream into bytes that cannot drive a terminal.

    Feed it pieces of any size: a sequence cut in two is held back until its rest
    has come. With *utf8* False, for terminals that read single bytes, everything
    beyond ASCII is made visible.
    """

    def __init__(self, *, utf8: bool = True) -> None:
        self.utf8 = utf8
        # Bytes that are no UTF-8 come out of the decoder as \xNN.
        self.decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.held = ""

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Return what is safe to show of *data* and of what was held back."""
        text = self.held + self.decoder.decode(data, final)
        # Whether a carriage return stands alone, the next character tells.
        self.held = "\r" if text.endswith("\r") and not final else ""
        shown = UNSAFE.sub(visible, text.removesuffix(self.held) if self.held else text)
        return shown.encode("utf-8" if self.utf8 else "ascii", "backslashreplace")

    def finish(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        return self.feed(b"", final=True)


def visible(match: re.Match[str]) -> str:
    """Return the notation for a control: a caret and a letter, or its code point."""
    code = ord(match[0])
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Return *text* as a label: safe, and on one line."""
    safe = UNSAFE.sub(visible, LINE_BREAK.sub(" ", text))
    return safe.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates


def cells(text: str) -> int:
    """Return how many columns *text* takes."""
    return len(text) if text.isascii() else sum(map(cell_width, text))


def cell_width(character: str) -> int:
    import unicodedata  # a megabyte that ASCII does without

    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """Return *text* padded to *width* columns, or cut to it with a final dot-dot."""
    if cells(text) > width:
        sums = itertools.accumulate(map(cell_width, text))
        text = (text[: sum(taken <= width - 2 for taken in sums)] + "..")[: max(width, 0)]
    return text + " " * (width - cells(text))


def is_terminal(stream: IO[str]) -> bool:
    """Say whether *stream* is a terminal on which a line can be drawn again."""
    return not stream.closed and stream.isatty() and os.environ.get("TERM") != "dumb"


def columns_of(stream: IO[str]) -> int:
    """Return the width of the terminal behind *stream*; 80 where there is none."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        width = 0
    return width or 80  # a serial line says 0; 80 is what a VT100 had


def speaks_utf8() -> bool:
    """Say whether the locale promises a terminal that reads UTF-8; locale(7)."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next(filter(None, names), "").lower()
    return "utf-8" in locale or "utf8" in locale


def colours_of(stream: IO[str]) -> Colours:
    """Return what *stream* shows; none where NO_COLOR is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or not is_terminal(stream):
        return "none"
    return "24bit" if os.environ.get("COLORTERM") in {"truecolor", "24bit"} else "256"
