"""zlib with the interface that the decompressors of bz2, lzma and zstd have."""

from __future__ import annotations

import zlib

RAW = -zlib.MAX_WBITS  #: deflate data alone, RFC 1951, as in zip archives
GZIP = 16 + zlib.MAX_WBITS  #: with the header and trailer of RFC 1952, both verified


class Inflate:
    """Decompresses one deflate or gzip member.

    Attributes:
      needs_input: all output for what was given so far was returned.
    """

    def __init__(self, wbits: int) -> None:
        """Start before a member of the kind that *wbits* stands for."""
        self._zlib = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the end marker, and the checksum if there is one, was right."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the end marker."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most *max_length* bytes; unless `needs_input`, *data* is empty."""
        output = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(output) < max_length
        return output
