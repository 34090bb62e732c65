"""Members of archives while they are searched, and what their search may cost."""

from __future__ import annotations

import errno
import zlib
from typing import TYPE_CHECKING, Final

from fildes.errors import ProtocolError
from fildes.wire.members import OUTPUT_SIZE, Decompressor, Format

if TYPE_CHECKING:
    from fildes.compression.unpacking import DeepFinder
    from fildes.wire.packed_starts import Start

#: Data that expands more than that is no picture; below the minimum it does not matter.
MAX_RATIO, MIN_LIMIT = 200, 1 << 30  # arbitrary

#: Of compressed data so much is kept, to be searched itself if it turns out to be none.
REWIND_SIZE: Final = 65536

#: So much may come out of what is no compressed data; a zip header is never by chance.
LITTLE: Final = 4096


class Account:
    """What all levels of one search share.

    Attributes:
      received, unpacked: bytes of the input, and those that were decompressed.
      errors: of members that are corrupt or cut short, which is told in the end.
    """

    def __init__(self) -> None:
        self.received = self.unpacked = 0
        self.errors: list[ProtocolError] = []

    def add(self, size: int) -> None:
        """Count decompressed bytes; raise if there are too many of them."""
        self.unpacked += size
        if self.unpacked > max(MIN_LIMIT, MAX_RATIO * self.received):
            words = f"{self.received} bytes expand to more than {self.unpacked}: it is a bomb"
            raise OSError(errno.EFBIG, words)


class Stored:
    """A member that lies there as it is; *left* bytes of it have not come yet."""

    def __init__(self, left: int, inner: DeepFinder) -> None:
        self.left = left
        self.inner = inner


class Packed:
    """A member that is decompressed, or several that are one file.

    Attributes:
      place: its offset.
      inner: searches what it holds.
      decompressor: of the data; None between two members.
      held: header and data so far, while they are little and may be none.
      size: bytes that have come out.
      between: what came behind a member, and is not enough to tell what it is.
    """

    def __init__(
        self, start: Start, place: int, format: Format, inner: DeepFinder, header: bytes
    ) -> None:
        self.start = start
        self.place = place
        self.format = format
        self.inner = inner
        self.decompressor: Decompressor | None = format.start()
        self.held: bytes | None = header
        self.size = 0
        self.between = b""
        self.checksum = 0

    def hold(self, data: bytes) -> None:
        """Keep *data* as long as that is little."""
        if self.held is not None:
            self.held += data
            if len(self.held) > REWIND_SIZE:
                self.held = None

    def goes_on(self, text: bytes) -> bool | None:
        """Tell whether *text* begins another member of the same file; None: too early to."""
        starts = () if self.start.alone else self.format.starts
        if text.startswith(starts):
            return True
        return None if any(each.startswith(text) for each in starts) else False

    def decompress(self, data: bytes) -> bytes:
        """Return some output for *data*; see `Decompressor`.

        Raises:
          ProtocolError: it is corrupt.
        """
        assert self.decompressor is not None
        try:
            output = self.decompressor.decompress(data, OUTPUT_SIZE)
        except self.format.errors as error:
            raise ProtocolError(f"{self.name} is corrupt: {error}") from error
        self.checksum = zlib.crc32(output, self.checksum)
        self.size += len(output)
        return output

    def check(self) -> None:
        """Raise if what came out is not what was announced."""
        if self.start.checksum not in (None, self.checksum):
            raise ProtocolError(f"{self.name} is corrupt: its checksum is another")

    @property
    def certain(self) -> bool:
        """Whether it was compressed data, however it goes on."""
        return self.held is None or self.start.alone or self.size > LITTLE

    @property
    def name(self) -> str:
        return f"the {self.format.name} data at byte {self.place}"
