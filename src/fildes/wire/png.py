"""One PNG file, verified as its bytes go by.

https://www.w3.org/TR/png-3/ calls these bytes a PNG datastream: a signature, then
chunks of length, type, data and CRC, from IHDR to IEND.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from fildes.errors import IncompleteError, ProtocolError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"  # section 5.2 of the above

_FIRST_CHUNK: Final = b"\0\0\0\x0dIHDR"  # 13 bytes of data; section 11.2.1

#: Signature and first chunk up to its CRC: what tells a file from a chance signature.
HEADER: Final = re.compile(
    re.escape(SIGNATURE + _FIRST_CHUNK)
    + rb"(?:(?!\0{4})[\0-\x7f].{3}){2}"  # width and height, 1 to 2**31 - 1
    # Bit depth and colour type: greyscale, with colour or alpha, indexed.
    + rb"(?:[\x01\x02\x04\x08\x10]\0|[\x08\x10][\x02\x04\x06]|[\x01\x02\x04\x08]\x03)"
    + rb"\0\0[\0\x01]",  # compression, filter, interlace
    re.DOTALL,
)
HEADER_SIZE: Final = 29

_MAX_LENGTH = 2**31 - 1  # section 5.3
_NAME = re.compile(rb"[A-Za-z]{4}")  # section 5.3
_HEAD_SIZE = 8  # LENGTH and TYPE
_CRC_SIZE = 4


def begins_png(prefix: bytes) -> bool | None:
    """Return whether a PNG file begins with *prefix*; None when it is too short to tell."""
    if len(prefix) >= HEADER_SIZE:
        return HEADER.match(prefix) is not None
    start = SIGNATURE + _FIRST_CHUNK
    return None if start.startswith(prefix[: len(start)]) else False


class PngReader:
    """Verifies the chunks of a file that is known to begin with a `HEADER`.

    Attributes:
      done: the file is complete and sound.
      size: how many of its bytes were looked at.
      sound: up to where the CRCs have proved it.
    """

    def __init__(self) -> None:
        """Start before the signature."""
        self.done = False
        self.size = self.sound = 0
        self._name = "IHDR"  # the chunk we are in
        # Bytes of its data, all and still to come; the signature counts as data.
        self._length = self._left = len(SIGNATURE)
        self._crc = 0
        self._previous = ""
        self._seen_idat = False
        self._word = b""  # what came of the head or CRC that is next
        self._word_size = _HEAD_SIZE

    def take(self, data: bytes | memoryview, offset: int = 0) -> int:
        """Verify on from *offset*; return where the file ends, or *data* does.

        Raises:
          ProtocolError: the file is corrupt.
        """
        view = memoryview(data)
        while offset < len(view) and not self.done:
            size = self._left or self._word_size - len(self._word)
            piece = view[offset : offset + size]
            offset += len(piece)
            self.size += len(piece)
            if self._left:
                self._crc = zlib.crc32(piece, self._crc)
                self._left -= len(piece)
            else:
                self._take_word(piece)
        return offset

    def eof(self) -> None:
        """Say that there are no more bytes.

        Raises:
          IncompleteError: the file is not complete.
        """
        if self._left:
            seen = self._length - self._left
            raise IncompleteError(
                f"PNG file ended after {seen} of {self._length} bytes of its {self._name} chunk"
            )
        if not self.done:
            where = "in the CRC of" if self._word_size == _CRC_SIZE else "behind"
            raise IncompleteError(f"PNG file ended {where} its {self._name} chunk")

    def _take_word(self, piece: memoryview) -> None:
        self._word += piece
        if len(self._word) < self._word_size:
            return
        word, self._word = self._word, b""
        if self._word_size == _HEAD_SIZE:
            self._word_size = _CRC_SIZE
            self._begin_chunk(int.from_bytes(word[:4], "big"), word[4:])
        else:
            self._word_size = _HEAD_SIZE
            self._end_chunk(int.from_bytes(word, "big"))

    def _begin_chunk(self, length: int, name: bytes) -> None:
        if not _NAME.fullmatch(name):
            raise ProtocolError(f"PNG file is corrupt: {name!r} is no chunk type")
        self._name, self._crc = name.decode("ascii"), zlib.crc32(name)
        if length > (0 if name == b"IEND" else _MAX_LENGTH):
            raise ProtocolError(f"PNG file is corrupt: {self._name} chunk of {length} bytes")
        self._length = self._left = length
        self._check_order()

    def _check_order(self) -> None:
        """Refuse a chunk where it must not be; section 5.6."""
        misplaced = {
            "IHDR": self._previous != "",
            "IDAT": self._seen_idat and self._previous != "IDAT",
            "IEND": not self._seen_idat,
        }
        if misplaced.get(self._name):
            raise ProtocolError(
                f"PNG file is corrupt: {self._name} chunk behind {self._previous} chunk"
            )
        self._seen_idat |= self._name == "IDAT"
        self._previous = self._name

    def _end_chunk(self, crc: int) -> None:
        if crc != self._crc:
            raise ProtocolError(f"PNG file is corrupt: CRC of {self._name} chunk does not match")
        self.sound = self.size
        self.done = self._name == "IEND"
