"""The face of a stream of datagrams, for asyncio and trio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.files.async_binary import AsyncRawFile
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    from typing_extensions import Buffer


class AsyncDatagramFile(AsyncRawFile):
    """An unbuffered file of datagrams: one for each read and each write.

    An empty read is an empty datagram, no end of file; of a unix-seqpacket it is the
    end. Iterating yields the datagrams.
    """

    @property
    def sender(self) -> str | None:
        """Who has sent the datagram that was read last, as an address.

        It is the peer, unless the address says ``others=on``.
        """
        return getattr(self.description.stream, "sender", self.peer)

    async def read(self, size: int = -1) -> bytes:
        """Return the next datagram.

        Raises:
          OSError: EMSGSIZE, it is longer than *size*; it is kept for the next read.
        """
        if size >= 0:
            return await self.read1(size)
        try:
            return await self.read1(MAX_DATAGRAM)
        except OSError:
            kept = self.description.stream.kept_size
            if not kept:
                raise
            return await self.read1(kept)

    async def write(self, data: Buffer) -> int:
        """Send *data* as one datagram, return its size."""
        self.check_direction(reading=False)
        return await self.description.send_message(data)

    async def __anext__(self) -> bytes:
        datagram = await self.read()
        if not datagram and not self.description.stream.endless:
            raise StopAsyncIteration
        return datagram
