"""gzip: compressed data as of gzip(1); RFC 1952."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.compression.codec import MODES, OPTIONS, Codec, open_codec
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="gzip",
    shape=Shape.WORD,
    summary="what gzip has compressed; written, compresses",
    mode="rb",
    modes=MODES,
    carried_by="bytes",
    confined=True,
    options=OPTIONS,
    examples=(
        Example("gzip::https://example.com/notes.txt.gz", "a compressed document"),
        Example("gzip:?level=9::./notes.txt.gz", "opened as wb, compresses into a file"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Decompress, or compress, what the layer to the right carries."""
    return await open_codec(opening, address, codec())


def codec() -> Codec:
    """Return the format in both directions; what it needs is imported no sooner."""
    import zlib

    from fildes.wire.inflate import GZIP, Inflate
    from fildes.wire.members import Format

    # Zeros pad to the end of a tape's block; gzip(1), "CAVEATS".
    format = Format("gzip", (b"\x1f\x8b\x08",), lambda: Inflate(GZIP), (zlib.error,), padding=1)
    return Codec(format, range(10), lambda level: zlib.compressobj(default(level), wbits=GZIP))


def default(level: int | None) -> int:
    """Return *level*, or what stands for zlib's own choice."""
    return -1 if level is None else level
