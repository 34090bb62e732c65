"""A PNG file shown in a terminal, two pixels to a character cell.

The upper half block has the upper pixel's colour in front of the lower one's,
so that pixels come out square. Where nothing has colours, grey is a character.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import IO

from fildes.cli.pixels import CannotDraw, Picture, Pixel, decode
from fildes.cli.terminal import Colours, colours_of, columns_of, speaks_utf8

MAX_ROWS = 24  #: lines of text: the height of a VT100, so that nothing scrolls away
OPAQUE = 128  #: alpha from which a pixel hides the terminal's own background
GREYS = " .:-=+*#%@"  #: from dark to light, as on a dark background

RESET = "\x1b[0m"

#: A colour, or None where the terminal's background shines through.
Cell = tuple[int, int, int] | None


def show(png: bytes, place: str, out: IO[str]) -> None:
    """Write the picture *png* to *out*; *place* is where the user finds the file."""
    colours = colours_of(out) if speaks_utf8() else "none"
    try:
        out.write(draw(png, columns=columns_of(out), colours=colours))
    except CannotDraw as error:
        out.write(f"cannot draw this kind here ({error}); it is at {place}\n")


def draw(png: bytes, *, columns: int = 80, colours: Colours = "24bit") -> str:
    """Return the picture as lines of text, scaled down to *columns* and `MAX_ROWS`.

    Raises:
      CannotDraw: the picture is not of a kind that is drawn here.
    """
    return draw_picture(decode(png), columns=columns, colours=colours)


def draw_picture(picture: Picture, *, columns: int = 80, colours: Colours = "24bit") -> str:
    """Return *picture*, decoded, as lines of text; see `draw`."""
    rows = scale(picture, columns, MAX_ROWS * 2)
    nothing: list[Cell] = [None] * len(rows[0])  # below an odd last row
    pairs = zip(rows[::2], [*rows[1::2], nothing], strict=False)
    if colours == "none":
        return "".join(f"{grey_line(upper, lower)}\n" for upper, lower in pairs)
    return "".join(f"{half_block_line(upper, lower, colours)}\n" for upper, lower in pairs)


def scale(picture: Picture, width: int, height: int) -> list[list[Cell]]:
    """Return *picture* in at most *width* by *height*; never larger than it is."""
    factor = max(picture.width / width, picture.height / height, 1.0)
    across = list(itertools.pairwise(edges(picture.width, factor)))
    return [
        scale_rows(list(itertools.islice(picture.rows, bottom - top)), across)
        for top, bottom in itertools.pairwise(edges(picture.height, factor))
    ]


def scale_rows(rows: list[list[Pixel]], across: list[tuple[int, int]]) -> list[Cell]:
    """Return one row for several, with a cell for each stretch of columns."""
    return [mean([pixel for row in rows for pixel in row[left:right]]) for left, right in across]


def edges(size: int, factor: float) -> list[int]:
    """Cut *size* pixels into stretches of about *factor*."""
    count = max(int(size / factor), 1)
    return [size * index // count for index in range(count + 1)]


def mean(pixels: Sequence[Pixel]) -> Cell:
    """Return the mean colour, weighted by alpha; None when mostly transparent."""
    weight = sum(pixel[3] for pixel in pixels)
    if weight < OPAQUE * len(pixels):
        return None
    red, green, blue = (
        sum(pixel[channel] * pixel[3] for pixel in pixels) // weight for channel in range(3)
    )
    return red, green, blue


def half_block_line(upper: list[Cell], lower: list[Cell], colours: Colours) -> str:
    parts, style = [], ""
    for top, bottom in zip(upper, lower, strict=True):
        character, now = half_block(top, bottom, colours)
        parts.append(character if now == style else now + character)
        style = now
    return "".join(parts) + RESET


def half_block(top: Cell, bottom: Cell, colours: Colours) -> tuple[str, str]:
    """Return the character for two pixels, and the SGR sequence before it."""
    if top is None and bottom is None:
        return " ", RESET
    if top is None or bottom is None:
        front = bottom if top is None else top
        assert front is not None
        return "▄" if top is None else "▀", f"\x1b[0;38;{code(front, colours)}m"
    return "▀", f"\x1b[0;38;{code(top, colours)};48;{code(bottom, colours)}m"


def code(colour: tuple[int, int, int], colours: Colours) -> str:
    """Return the parameters that select *colour*; ISO 8613-6."""
    if colours == "24bit":
        return f"2;{colour[0]};{colour[1]};{colour[2]}"
    if max(colour) - min(colour) < 10:  # the 24 greys of xterm: 8, 18, ... 238
        return f"5;{min(232 + max(sum(colour) // 3 - 3, 0) // 10, 255)}"
    # xterm's cube of 6 x 6 x 6 has the levels 0, 95, 135, 175, 215, 255.
    red, green, blue = (0 if level < 48 else max((level - 35) // 40, 1) for level in colour)
    return f"5;{16 + 36 * red + 6 * green + blue}"


def grey_line(upper: list[Cell], lower: list[Cell]) -> str:
    """Return one line of characters, each as light as its two pixels are."""
    return "".join(
        GREYS[(lightness(top) + lightness(bottom)) // 2 * (len(GREYS) - 1) // 255]
        for top, bottom in zip(upper, lower, strict=True)
    ).rstrip()


def lightness(cell: Cell) -> int:
    """Return the luma of a colour, 0 to 255; Recommendation ITU-R BT.601."""
    return (299 * cell[0] + 587 * cell[1] + 114 * cell[2]) // 1000 if cell else 0
