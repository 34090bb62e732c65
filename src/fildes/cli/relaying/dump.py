"""What passes through a relay, as people can read it: as text, or in hexadecimal.

Whatever a peer sent, it cannot drive the terminal that shows it: of bytes that are
not printable ASCII only their notation is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

Direction = Literal[">", "<"]

#: Bytes in a row of a hexadecimal dump, as of xxd(1).
ROW = 16

_UNPRINTABLE = re.compile(rb"[^\x20-\x5b\x5d-\x7e]")

#: As C writes them; the backslash itself, so that a notation is never ambiguous.
_NOTATION = {b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t", b"\\": rb"\\"}


class Piece(NamedTuple):
    """Bytes that passed in one direction of one connection.

    Attributes:
      direction: ``>`` left to right, ``<`` right to left.
      offset: how many bytes passed before them.
      moment: the time of day, as text.
    """

    connection: int
    direction: Direction
    offset: int
    data: bytes
    moment: str


def header(piece: Piece) -> str:
    """Return the line above a piece: direction, time, connection, length, position."""
    return (
        f"{piece.direction} {piece.moment} #{piece.connection}"
        f" length={len(piece.data)} from={piece.offset}\n"
    )


def text_dump(piece: Piece) -> str:
    """Return *piece* as text, a line of it on a line."""
    return header(piece) + "".join(f"{line}\n" for line in text_lines(piece.data))


def text_lines(data: bytes) -> Iterator[str]:
    """Yield the lines of *data*, with their ends and other controls in C's notation."""
    for line in re.findall(rb"[^\n]*\n|[^\n]+", data):  # only a newline ends one
        yield _UNPRINTABLE.sub(notation, line).decode("ascii")


def notation(match: re.Match[bytes]) -> bytes:
    """Return how C writes a byte."""
    return _NOTATION.get(match[0], b"\\x%02x" % match[0][0])


def hex_dump(piece: Piece) -> str:
    """Return *piece* in rows of 16 bytes: position, hexadecimal, ASCII."""
    return header(piece) + "".join(hex_rows(piece.data, piece.offset))


def hex_rows(data: bytes, offset: int) -> Iterator[str]:
    """Yield a row for every 16 bytes of *data*, which begin at *offset*."""
    for start in range(0, len(data), ROW):
        row = data[start : start + ROW]
        shown = re.sub(rb"[^\x20-\x7e]", b".", row).decode("ascii")
        yield f"{offset + start:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  {shown}\n"


#: The ways to dump, by the name of their option.
DUMPS: dict[str, Callable[[Piece], str]] = {"text": text_dump, "hex": hex_dump}
