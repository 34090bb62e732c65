"""gif: a GIF file inside whatever comes, cut out exactly and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="gif",
    shape=Shape.WORD,
    summary="the GIF file inside whatever comes; gif://2:: is the third",
    mode="rb",
    carried_by="bytes",
    confined=True,
    examples=(
        Example("gif::https://example.com/page", "the first picture in a page"),
        Example("gif://2::./mail.eml", "the third one in a file"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the picture: return once its header has come and is sound; see `open_picture`."""
    from fildes.opening.picture import open_picture
    from fildes.wire.pictures import GIF

    return await open_picture(opening, address, GIF, description)


def description(header: bytes) -> str:
    """Return the size of the screen that the *header* of a GIF file tells."""
    width, height = int.from_bytes(header[6:8], "little"), int.from_bytes(header[8:10], "little")
    return f"gif {width}x{height}"
