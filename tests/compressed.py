"""The compressed formats, and the libraries by others that they are compared with."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]  # it comes without types
import pytest

from fildes.opening import registry
from fildes.wire.members import Format, MemberDecoder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Library(NamedTuple):
    """A format as somebody else's library has it."""

    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]
    program: str


LIBRARIES = (
    Library("gzip", gzip.compress, gzip.decompress, "gzip"),
    Library("bzip2", bz2.compress, bz2.decompress, "bzip2"),
    # Preset 0 has a small dictionary, which is quickly allocated.
    Library("xz", lambda data: lzma.compress(data, preset=0), lzma.decompress, "xz"),
    Library("zstd", zstd.compress, zstd.decompress, "zstd"),
    Library("br", brotli.compress, brotli.decompress, "brotli"),
)
OF_MEMBERS = LIBRARIES[:-1]

every_format = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
every_format_of_members = pytest.mark.parametrize(
    "library", OF_MEMBERS, ids=lambda library: library.name
)


def format_of(library: Library) -> Format:
    """Return our format of the same name."""
    format: Format = registry.find_module(library.name).codec().format
    return format


def decode(decoder: MemberDecoder, segments: list[bytes]) -> bytes:
    """Return what *decoder* makes of *segments*, which are the whole input."""
    output = bytearray()
    for segment in segments:
        output += decoder.feed(segment)
        while not decoder.hungry:
            output += decoder.feed(b"")
    decoder.finish()
    return bytes(output)
