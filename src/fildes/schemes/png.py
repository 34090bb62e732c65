"""png: a PNG file inside whatever comes, cut out exactly and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


#: Colour type, https://www.w3.org/TR/png-3/ section 11.2.1, as Pillow's modes name them.
COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey+alpha", 6: "RGBA"}


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the picture: return once its header has come and is sound; see `open_picture`."""
    from fildes.opening.picture import open_picture
    from fildes.wire.pictures import PNG

    return await open_picture(opening, address, PNG, description)


def description(header: bytes) -> str:
    """Return size and colours that the *header* of a PNG file tells."""
    width, height = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    return f"png {width}x{height} {COLOURS[header[25]]}"
