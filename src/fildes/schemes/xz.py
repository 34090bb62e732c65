"""xz: compressed data as of xz(1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.compression.codec import MODES, OPTIONS, Codec, open_codec
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="xz",
    shape=Shape.WORD,
    summary="what xz has compressed; written, compresses",
    mode="rb",
    modes=MODES,
    carried_by="bytes",
    confined=True,
    options=OPTIONS,
    examples=(Example("xz::https://example.com/notes.txt.xz", "a compressed document"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Decompress, or compress, what the layer to the right carries."""
    return await open_codec(opening, address, codec())


def codec() -> Codec:
    """Return the format in both directions; what it needs is imported no sooner."""
    import lzma

    from fildes.wire.members import MAX_WINDOW, Format

    def decompressor() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW)

    # Stream padding: https://tukaani.org/xz/xz-file-format.txt section 2.2
    format = Format("xz", (b"\xfd7zXZ\0",), decompressor, (lzma.LZMAError,), padding=4)
    return Codec(format, range(10), lambda level: lzma.LZMACompressor(preset=level))
