"""A socket of datagrams that sends to one place and hears everybody; udp(7).

Who sends by broadcast or to a multicast group is answered from other addresses than was
asked, which a connected socket would not let in.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from fildes.streams.datagrams import DatagramStream
from fildes.streams.endpoints import endpoint
from fildes.streams.kernel import SEND_FLAGS
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer


class EverybodyStream(DatagramStream):
    """The datagrams of everybody who is let in.

    Attributes:
      allowed: tells by the sockaddr of a sender whether it is heard.
      last_sender: of the datagram that was received last.
    """

    connected = False
    no_descriptor = "with others=on no descriptor knows where to send to"
    peer_name: Any

    def __init__(self, sock: socket.SocketType, peer: Any, allowed: Callable[[Any], bool]) -> None:
        super().__init__(sock, peer)
        self.allowed = allowed
        self.last_sender: Any = None

    def receive_or_keep(self, view: memoryview, flags: int) -> int:
        """Receive one datagram of who is heard; the others' are dropped."""
        while True:
            data, sender = self.sock.recvfrom(MAX_DATAGRAM, flags)
            if self.allowed(sender):
                self.kept, self.last_sender = data, sender
                return 0

    def try_send(self, data: memoryview) -> int | None:
        try:
            return self.sock.sendto(data, SEND_FLAGS, self.peer_name)
        except BlockingIOError:
            return None

    def shut_down(self) -> None:
        """Do nothing: shutdown(2) ends a direction of a connection, and there is none."""

    def blocking_send(self) -> Callable[[Buffer], int]:
        return self.send

    def send(self, data: Buffer) -> int:
        """Send *data* as one datagram, waiting in the kernel."""
        return self.sock.sendto(data, self.peer_name)

    @property
    def sender(self) -> str | None:
        """Who has sent the datagram that was received last, as an address."""
        return endpoint(self.sock, self.last_sender)

    def fileno(self) -> int:
        """Return -1; see `no_descriptor`."""
        return -1


class HeardStream(EverybodyStream):
    """The same, to which nobody is answered.

    Args:
      allowed: as of `EverybodyStream`; None for everybody.
    """

    no_descriptor = "a descriptor would bring what option allow keeps out"

    def __init__(self, sock: socket.SocketType, allowed: Callable[[Any], bool] | None) -> None:
        super().__init__(sock, None, allowed or (lambda sender: True))
        self.filters = allowed is not None
        self.writable = False

    def fileno(self) -> int:
        """Return the descriptor, unless it would bring too much."""
        return -1 if self.filters else self.sock.fileno()


class HeardRecords(DatagramStream):
    """The datagrams of everybody who may open the path of our socket; none is answered."""

    connected = False

    def __init__(self, sock: socket.SocketType) -> None:
        super().__init__(sock, None)
        self.writable = False
