"""The file of a small document, all of whose bytes are here before it is opened."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from fildes.files.binary import BUFFER_SIZE, BufferedFile, Source
from fildes.files.description import Description

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from fildes.http.again import Exchange


class HereFile(BufferedFile):
    """A `BufferedFile` over memory: reading, seeking and closing are C code throughout.

    Once its bytes are another's, a descriptor's or a copy's, it is as any other.

    Attributes:
      origin: the description, or what tells it once somebody asks: most such files are read
        and closed without.
      made: the description, if it is there.
      elsewhere: the bytes are no longer in memory alone.
    """

    face = "BufferedFile"
    made: Description | None = None
    elsewhere = False

    def __init__(
        self, here: io.BytesIO, origin: Description | Exchange, buffer_size: int = BUFFER_SIZE
    ) -> None:
        io.BufferedReader.__init__(self, here, buffer_size)
        self.buffer_size = buffer_size
        self.origin = origin

    @property
    def description(self) -> Description:  # type: ignore[override]  # nobody sets it
        """The open file description."""
        if self.made is not None:
            return self.made
        origin = self.origin
        new = origin if isinstance(origin, Description) else origin.describe(Description)
        made: Description = self.__dict__.setdefault("made", new)  # if no other thread was quicker
        if self.closed:
            made.close()
        return made

    flush = io.BufferedReader.flush  # nothing is ever written
    __enter__ = io.BufferedReader.__enter__

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.elsewhere:
            super().__exit__(kind, error, traceback)
        else:
            self.close()

    def close(self) -> None:
        """Close."""
        if self.elsewhere:
            super().close()
            return
        io.BufferedReader.close(self)
        if self.made is not None:
            self.made.close()

    def __del__(self) -> None:
        try:
            closed = self.closed
        except ValueError:  # it could not be made
            return
        if not closed:
            super().__del__()

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

    def count_ahead(self) -> int:
        """Return how many bytes were read ahead of what is received: at first none."""
        return super().count_ahead() if self.elsewhere else 0


class HereStream(HereFile):
    """The same of a document whose server gives no parts, so that it has no positions either.

    Otherwise it would depend on how quickly it came whether a document has them.
    """

    def seekable(self) -> bool:
        """Return False."""
        self.check_open()
        return False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raise: there are no positions."""
        self.check_open()
        raise io.UnsupportedOperation("File or stream is not seekable.")

    def tell(self) -> int:
        """Raise, likewise."""
        raise io.UnsupportedOperation("a stream has no position to seek to")

    def check_open(self) -> None:
        """Raise what the io module raises for a closed file."""
        if self.closed:
            raise ValueError("I/O operation on closed file")


def file_of(exchange: Exchange) -> HereFile | None:
    """Return the file of the document that came by *exchange*; None if it has not come."""
    if exchange.here is None:
        return None
    return (HereFile if exchange.partial else HereStream)(exchange.here, exchange)


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
