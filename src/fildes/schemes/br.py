"""br: compressed data as of brotli(1); RFC 7932.

The format has an end marker, but neither a mark at its beginning nor a checksum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.compression.codec import MODES, OPTIONS, Codec, open_codec
from fildes.opening.requiring import require
from fildes.scheme import Example, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="br",
    shape=Shape.WORD,
    summary="what brotli has compressed; written, compresses",
    mode="rb",
    modes=MODES,
    carried_by="bytes",
    confined=True,
    options=OPTIONS,
    examples=(Example("br::https://example.com/notes.txt.br", "a compressed document"),),
)

#: The library's own 11 is for what is compressed once and served for ever.
LEVEL = 5  # arbitrary; as fast as gzip, and smaller


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Decompress, or compress, what the layer to the right carries."""
    return await open_codec(opening, address, codec())


def codec() -> Codec:
    """Return the format in both directions; what it needs is imported no sooner."""
    from fildes.wire.members import Format

    brotli = require("brotli", "br")
    format = Format("br", (b"",), lambda: Unbrotli(brotli), (brotli.error,), single=True)
    return Codec(format, range(12), lambda level: Brotli(brotli, level))


class Unbrotli:
    """Brotli's decompressor with the interface of the others.

    Attributes:
      unused_data: nothing: bytes behind the end marker are an error to the library.
    """

    unused_data = b""
    needs_input = True

    def __init__(self, brotli: Any) -> None:
        self.brotli = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self.brotli.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output: bytes = self.brotli.process(data, output_buffer_limit=max_length)
        # Where there was output there may be more, whatever can_accept_more_data() says.
        self.needs_input = not output and self.brotli.can_accept_more_data()
        return output


class Brotli:
    """Brotli's compressor with the interface of the others."""

    def __init__(self, brotli: Any, level: int | None) -> None:
        self.brotli = brotli.Compressor(quality=LEVEL if level is None else level)

    def compress(self, data: bytes | memoryview) -> bytes:
        output: bytes = self.brotli.process(bytes(data))
        return output

    def flush(self) -> bytes:
        output: bytes = self.brotli.finish()
        return output
