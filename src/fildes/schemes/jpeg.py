"""jpeg: a JPEG file inside whatever comes, cut out exactly and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="jpeg",
    shape=Shape.WORD,
    summary="the JPEG file inside whatever comes; jpeg://2:: is the third",
    mode="rb",
    carried_by="bytes",
    confined=True,
    examples=(
        Example(
            "jpeg::https://example.com/camera",
            "one picture of a camera that sends one after the other",
        ),
        Example("jpeg://2::./mail.eml", "the third one in a file"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the picture: return once its header has come and is sound; see `open_picture`."""
    from fildes.opening.picture import open_picture
    from fildes.wire.pictures import JPEG

    return await open_picture(opening, address, JPEG, description)


def description(header: bytes) -> str:
    """Return what the file begins with: its size comes later."""
    first = {0xE0: "JFIF", 0xE1: "Exif"}.get(header[3])
    return f"jpeg {first}" if first else "jpeg"
