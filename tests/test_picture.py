"""A PNG file shown in a terminal."""

from __future__ import annotations

import io
import itertools
import re
import struct
import tracemalloc
import zlib

import pytest

from fildes.cli.picture import draw, show
from fildes.cli.pixels import CannotDraw, Pixel, decode

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
CLEAR = (0, 0, 0, 0)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(
    width: int,
    height: int,
    raw: bytes,
    *,
    depth: int = 8,
    colour: int = 2,
    interlaced: int = 0,
    extra: bytes = b"",
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            extra,
            chunk(b"IDAT", zlib.compress(raw)),
            chunk(b"IEND", b""),
        ]
    )


def rgba(*rows: list[Pixel]) -> bytes:
    raw = b"".join(b"\0" + bytes(itertools.chain(*row)) for row in rows)
    return png_file(len(rows[0]), len(rows), raw, colour=6)


@pytest.mark.parametrize(
    ("depth", "colour", "row", "expected"),
    [
        pytest.param(8, 0, b"\x10\xff", [(16, 16, 16, 255), (255, 255, 255, 255)], id="grey"),
        pytest.param(8, 2, b"\xff\0\0\0\xff\0", [RED, GREEN], id="rgb"),
        pytest.param(8, 3, b"\1\0", [BLUE, (255, 0, 0, 128)], id="palette"),
        pytest.param(4, 3, b"\x10", [BLUE, (255, 0, 0, 128)], id="palette of 4 bits"),
        pytest.param(8, 4, b"\x10\x80\x20\0", [(16, 16, 16, 128), (32, 32, 32, 0)], id="grey+a"),
        pytest.param(8, 6, b"\xff\0\0\xff\0\0\0\0", [RED, CLEAR], id="rgba"),
        pytest.param(
            16, 2, b"\xff\xff\0\1\0\1\0\0\xff\0\0\0", [RED, GREEN], id="16 bits: the high byte"
        ),
        pytest.param(1, 0, b"\x40", [(0, 0, 0, 255), (255, 255, 255, 255)], id="1 bit"),
    ],
)
def test_kinds_of_pixels(depth: int, colour: int, row: bytes, expected: list[Pixel]) -> None:
    """Grey, colour and palette, with alpha or without, come out as RGBA."""
    extra = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255])) + chunk(b"tRNS", b"\x80")
    png = png_file(2, 1, b"\0" + row, depth=depth, colour=colour, extra=extra)
    assert list(decode(png).rows) == [expected]


def filtered(filter_type: int, rows: list[bytes]) -> bytes:
    """Filter as an encoder does, by the formulas of the standard's section 9.2."""
    out, above = bytearray(), bytes(len(rows[0]))
    for row in rows:
        out.append(filter_type)
        for i, value in enumerate(row):
            a, b, c = (row[i - 1], above[i], above[i - 1]) if i else (0, above[i], 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            out.append((value - [0, a, b, (a + b) // 2, nearest][filter_type]) % 256)
        above = row
    return bytes(out)


@pytest.mark.parametrize("filter_type", range(5))
def test_filters_are_undone(filter_type: int) -> None:
    """Each of the five filters gives back what was filtered."""
    rows = [bytes((x * x * 7 + y * 31) % 256 for x in range(20)) for y in range(20)]
    png = png_file(20, 20, filtered(filter_type, rows), colour=0)
    assert [bytes(pixel[0] for pixel in row) for row in decode(png).rows] == rows


WHOLE = rgba([RED, GREEN], [BLUE, CLEAR])


@pytest.mark.parametrize("size", range(len(WHOLE) - 12))
def test_cut_file_is_reported(size: int) -> None:
    """A file cut at any byte before its pixels are complete is CannotDraw, nothing else."""
    with pytest.raises(CannotDraw):
        draw(WHOLE[:size])


@pytest.mark.parametrize(
    ("png", "reason"),
    [
        (b"GIF89a", "not a PNG"),
        (png_file(1, 1, b"\0\0\0\0", interlaced=1), "interlaced"),
        (png_file(1, 1, b"\0\0\0\0", depth=3), "makes no sense"),
        (png_file(1, 1, b"\0\0\0\0", depth=4), "makes no sense"),
        (png_file(0, 1, b"\0"), "makes no sense"),
        (png_file(1, 1, b"\7\0\0\0"), "filter 7"),
        (png_file(2, 2, b"\0\0"), "pixels are missing"),
        (png_file(1, 1, b"\0\7", colour=3), "damaged"),
        (png_file(100_000, 100_000, b""), "large picture, 100000 x 100000"),
    ],
)
def test_other_kinds_are_named(png: bytes, reason: str) -> None:
    """What cannot be drawn says why."""
    with pytest.raises(CannotDraw, match=reason):
        draw(png)


def test_bomb_takes_no_memory() -> None:
    """Pixels beyond the picture's size are never inflated."""
    png = png_file(1, 1, bytes(64 << 20), colour=0)
    tracemalloc.start()
    try:
        draw(png)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_two_pixels_share_a_cell() -> None:
    """The upper pixel is in front of the lower, and a clear one is the background."""
    lines = draw(rgba([RED, CLEAR, GREEN], [GREEN, CLEAR, CLEAR])).splitlines()
    assert lines == ["\x1b[0;38;2;255;0;0;48;2;0;255;0m▀\x1b[0m \x1b[0;38;2;0;255;0m▀\x1b[0m"]


def test_odd_row_is_the_upper_half() -> None:
    """A picture of one row leaves the lower half to the background."""
    assert draw(rgba([BLUE])) == "\x1b[0;38;2;0;0;255m▀\x1b[0m\n"


def test_256_colours() -> None:
    """Without 24 bits the nearest of xterm's 256 colours is taken."""
    text = draw(rgba([RED, (128, 128, 128, 255), (95, 135, 255, 255)]), colours="256")
    assert re.findall(r"38;5;(\d+)", text) == ["196", "244", "69"]


def test_grey_characters_without_colours() -> None:
    """With NO_COLOR light is told by characters, and there is no escape sequence."""
    row = [(0, 0, 0, 255), (128, 128, 128, 255), (255, 255, 255, 255)]
    assert draw(rgba(row, row), colours="none") == " =@\n".replace("=", draw_grey(128))


def draw_grey(level: int) -> str:
    return " .:-=+*#%@"[level * 9 // 255]


@pytest.mark.parametrize(("columns", "size"), [(80, (48, 24)), (20, (20, 10))])
def test_picture_is_scaled_to_the_terminal(columns: int, size: tuple[int, int]) -> None:
    """A picture keeps its proportions and fits into width and height."""
    raw = b"".join(b"\0" + bytes(200) for _ in range(200))
    text = re.sub(r"\x1b\[[\d;]*m", "", draw(png_file(200, 200, raw, colour=0), columns=columns))
    assert (len(text.splitlines()[0]), len(text.splitlines())) == size


def test_show_says_where_the_file_is() -> None:
    """A picture that is not drawn is still to be found."""
    out = io.StringIO()
    show(b"GIF89a", "/tmp/x.png", out)
    assert out.getvalue() == "cannot draw this kind here (not a PNG file); it is at /tmp/x.png\n"
