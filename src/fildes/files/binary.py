"""The faces of an open file: objects that keep the contracts of the io module.

`BufferedFile` is an `io.BufferedReader` that can also write. The reading half is
C code; before it asks the raw file for more it has thereby sent what was written
(see `fildes.files.description`). `io.BufferedRWPair` would hold the lock of its writer
while that one is blocked, and a reader would wait behind it.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING

from fildes.files.ancillary import DescriptorPassing
from fildes.files.described import Described
from fildes.files.random import RandomAccess

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from fildes.files.description import Description

#: Reads of this size and more go from the kernel straight into the caller's
#: buffer, so it must be below the 64 KiB that callers usually ask for.
BUFFER_SIZE = 16384

#: Asked for at once when all is wanted: first little, since most documents are small and
#: fresh memory costs more than they do, then up to this; io.RawIOBase asks for 8 KiB.
READALL_SIZE = 262144  # arbitrary


class File(Described):
    """What every blocking file has beyond the io module's contracts."""

    description: Description

    def half_close(self) -> None:
        """Send what was written and end our direction; reading goes on.

        The peer sees an end of file: shutdown(2) with SHUT_WR, close_notify (RFC
        8446 section 6.1), or the end of a child's standard input.
        """
        self.flush()
        self.description.half_close()

    def abort(self) -> None:
        """Close and discard: the peer sees an error, never a clean end of file."""
        self.description.abort()
        self.close()

    def flush(self) -> None:
        """Send what was written."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        self.description.flush()

    if TYPE_CHECKING:  # supplied by the io class that each face also is

        @property
        def closed(self) -> bool: ...
        def close(self) -> None: ...

    def __enter__(self) -> Self:
        if self.description.closed:
            self.description.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; abort instead if an exception cut the conversation short."""
        if kind is not None and not self.description.ended:
            self.abort()
        else:
            self.close()

    def __del__(self) -> None:
        description: Description | None = getattr(self, "description", None)
        if description is None or description.closed:
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
        self.abort()  # nobody said that what was written is all, or waits for an end


class RawFile(File, RandomAccess, DescriptorPassing, io.RawIOBase):
    """An unbuffered file: each read and write is one on the stream."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def readinto(self, buffer: Buffer) -> int | None:
        """Read into *buffer*, return how many bytes; 0 at the end of file."""
        if not self.readable():
            raise io.UnsupportedOperation("not open for reading")
        self.description.check_open()
        return self.description.recv_into(buffer) if memoryview(buffer).nbytes else 0

    def readall(self) -> bytes:
        """Return all bytes up to the end of file."""
        data = bytearray()
        chunk = memoryview(bytearray(BUFFER_SIZE))
        while size := self.readinto(chunk):
            data += chunk[:size]
            if size < len(chunk) and self.description.at_end():
                break
            if size == len(chunk) < READALL_SIZE:
                chunk = memoryview(bytearray(READALL_SIZE))
        return bytes(data)

    def write(self, data: Buffer) -> int:
        """Write the beginning of *data*, return how many bytes were taken."""
        if not self.writable():
            raise io.UnsupportedOperation("not open for writing")
        self.description.check_open()
        self.description.check_sendable()
        with self.description.sending:
            return self.description.send(data)

    def seekable(self) -> bool:
        """Tell whether `seek` works."""
        self.description.check_open()
        return self.description.stream.seek(0, os.SEEK_CUR) is not None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; lseek(2)."""
        self.description.check_open()
        position = self.description.stream.seek(offset, whence)
        if position is None:
            raise io.UnsupportedOperation("a stream has no position to seek to")
        return position

    def fileno(self) -> int:
        """Return a descriptor that any program can read."""
        self.description.check_open()
        return self.description.fileno()

    def close(self) -> None:
        """Close; raise if not all went well. The second time does nothing."""
        try:
            self.description.close()
        finally:
            super().close()


class Source(RawFile):
    """Where a `BufferedFile` reads; the io module has checked what `RawFile` checks."""

    paused = False
    new = True

    def tell(self) -> int:
        """Return the position; at first 0 where there is none.

        `io.BufferedReader` asks as it is made, and would drop an error that costs more
        than the rest of its making.
        """
        position = self.description.stream.seek(0, os.SEEK_CUR)
        new, self.new = self.new, False
        if position is None and not new:
            raise io.UnsupportedOperation("a stream has no position to seek to")
        return position or 0

    def readinto(self, buffer: Buffer) -> int | None:
        """Read into *buffer*; None while paused, as if nothing had come."""
        return None if self.paused else self.description.recv_into(buffer)


class BufferedFile(File, RandomAccess, DescriptorPassing, io.BufferedReader):
    """A binary file that reads ahead, and gathers small writes where it can be written."""

    def __init__(self, description: Description, buffer_size: int = BUFFER_SIZE) -> None:
        self.description = description
        self.source = Source(description)
        super().__init__(self.source, buffer_size)

    def write(self, data: Buffer) -> int:
        """Take all of *data*, return its size; it is sent by `flush` or a read at the latest."""
        if not self.description.stream.writable:
            raise io.UnsupportedOperation("not open for writing")
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self.description.write(data)

    def fileno(self) -> int:
        """Return a descriptor that any program can read, after what was read here."""
        self.description.check_open()
        return self.description.fileno(self.taken_back)

    def taken_back(self, most: int | None = None) -> bytes:
        """Return *most* of the bytes read ahead, which are then no longer here; never waits."""
        self.source.paused = True
        try:
            if most is not None:
                return self.read1(most)
            return b"".join(iter(lambda: self.read1(BUFFER_SIZE), b""))
        finally:
            self.source.paused = False

    def count_ahead(self) -> int:
        """Return how many bytes were read ahead; never waits."""
        self.source.paused = True
        try:
            return len(self.peek())
        finally:
            self.source.paused = False

    def close(self) -> None:
        """Send what was written and close; raise if not all went well."""
        try:
            self.description.close()
        finally:
            super().close()

    def detach(self) -> io.RawIOBase:
        """Raise: the buffered and the raw file share their state."""
        raise io.UnsupportedOperation("detach: open with buffering=0 instead")


class BufferedWriteFile(File, io.BufferedIOBase):
    """A binary file that is only written; what was written counts once it is closed."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.raw = RawFile(description)

    def write(self, data: Buffer) -> int:
        """Take all of *data*, return its size."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self.description.write(data)

    def seekable(self) -> bool:
        """Tell whether `seek` works."""
        return self.raw.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Send what was written, then move the position; lseek(2)."""
        self.flush()
        return self.raw.seek(offset, whence)

    def fileno(self) -> int:
        """Return a descriptor that any program can write."""
        self.flush()
        return self.description.fileno()

    def close(self) -> None:
        """Send what was written and commit it; raise if not all went well."""
        try:
            self.raw.close()
        finally:
            super().close()


class RandomFile(File, io.BufferedRandom):  # type: ignore[override]  # mode is only read
    """A binary file that is read and written at any position."""

    def __init__(self, description: Description, buffer_size: int = BUFFER_SIZE) -> None:
        self.description = description
        super().__init__(RawFile(description), buffer_size)

    flush = io.BufferedRandom.flush
    close = io.BufferedRandom.close

    def abort(self) -> None:
        """Close: what is edited in place cannot be taken back."""
        self.close()
