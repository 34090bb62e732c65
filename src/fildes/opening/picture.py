"""Opening the layers that cut a picture out of whatever comes: png, jpeg, gif, webp."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fildes.errors import AddressError

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.wire.pictures import Kind

_INDEX = re.compile(r"[0-9]{1,9}")  # more pictures than any input has


async def open_picture(
    opening: Opening, address: Address, kind: Kind, describe: Callable[[bytes], str]
) -> Stream:
    """Find the picture of this *kind*: return once its header has come and is sound.

    Args:
      describe: says in a few words what the header, or the beginning of one, tells.

    Raises:
      FileNotFoundError: the input ended, and had fewer pictures.
      ProtocolError: the picture, or one before it, is corrupt.
    """
    from fildes.streams.decoding import DecodedStream
    from fildes.wire.picture_cutter import PictureCutter

    index = parse_index(kind.name, address.path)
    assert address.inner is not None, "the parser requires what it is cut out of"
    inner = await opening.open(address.inner)
    try:
        stream = DecodedStream(inner, PictureCutter(kind, index))
        with opening.step("decode", f"{kind.name} {index}") as step:
            step.detail = describe(await stream.begin(kind.header_size))
    except BaseException:
        inner.abort()
        raise
    return stream


def parse_index(name: str, word: str) -> int:
    """Return the number that the *word* of the address is, 0 if left out."""
    if word and not _INDEX.fullmatch(word):
        raise AddressError(f"{name} takes the number of the picture, from 0, as in {name}://2::")
    return int(word or "0")
