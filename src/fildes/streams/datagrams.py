"""Sockets that keep message boundaries: each receive is one datagram, whole.

A datagram longer than the reader's buffer is neither cut nor lost. It is received
into that buffer and a spill behind it, in one recvmsg(2); what did not fit is an
error, and the datagram is kept for a read with a larger buffer.
"""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import termios
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.kernel import RECV_FLAGS, UNASKED, SocketStream
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer


#: What a stream is cut into where it becomes datagrams; as socat does, whose buffers are so.
PIECE = 8192


class DatagramStream(SocketStream):
    """A connected socket of datagrams, which it owns."""

    messages = True
    longest = PIECE
    endless = True

    #: Whether the kernel knows where it sends to, and lets nobody else in.
    connected = True

    #: Whether datagrams of others may be in the socket's queue, which `recv_own_into` leaves out.
    mixed = False

    #: Called when a datagram has come that is not in the socket's queue.
    arrived: Callable[[], None] | None = None

    def __init__(self, sock: socket.SocketType, peer: object = UNASKED) -> None:
        super().__init__(sock, peer)
        self.kept: bytes | None = None
        self.spill = bytearray()

    def direct(self) -> None:
        """Return None: a datagram is not only its bytes."""

    def direct_sink(self) -> None:
        """Return None, too."""

    @property
    def half_closes(self) -> bool:
        return not self.endless

    @property
    def sender(self) -> str | None:
        """Who has sent the datagram that was received last, as an address."""
        return self.peer

    def give_back(self) -> bool:
        """Let others have what comes from now on, and what nobody has received.

        Returns:
          False, there is something and nobody to have it; the stream goes on.
        """
        return True

    @property
    def holds(self) -> bool:
        """Whether the next datagram is here, and not in the socket's queue."""
        return self.kept is not None

    def recv_own_into(self, buffer: Buffer, size: int = 0, flags: int = 0) -> int:
        """Receive the peer's next one from the socket's queue, as `socket.socket.recv_into`."""
        return self.sock.recv_into(buffer, size, flags)

    def try_recv_into(self, buffer: memoryview) -> int | None:
        try:
            return self.receive(buffer, RECV_FLAGS)
        except BlockingIOError:
            return None

    def blocking_recv_into(self) -> Callable[[Buffer], int]:
        return self.receive

    def receive(self, buffer: Buffer, flags: int = 0) -> int:
        """Receive one datagram into *buffer*.

        Raises:
          OSError: EMSGSIZE, it is longer; it is kept for the next call.
        """
        view = memoryview(buffer).cast("B")
        if self.kept is None:
            received = self.receive_or_keep(view, flags)
            if self.kept is None:
                return received
        return self.take_kept(view)

    def receive_or_keep(self, view: memoryview, flags: int) -> int:
        """Receive one datagram into *view*, or into `kept` if it is longer."""
        if len(view) < MAX_DATAGRAM and not self.spill:
            self.spill = bytearray(MAX_DATAGRAM)
        received, _, outcome, _ = self.sock.recvmsg_into([view, self.spill], 0, flags)
        if received > len(view):
            self.kept = bytes(view) + self.spill[: received - len(view)]
        if outcome & socket.MSG_TRUNC:
            self.kept = None
            message = f"the datagram is longer than {received} bytes; its end is lost"
            raise OSError(errno.EMSGSIZE, message)
        return received

    def take_kept(self, view: memoryview) -> int:
        """Move the kept datagram into *view*, if it fits."""
        assert self.kept is not None
        size = len(self.kept)
        if size > len(view):
            message = f"the datagram has {size} bytes, the buffer {len(view)}: it is kept"
            raise OSError(errno.EMSGSIZE, message)
        view[:size] = self.kept
        self.kept = None
        return size


class SeqpacketStream(DatagramStream):
    """A connection of records, with an end of file.

    Nobody can tell an empty record from the end by its size. So an empty record
    is passed over while more can come: the reader's empty read is the end.
    """

    endless = False

    def receive(self, buffer: Buffer, flags: int = 0) -> int:
        """Receive one record that is not empty; 0 at the end of file."""
        while not (received := super().receive(buffer, flags)):
            if not self.more_can_come():
                self.received_end = True
                break
        return received

    def more_can_come(self) -> bool:
        """Tell whether the peer can still send, or has left bytes in the queue."""
        if not wait({self.sock.fileno(): select.POLLRDHUP}, 0):
            return True
        left = fcntl.ioctl(self.sock, termios.FIONREAD, bytes(4))
        return struct.unpack("i", left) != (0,)


KIND_OF_TYPE = {
    socket.SOCK_STREAM: SocketStream,
    socket.SOCK_SEQPACKET: SeqpacketStream,
}


def socket_stream(sock: socket.SocketType, peer: object = UNASKED) -> SocketStream:
    """Return the stream for a connected socket of any type; it owns *sock* from now on."""
    kind = KIND_OF_TYPE.get(socket.SocketKind(sock.type), DatagramStream)
    return kind(sock, peer)
