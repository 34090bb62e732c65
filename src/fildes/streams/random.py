"""Streams whose bytes are asked for as they are wanted, with positions or without."""

from __future__ import annotations

import abc
import errno
import io
import os
from typing import TYPE_CHECKING

from fildes.streams.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.waiting import Interest


class AskedStream(Stream):
    """A document whose bytes have to be asked for, which is protocol code.

    So `recv_into` is the data path, run by whoever drives, and there is no try path.
    Who needs one asks for `sequential`.

    Attributes:
      size: of the document, in bytes.
      position: where the next receive begins.
    """

    writable = False
    waits = True
    size: int
    position = 0

    @abc.abstractmethod
    async def sequential(self) -> Stream:
        """Return a stream of what follows the position, and be closed."""

    def recv_here(self, buffer: memoryview) -> int | None:
        """Receive what needs neither a request nor a wait; None if there is no such thing."""
        return None

    def try_recv_into(self, buffer: memoryview) -> int | None:
        raise io.UnsupportedOperation("a document that is asked for is waited for by a driver")

    def try_send(self, data: memoryview) -> int | None:
        raise OSError(errno.EBADF, "not open for writing")

    def recv_wants(self) -> Interest:
        return {}

    def send_wants(self) -> Interest:
        return {}

    async def half_close(self) -> None:
        """Do nothing: our direction was never open."""


class RandomStream(AskedStream):
    """A document that is read at any offset."""

    @abc.abstractmethod
    async def pread_into(self, view: memoryview, offset: int) -> int:
        """Read some of the bytes at *offset* into *view*; 0 at the end of the document.

        Any number of these may run at once, in threads or tasks.
        """

    @abc.abstractmethod
    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each of *ranges*, start and stop; shorter at the end."""

    async def recv_into(self, buffer: memoryview) -> int:
        """Receive at least one byte into *buffer*; 0 at the end of file."""
        received = await self.pread_into(buffer, self.position)
        self.position += received
        return received

    def seek(self, offset: int, whence: int) -> int:
        """Move the position, return the new one; it may be beyond the end."""
        origins = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}
        if whence not in origins:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        position = origins[whence] + offset
        if position < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # as lseek(2)
        self.position = position
        return position
