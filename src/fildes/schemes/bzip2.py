"""bzip2: compressed data as of bzip2(1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.compression.codec import MODES, OPTIONS, Codec, open_codec
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="bzip2",
    shape=Shape.WORD,
    summary="what bzip2 has compressed; written, compresses",
    mode="rb",
    modes=MODES,
    carried_by="bytes",
    confined=True,
    options=OPTIONS,
    examples=(Example("bzip2::https://example.com/notes.txt.bz2", "a compressed document"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Decompress, or compress, what the layer to the right carries."""
    return await open_codec(opening, address, codec())


def codec() -> Codec:
    """Return the format in both directions; what it needs is imported no sooner."""
    import bz2

    from fildes.wire.members import Format

    # bz2 raises plain errors, of all kinds, for corrupt data.
    errors = (OSError, ValueError, EOFError)
    format = Format("bzip2", (b"BZh",), bz2.BZ2Decompressor, errors)
    return Codec(format, range(1, 10), lambda level: bz2.BZ2Compressor(level or 9))
