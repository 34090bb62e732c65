"""The file of a small document, all of whose bytes are here before it is opened."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fildes.files.binary import BUFFER_SIZE, BufferedFile, Source

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from fildes.files.description import Description


class HereFile(BufferedFile):
    """A `BufferedFile` over memory: reading, seeking and closing are C code throughout.

    Once its bytes are another's, a descriptor's or a copy's, it is as any other.
    """

    elsewhere = False

    def __init__(
        self, description: Description, here: io.BytesIO, buffer_size: int = BUFFER_SIZE
    ) -> None:
        self.description = description
        self.buffer_size = buffer_size
        io.BufferedReader.__init__(self, here, buffer_size)

    flush = io.BufferedReader.flush  # nothing is ever written

    def taken_back(self, most: int | None = None) -> bytes:
        """Return *most* of the bytes read ahead; what follows is the description's to receive."""
        if not self.elsewhere:
            self.elsewhere = True
            ahead = self.read()  # behind them is nothing: see `ReceivedDocument.sequential`
            self.source = SourceBehind(self.description, ahead)
            io.BufferedReader.__init__(self, self.source, self.buffer_size)
            if ahead:
                self.peek()  # into the buffer, which is as large as the one they were in
        return super().taken_back(most)


class SourceBehind(Source):
    """A `Source` that begins with bytes which were read ahead before."""

    def __init__(self, description: Description, ahead: bytes) -> None:
        super().__init__(description)
        self.ahead = ahead

    def readinto(self, buffer: Buffer) -> int | None:
        """Read into *buffer*, first what was *ahead*."""
        ahead, self.ahead = self.ahead, b""
        if not ahead:
            return super().readinto(buffer)
        memoryview(buffer).cast("B")[: len(ahead)] = ahead
        return len(ahead)
