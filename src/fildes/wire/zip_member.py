"""The data of one member of a zip archive, verified."""

from __future__ import annotations

import zlib

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.members import Format, MemberDecoder
from fildes.wire.zip import Member


class ZipMember:
    """Decodes a member, and holds size and CRC against the directory.

    Attributes:
      done: never before the input has ended.
      hungry: there is no more output without more input.
    """

    done = False

    def __init__(self, member: Member, format: Format | None) -> None:
        """Start before the data, which is compressed in *format*; None for not at all."""
        self.member = member
        self._decoder = MemberDecoder(format) if format else None
        self._size = self._crc = 0

    @property
    def hungry(self) -> bool:
        return self._decoder is None or self._decoder.hungry

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return output for *data*.

        Raises:
          ProtocolError: it is corrupt, or more than the directory says.
        """
        output = self._decoder.feed(data) if self._decoder else bytes(data)
        self._size += len(output)
        self._crc = zlib.crc32(output, self._crc)
        if self._size > self.member.size:
            raise ProtocolError(f"{self.member.name!a} is larger than the zip directory says")
        return output

    def finish(self) -> None:
        """Say that there is no more data.

        Raises:
          IncompleteError: some is missing.
          ProtocolError: its checksum is wrong.
        """
        if self._decoder:
            self._decoder.finish()
        if self._size != self.member.size:
            raise IncompleteError(f"{self.member.name!a} is smaller than the zip directory says")
        if self._crc != self.member.crc:
            raise ProtocolError(f"the checksum of {self.member.name!a} is wrong")
