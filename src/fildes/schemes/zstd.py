"""zstd: compressed data as of zstd(1); RFC 8878."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fildes.compression.codec import MODES, OPTIONS, Codec, open_codec
from fildes.opening.requiring import require
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="zstd",
    shape=Shape.WORD,
    summary="what zstd has compressed; written, compresses",
    mode="rb",
    modes=MODES,
    carried_by="bytes",
    confined=True,
    options=OPTIONS,
    examples=(Example("zstd::https://example.com/notes.txt.zst", "a compressed document"),),
)

#: Frames with data, and those to skip; RFC 8878 sections 3.1.1 and 3.1.2.
STARTS = (b"\x28\xb5\x2f\xfd", *(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60)))


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Decompress, or compress, what the layer to the right carries."""
    return await open_codec(opening, address, codec())


def codec() -> Codec:
    """Return the format in both directions; what it needs is imported no sooner."""
    from fildes.wire.members import Format

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        zstd = require("backports.zstd", "zstd")
    checked = zstd.CompressionParameter.checksum_flag
    level_of = zstd.CompressionParameter.compression_level
    default = zstd.COMPRESSION_LEVEL_DEFAULT
    format = Format("zstd", STARTS, zstd.ZstdDecompressor, (zstd.ZstdError,))
    return Codec(
        format,
        range(1, 23),
        lambda level: zstd.ZstdCompressor(options={level_of: level or default, checked: 1}),
    )
