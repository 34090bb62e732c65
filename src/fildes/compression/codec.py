"""What a compressing scheme brings, and how it is opened in either direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fildes.compression.compressed import CompressedStream, Compressor
from fildes.errors import AddressError
from fildes.opening import registry
from fildes.scheme import Option

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.wire.members import Format

#: All of them are read; written, a member is complete and committed by `close`.
MODES = ("rb", "wb", "xb", "ab")

OPTIONS = (
    Option("level", "integer", "how hard to compress; the library's own choice if left out"),
    Option(
        "max-size",
        "integer",
        "more decompressed bytes than these are an error; memory is bounded anyway",
        confined=True,
        least=0,
    ),
)


class Codec(NamedTuple):
    """A compressed format in both directions.

    Attributes:
      levels: the levels that there are.
      compressor: returns what compresses one member, given a level or None.
    """

    format: Format
    levels: range
    compressor: Callable[[int | None], Compressor]


async def open_codec(opening: Opening, address: Address, codec: Codec) -> Stream:
    """Open what carries *address*, and decompress or compress it.

    Raises:
      ProtocolError: it does not begin as the format does.
      IncompleteError: it ended within its first bytes.
      io.UnsupportedOperation: the carrier cannot be opened in this mode.
    """
    assert address.inner is not None, "the parser requires what is decompressed"
    if address.path:
        raise AddressError(f"{address.scheme} takes no name: write {address.scheme}::ADDRESS")
    level = opening.option(address, "level")
    if level is not None and level not in codec.levels:
        first, last = codec.levels[0], codec.levels[-1]
        raise AddressError(f"option level of {address.scheme} is from {first} to {last}")
    registry.find_scheme(address.inner.scheme).check_mode(opening.mode)
    inner = await opening.open(address.inner)
    if opening.mode != "rb":
        return CompressedStream(inner, codec.compressor(level))
    return await decompress(opening, inner, codec.format, opening.option(address, "max-size"))


async def decompress(
    opening: Opening, inner: Stream, format: Format, max_size: int | None
) -> Stream:
    """Return *inner* decompressed, once its beginning has proved to be of the format."""
    from fildes.streams.decoding import DecodedStream
    from fildes.wire.members import MemberDecoder

    try:
        stream = DecodedStream(inner, MemberDecoder(format, max_size))
        with opening.step("decode", format.name):
            await stream.begin(1)
    except BaseException:
        inner.abort()
        raise
    return stream
