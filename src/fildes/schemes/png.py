"""png: a PNG file inside whatever comes, cut out exactly and verified."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="png",
    shape=Shape.WORD,
    summary="the PNG file inside whatever comes; png://2:: is the third",
    mode="rb",
    carried_by="bytes",
    confined=True,
    examples=(
        Example("png::https://example.com/page", "the first picture in a page"),
        Example("png://2::./mail.eml", "the third one in a file"),
    ),
)

_INDEX = re.compile(r"[0-9]{1,9}")  # more pictures than any input has

#: Colour type, https://www.w3.org/TR/png-3/ section 11.2.1, as Pillow's modes name them.
COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey+alpha", 6: "RGBA"}


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the picture: return once its header has come and is sound.

    Raises:
      FileNotFoundError: the input ended, and had fewer pictures.
      ProtocolError: the picture, or one before it, is corrupt.
    """
    from fildes.streams.decoding import DecodedStream
    from fildes.wire.png import HEADER_SIZE
    from fildes.wire.png_cutter import PngCutter

    index = parse_index(address.path)
    assert address.inner is not None, "the parser requires what it is cut out of"
    inner = await opening.open(address.inner)
    try:
        stream = DecodedStream(inner, PngCutter(index))
        with opening.step("decode", f"png {index}") as step:
            step.detail = description(await stream.begin(HEADER_SIZE))
    except BaseException:
        inner.abort()
        raise
    return stream


def parse_index(word: str) -> int:
    """Return the number that the *word* of the address is, 0 if left out."""
    if word and not _INDEX.fullmatch(word):
        raise AddressError("png takes the number of the picture, from 0, as in png://2::")
    return int(word or "0")


def description(header: bytes) -> str:
    """Return size and colours that the *header* of a PNG file tells."""
    width, height = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    return f"png {width}x{height} {COLOURS[header[25]]}"
