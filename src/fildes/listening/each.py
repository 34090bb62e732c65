"""Listening for datagrams of which each is a connection: a question, its end, and answers.

Who answers a question at a time has no use for a conversation with each sender. Here a
stream has one datagram and then its end of file, so that a program may read all there is;
what is sent goes to whoever has asked, from the address that was asked. Nothing is
connected, so unix sockets can do it, too, whose names cannot be bound twice.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

from fildes.listening.accepting import Acceptor
from fildes.listening.admission import CountedSocket
from fildes.listening.arrivals import IP_PKTINFO, Arrival, receive_from, tell_destination
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.address import Address
    from fildes.listening.admission import Limits, Slot
    from fildes.streams.stream import Stream

#: Addresses that stand for all of this machine's, so that they say nothing.
WILDCARDS = ("0.0.0.0", "::")


class Question(DatagramStream):
    """One datagram, its end, and a socket by which its sender is answered.

    The socket is the listener's, of which others hold descriptors, too. So nothing of it is
    shut down, and nothing is received from it.
    """

    endless = False
    connected = False
    no_descriptor = "a datagram by itself is in no descriptor: read it"

    peer_name: Any

    def __init__(self, sock: socket.socket, arrival: Arrival) -> None:
        super().__init__(sock, arrival.peer)
        self.kept = arrival.data
        self.source = source_of(sock, arrival.local)
        if arrival.local:
            self.local_name = (arrival.local, *sock.getsockname()[1:])

    def receive(self, buffer: Any, flags: int = 0) -> int:
        """Receive the datagram, once, and then the end of file."""
        if self.kept is not None:
            return self.take_kept(memoryview(buffer).cast("B"))
        self.received_end = True
        return 0

    def try_send(self, data: memoryview) -> int | None:
        if not self.peer_name:
            raise OSError(errno.EDESTADDRREQ, "the sender has no name that it is answered at")
        try:
            return self.sock.sendmsg([data], self.source, SEND_FLAGS, self.peer_name)
        except BlockingIOError:
            return None

    def blocking_send(self) -> None:
        """Return None: whoever listens at the socket must not wait, so it never does."""

    def shut_down(self) -> None:
        """Do nothing: our last answer has no end that could be told."""

    def interrupt(self) -> None:
        """Do nothing: no receive waits."""

    def close_now(self) -> None:
        self.sock.close()

    def abort(self) -> None:
        self.sock.close()

    def fileno(self) -> int:
        """Return -1; see `no_descriptor`."""
        return -1


class QuestionAcceptor(Acceptor):
    """Sockets of datagrams, each of which is accepted by itself.

    Attributes:
      arrival: the next one, while nothing is left to accept it with.
      sorting: held by whoever takes one; again by a signal's handler that closes.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], address: Address, limits: Limits, **how: Any
    ) -> None:
        self.arrival: Arrival | None = None
        self.sorting = threading.RLock()
        for sock in sockets:
            if sock.family != socket.AF_UNIX:
                tell_destination(sock)
        super().__init__(sockets, address, limits=limits, **how)

    def try_accept(self) -> Stream | None:
        """Return the next datagram as a stream; None if there is none, or no room for one."""
        with self.sorting:
            self.check_open()
            self.bell.hush()
            while not self.full and (arrival := self.arrival or self.receive()):
                self.arrival = arrival
                stream = self.admitted_question(arrival)
                self.arrival = None
                if stream is not None:
                    return stream
        return None

    def receive(self) -> Arrival | None:
        """Take the next datagram out of the queues; None if there is none."""
        for listener in self.sockets:
            with contextlib.suppress(BlockingIOError):
                while (arrival := receive_one(listener)) is None:
                    pass
                return arrival
        return None

    def admitted_question(self, arrival: Arrival) -> Question | None:
        """Return the stream of *arrival*; None if its sender is not let in."""
        slot: Slot | None = None
        if self.admission is not None:
            slot = self.admission.admit(arrival.peer)
            if slot is None:
                return None
        try:
            sock = arrival.listener.dup()
        except BaseException:
            if slot is not None:
                slot.release()
            raise
        return Question(sock if slot is None else CountedSocket.take(sock, slot), arrival)


def receive_one(listener: socket.socket) -> Arrival | None:
    """Receive one datagram, also one whose sender has no name if that is a process here.

    Raises:
      BlockingIOError: there is none.
    """
    if listener.family != socket.AF_UNIX:
        return receive_from(listener)
    data, peer = listener.recvfrom(MAX_DATAGRAM, RECV_FLAGS)
    return Arrival(data, peer, listener, "")


def source_of(sock: socket.socket, local: str) -> list[tuple[int, int, bytes]]:
    """Return what sends from the address *local*, where *sock* has several; ip(7), ipv6(7)."""
    if not local or local in WILDCARDS or sock.getsockname()[0] not in WILDCARDS:
        return []
    packed = socket.inet_pton(sock.family, local)
    if sock.family == socket.AF_INET6:  # struct in6_pktinfo: address, interface
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + bytes(4))]
    # struct in_pktinfo: interface, local address, one that only tells.
    return [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("i4s4s", 0, packed, bytes(4)))]
