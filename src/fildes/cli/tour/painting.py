"""The picture that the tour shows, made here: the word fildes before a shimmer.

A PNG file needs no more than zlib and struct; https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

#: The word in letters of 5 by 7 dots, as on a line printer.
LETTERS = (
    "  ##   #    #       #             ",
    " #          #       #             ",
    " #    ##    #    ####  ###   #### ",
    "####   #    #   #   # #   # #     ",
    " #     #    #   #   # #####  ###  ",
    " #     #    #   #   # #         # ",
    " #    ###  ###   ####  ###  ####  ",
)

DOT = 8  #: pixels to a dot's side; a terminal of 80 columns then shows a dot as two
WIDTH, HEIGHT = 320, 120
LEFT = (WIDTH - DOT * len(LETTERS[0])) // 2
TOP = (HEIGHT - DOT * len(LETTERS)) // 2

Pixel = tuple[int, int, int]


def paint() -> bytes:
    """Return the picture as a PNG file; the same bytes each time with one zlib."""
    rows = b"".join(b"\0" + bytes(row(y)) for y in range(HEIGHT))  # filter type 0: as it is
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)  # 8 bits each of RGB
    text = b"Title\0fildes, as painted by fildes tour"
    parts = ((b"IHDR", header), (b"tEXt", text), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk: length, type, data and CRC."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def row(y: int) -> Iterator[int]:
    """Yield the samples of the row *y*."""
    for x in range(WIDTH):
        yield from pixel(x, y)


def pixel(x: int, y: int) -> Pixel:
    """Return the colour at a place: a letter, its shadow, or the shimmer behind."""
    if is_letter(x, y):
        return 255, 255, 255
    red, green, blue = shimmer(x, y)
    if is_letter(x - DOT // 2, y - DOT // 2):
        return red // 4, green // 4, blue // 4
    return red, green, blue


def is_letter(x: int, y: int) -> bool:
    """Tell whether a dot of a letter is there."""
    column, line = (x - LEFT) // DOT, (y - TOP) // DOT
    return 0 <= line < len(LETTERS) and LETTERS[line][column : column + 1] == "#" and column >= 0


def shimmer(x: int, y: int) -> Pixel:
    """Return the sum of three waves as a colour, from deep blue to rose."""
    wave = math.sin(x / 37) + math.sin((x + 2 * y) / 53) + math.sin(math.hypot(x - 90, 2 * y) / 41)
    level = (wave + 3) / 6  # 0 to 1
    return int(30 + 200 * level**2), int(40 + 70 * level), int(120 + 100 * (1 - level))
