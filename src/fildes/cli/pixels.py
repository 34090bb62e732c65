"""The pixels of a PNG file; as much of ISO/IEC 15948 as a picture in a terminal needs.

Not interlaced, and small enough for plain Python. Everything else is
`CannotDraw`, which is no judgement on the file.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"

#: Largest picture, in pixels; a few seconds' work, and what a bomb is held to.
MAX_PIXELS = 4 << 20

#: Colour type to samples per pixel; table 11.1 of the standard.
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PALETTE = 3

#: Red, green, blue, alpha.
Pixel = tuple[int, int, int, int]


class CannotDraw(ValueError):
    """The picture is not of a kind that is drawn here."""


class Header(NamedTuple):
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int

    @property
    def pixel_bytes(self) -> int:
        """The distance, in bytes, to the sample that a filter looks back to."""
        return max(SAMPLES[self.colour] * self.depth // 8, 1)

    @property
    def row_bytes(self) -> int:
        return (self.width * SAMPLES[self.colour] * self.depth + 7) // 8


class Picture(NamedTuple):
    """A picture's size, and its rows from top to bottom, decoded as they are taken."""

    width: int
    height: int
    rows: Iterator[list[Pixel]]


def decode(png: bytes) -> Picture:
    """Return the picture in the PNG file *png*.

    Raises:
      CannotDraw: here or while rows are taken: the file is of another kind, too
        large, or damaged.
    """
    with damage_reported():
        parts = list(chunks(png))
        header = read_header(dict(parts).get(b"IHDR", b""))
        if header.width * header.height > MAX_PIXELS:
            raise CannotDraw(f"a large picture, {header.width} x {header.height}")
        return Picture(header.width, header.height, decode_rows(header, parts))


def decode_rows(header: Header, parts: list[tuple[bytes, bytes]]) -> Iterator[list[Pixel]]:
    with damage_reported():
        palette = read_palette(dict(parts)) if header.colour == PALETTE else []
        packed = b"".join(data for kind, data in parts if kind == b"IDAT")
        size = (header.row_bytes + 1) * header.height  # each row begins with its filter
        raw = zlib.decompressobj().decompress(packed, size)
        if len(raw) < size:
            raise CannotDraw("a damaged PNG file: pixels are missing")
        for row in unfilter(raw, header):
            yield list(pixels(row, header, palette))


@contextlib.contextmanager
def damage_reported() -> Iterator[None]:
    try:
        yield
    except (struct.error, zlib.error, IndexError) as error:
        raise CannotDraw(f"a damaged PNG file: {error}") from error


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not png.startswith(SIGNATURE):
        raise CannotDraw("not a PNG file")
    offset = len(SIGNATURE)
    while offset < len(png):
        size, kind = struct.unpack_from(">I4s", png, offset)
        start, offset = offset + 8, offset + 12 + size  # length, type, data, CRC
        if offset > len(png):
            raise CannotDraw("a damaged PNG file: cut short")
        yield kind, png[start : start + size]


def read_header(data: bytes) -> Header:
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data)
    if interlaced:
        raise CannotDraw("an interlaced picture")
    if colour not in SAMPLES or depth not in {1, 2, 4, 8, 16} or not width or not height:
        raise CannotDraw("a damaged PNG file: the header makes no sense")
    if depth < 8 and SAMPLES[colour] > 1:
        raise CannotDraw("a damaged PNG file: the header makes no sense")
    return Header(width, height, depth, colour)


def read_palette(parts: dict[bytes, bytes]) -> list[Pixel]:
    colours, alphas = parts.get(b"PLTE", b""), parts.get(b"tRNS", b"")
    return [
        (*colours[3 * index : 3 * index + 3], alphas[index] if index < len(alphas) else 255)
        for index in range(len(colours) // 3)
    ]


def unfilter(raw: bytes, header: Header) -> Iterator[bytearray]:
    """Undo the filter of each row; section 9 of the standard."""
    above = bytearray(header.row_bytes)
    for start in range(0, len(raw), header.row_bytes + 1):
        row = bytearray(raw[start + 1 : start + 1 + header.row_bytes])
        unfilter_row(raw[start], row, above, header.pixel_bytes)
        yield row
        above = row


def unfilter_row(filter_type: int, row: bytearray, above: bytearray, back: int) -> None:
    if filter_type > 4:
        raise CannotDraw(f"a damaged PNG file: filter {filter_type}")
    if filter_type == 0:
        return
    for index, value in enumerate(row):
        left = row[index - back] if index >= back else 0
        up = above[index]
        if filter_type == 1:
            guess = left
        elif filter_type == 2:
            guess = up
        elif filter_type == 3:
            guess = (left + up) // 2
        else:
            guess = paeth(left, up, above[index - back] if index >= back else 0)
        row[index] = (value + guess) & 0xFF


def paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour nearest to left + up - corner; section 9.4."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def pixels(row: bytearray, header: Header, palette: list[Pixel]) -> Iterator[Pixel]:
    samples = list(unpack(row, header))
    if header.colour == PALETTE:
        yield from (palette[index] for index in samples)
    elif header.colour == 0:
        yield from ((grey, grey, grey, 255) for grey in samples)
    elif header.colour == 4:
        pairs = zip(samples[::2], samples[1::2], strict=True)
        yield from ((grey, grey, grey, alpha) for grey, alpha in pairs)
    elif header.colour == 2:
        triples = zip(samples[::3], samples[1::3], samples[2::3], strict=True)
        yield from ((red, green, blue, 255) for red, green, blue in triples)
    else:
        yield from zip(samples[::4], samples[1::4], samples[2::4], samples[3::4], strict=True)


def unpack(row: bytearray, header: Header) -> Iterator[int]:
    """Return the samples of *row* as 0 to 255; an index of the palette as it is."""
    if header.depth >= 8:
        yield from row[:: header.depth // 8]  # the high byte is all that is seen
        return
    top = (1 << header.depth) - 1
    scale = 1 if header.colour == PALETTE else 255 // top
    for index in range(header.width):
        bit = index * header.depth
        yield (row[bit // 8] >> (8 - header.depth - bit % 8) & top) * scale
