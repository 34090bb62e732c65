"""How members of archives and compressed data begin, wherever they lie."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

#: What is looked for, and what has to be there then: of zip all of the header that has a
#: fixed size (APPNOTE 4.3.7), of gzip its ten bytes (RFC 1952), of bzip2 also the mark of
#: its first block.
_STARTS: Final = {
    "zip": (b"PK\x03\x04", rb".{26}"),
    "gzip": (b"\x1f\x8b\x08", rb"[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]"),
    "bzip2": (b"BZh", rb"[1-9]1AY&SY"),
    "xz": (b"\xfd7zXZ\x00", rb"\x00[\x00\x01\x04\x0a]"),
    "zstd": (b"\x28\xb5\x2f\xfd", b""),
}
_MARKS: Final = {name: mark for name, (mark, _) in _STARTS.items()}
_RESTS: Final = {name: re.compile(rest, re.DOTALL) for name, (_, rest) in _STARTS.items()}
LONGEST: Final = 30  #: of these

#: version, flags, method, CRC-32, packed and plain size, lengths of name and extra field.
_ZIP_HEADER = struct.Struct("<4x3H4x3I2H")

#: Methods (APPNOTE 4.4.5), and what they are called here.
_STORED = 0
_METHODS: Final = {8: "deflate", 12: "bzip2", 93: "zstd", 95: "xz"}

_ENCRYPTED, _DESCRIPTOR = 1 << 0, 1 << 3  # flags; APPNOTE 4.4.4
_UNKNOWN = 0xFFFFFFFF  # the size is elsewhere, as in zip64
_LATEST = 63  # version 6.3; APPNOTE 4.4.3
_MAX_NAME = _MAX_EXTRA = 4096  # PATH_MAX of limits.h; more is only what looks like a header


class Start(NamedTuple):
    """Where a member begins.

    Attributes:
      offset: in the text that was searched.
      header: bytes before its data.
      format: how that is compressed; empty if it lies there as it is.
      size: of the data; None where only its own end tells.
      checksum: CRC-32 of what it is decompressed to, if that is told beforehand.
      alone: no other member of the same file follows.
    """

    offset: int
    header: int = 0
    format: str = ""
    size: int | None = None
    checksum: int | None = None
    alone: bool = False


def find_starts(text: bytes, at: int) -> Iterator[tuple[int, Start | None]]:
    """Yield where in *text*, from *at* on, something begins as a member does.

    Each mark is looked for by itself: that is ten times as fast as one regular expression.

    Yields:
      Its offset, and the member; None for that if it is none that can be read.
    """
    found = {name: text.find(mark, at) for name, mark in _MARKS.items()}
    while found := {name: offset for name, offset in found.items() if offset >= 0}:
        name = min(found, key=found.__getitem__)
        offset, mark = found[name], _MARKS[name]
        if _RESTS[name].match(text, offset + len(mark)):
            yield offset, zip_start(text, offset) if name == "zip" else Start(offset, format=name)
        found[name] = text.find(mark, offset + 1)


def zip_start(text: bytes, offset: int) -> Start | None:
    """Return the member of a zip archive at *offset*; None for one that cannot be read."""
    header = _ZIP_HEADER.unpack_from(text, offset)
    version, flags, method, checksum, packed, _, name, extra = header
    size = LONGEST + name + extra
    told = not flags & _DESCRIPTOR
    if not 0 < name <= _MAX_NAME or extra > _MAX_EXTRA or version & 0xFF > _LATEST:
        return None
    if flags & _ENCRYPTED:
        return None
    if method == _STORED:
        known = told and 0 < packed < _UNKNOWN
        return Start(offset, size, size=packed, alone=True) if known else None
    if method not in _METHODS:
        return None
    crc = checksum if told else None
    return Start(offset, size, _METHODS[method], checksum=crc, alone=True)
