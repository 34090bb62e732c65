"""webp: a WebP file inside whatever comes, cut out exactly and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="webp",
    shape=Shape.WORD,
    summary="the WebP file inside whatever comes; webp://2:: is the third",
    mode="rb",
    carried_by="bytes",
    confined=True,
    examples=(
        Example("webp::https://example.com/page", "the first picture in a page"),
        Example("webp://2::./mail.eml", "the third one in a file"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the picture: return once its header has come and is sound; see `open_picture`."""
    from fildes.opening.picture import open_picture
    from fildes.wire.pictures import WEBP

    return await open_picture(opening, address, WEBP, description)


def description(header: bytes) -> str:
    """Return what the *header* of a WebP file tells; RFC 9649 section 2."""
    kinds = {b"VP8 ": "lossy", b"VP8L": "lossless", b"VP8X": "extended"}
    return f"webp {kinds[header[12:16]]}"
