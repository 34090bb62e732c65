"""The face of a stream of datagrams."""

from __future__ import annotations

from fildes.files.binary import RawFile
from fildes.streams.stream import MAX_DATAGRAM


class DatagramFile(RawFile):
    """An unbuffered file of datagrams: one for each read and each write.

    An empty read is an empty datagram, no end of file; of a unix-seqpacket, and of a
    datagram by itself, it is the end. Iterating yields the datagrams.
    """

    @property
    def sender(self) -> str | None:
        """Who has sent the datagram that was read last, as an address.

        It is the peer, unless the address says ``others=on``.
        """
        return getattr(self.description.stream, "sender", self.peer)

    def read(self, size: int | None = -1) -> bytes:
        """Return the next datagram.

        Raises:
          OSError: EMSGSIZE, it is longer than *size*; it is kept for the next read.
        """
        if size is not None and size >= 0:
            return self.read_up_to(size)
        try:
            return self.read_up_to(MAX_DATAGRAM)
        except OSError:
            kept = self.description.stream.kept_size
            if not kept:
                raise
            return self.read_up_to(kept)

    def read_up_to(self, size: int) -> bytes:
        """Return the next datagram, which has at most *size* bytes."""
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: self.readinto(buffer)])

    readall = read

    def __next__(self) -> bytes:
        """Return the next datagram; stop at the end of file, where there is one."""
        datagram = self.read()
        if not datagram and not self.description.stream.endless:
            raise StopIteration
        return datagram
