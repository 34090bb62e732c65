"""Listening for datagrams: each peer becomes a conversation, with a socket of its own.

A conversation is a connected socket, so that the kernel sorts the datagrams and its
descriptor is a genuine one. Three kinds of datagrams need care:

* Those that have come before the socket was connected wait in the listener's queue.
  They are taken out and given to the conversation, which hands them out first.
* Those that come between bind(2) and connect(2) go to the new socket whoever sent
  them. What is not its peer's goes back to the listener, as what came next. A datagram
  may be on its way to the socket on another processor meanwhile, so that is looked for
  again when the conversation has received what came before.
* Those of a peer whose conversation was closed begin another one. A relay that ends one
  after a silence also gives back what came between its last look and the close, for it may
  be of another sender, which has got the port of one that has gone.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from fildes.address import Address
from fildes.listening.accepting import PASSING, Acceptor
from fildes.listening.admission import CountedSocket
from fildes.listening.arrivals import Arrival, receive_from, tell_destination
from fildes.listening.options import limits_of
from fildes.listening.tcp import listen_at
from fildes.opening.opening import Target
from fildes.opening.socket_options import Place, preparation
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS
from fildes.streams.stream import MAX_DATAGRAM, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Buffer

    from fildes.listening.admission import Limits
    from fildes.opening.opening import Opening

#: Datagrams taken out of a listener's queue at once.  # arbitrary; by default it holds 212,992 B
MOST_AHEAD = 512


async def listen(opening: Opening, address: Address) -> UdpAcceptor:
    """Receive datagrams where *address* says, with its options."""
    limits = limits_of(opening, address)
    given = opening.given(address)
    prepare = preparation(opening, address)

    def start(sock: socket.socket, sockaddr: Any) -> None:
        prepare(sock)
        if given.get("interface"):
            Place("", 0, given["interface"]).take(sock)
        if given["reuseport"]:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sockaddr is not None:
            sock.bind(sockaddr)

    place = Target(address.host, opening.port_of(address))
    with contextlib.ExitStack() as undo:
        found = await listen_at(opening, place, socket.AF_UNSPEC, start, socket.SOCK_DGRAM)
        sockets = [undo.enter_context(sock) for sock in found]
        host, port = sockets[0].getsockname()[:2]
        real = Address("udp", host=address.host or host, port=port)
        acceptor = UdpAcceptor(sockets, real, limits, prepare)
        acceptor.idle_timeout = opening.option(address, "idle-timeout") or None
        undo.pop_all()
    return acceptor


class UdpAcceptor(Acceptor):
    """Sockets that receive what belongs to no conversation yet."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        address: Address,
        limits: Limits,
        prepare: Callable[[socket.socket], None],
    ) -> None:
        self.prepare = prepare  # sets the options of a conversation's socket
        self.arrivals: deque[Arrival] = deque()
        self.given_back: deque[Arrival] = deque()  # by any thread
        self.conversations: weakref.WeakValueDictionary[Any, Conversation] = (
            weakref.WeakValueDictionary()
        )
        for sock in sockets:
            # After bind(2): another listener at this port is an error; our own
            # conversations, of the same user, are not.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            tell_destination(sock)
        super().__init__(sockets, address, limits=limits)

    def try_accept(self) -> Stream | None:
        """Return the conversation with a peer that is new; None if there is none."""
        self.check_open()
        self.bell.hush()
        while self.admission is None or not self.admission.full:
            if not self.arrivals:
                self.receive()
            if not self.arrivals:
                break
            stream = self.handle(self.arrivals[0])
            self.arrivals.popleft()
            if stream is not None:
                # What else this peer has sent before, in its order.
                self.arrivals = deque(each for each in self.arrivals if not self.deliver(each))
                self.receive()
                stream.early += stream.after
                return stream
        return None

    def receive(self) -> None:
        """Take out of the queues what there is, and give it to those conversations that are."""
        while self.given_back:
            given = self.given_back.popleft()
            if not self.deliver(given):
                self.arrivals.append(given)
        for listener in self.sockets:
            with contextlib.suppress(BlockingIOError):
                for _ in range(MOST_AHEAD - len(self.arrivals)):
                    arrival = receive_from(listener)
                    if arrival is not None and not self.deliver(arrival):
                        self.arrivals.append(arrival)

    def deliver(self, arrival: Arrival) -> bool:
        """Give *arrival* to the conversation that it belongs to; False if there is none."""
        conversation = self.conversations.get(arrival.peer)
        if conversation is None or conversation.over:
            return False
        conversation.early.append(arrival.data)
        if conversation.arrived is not None:
            conversation.arrived()
        return True

    def handle(self, arrival: Arrival) -> Conversation | None:
        """Return the new conversation that *arrival* begins, if it does."""
        if self.deliver(arrival):
            return None
        slot = None
        if self.admission is not None:
            slot = self.admission.admit(arrival.peer)
            if slot is None:  # its next datagram is asked for anew
                return None
        try:
            conversation = self.begin(arrival)
        except BaseException as error:
            if slot is not None:
                slot.release()
            if isinstance(error, OSError) and error.errno in UNREACHABLE:
                return None
            raise
        if slot is not None:
            conversation.sock = CountedSocket.take(conversation.sock, slot)
        self.conversations[arrival.peer] = conversation
        return conversation

    def begin(self, arrival: Arrival) -> Conversation:
        """Connect a socket to the peer of *arrival*, from the address that it has sent to."""
        _, port, *scope = arrival.listener.getsockname()
        sock = socket.socket(arrival.listener.family, socket.SOCK_DGRAM)
        with contextlib.ExitStack() as undo:
            undo.enter_context(sock)
            self.prepare(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                scope = arrival.peer[2:]
            sock.bind((arrival.local, port, *scope))
            sock.connect(arrival.peer)
            conversation = Conversation(sock, self, arrival)
            conversation.sort(self.arrivals)
            undo.pop_all()
        return conversation

    def share(self, number: int, count: int) -> None:
        """Leave the sockets to the first process: one sender's datagrams stay together.

        Two that received from one queue would each begin a conversation with the same
        sender, and the kernel's choice among several queues (SO_REUSEPORT) changes with
        each socket of a conversation, for those are at the same port.
        """
        super().share(0, 1)  # that process has all there is
        self.shared = False
        while number and self.sockets:
            self.sockets.pop().close()

    def turn_away(self) -> None:
        """Drop one datagram: there is nothing to answer it with."""
        self.receive()
        if self.arrivals:
            self.arrivals.popleft()


#: Errors of connect(2) that say that a datagram's sender cannot be answered.
UNREACHABLE = PASSING | {errno.EINVAL, errno.EACCES, errno.EADDRNOTAVAIL}


class Conversation(DatagramStream):
    """The datagrams of one peer.

    Attributes:
      early: those that came before the socket was there, in order; received first.
      after: those that have come to it since, while earlier ones may still wait.
      sorted: nothing of others' can come to the socket any more.
    """

    sorted = False

    def __init__(self, sock: socket.socket, acceptor: UdpAcceptor, first: Arrival) -> None:
        super().__init__(sock)
        self.acceptor, self.first = acceptor, first._replace(data=b"")
        self.early: deque[bytes] = deque([first.data])
        self.after: list[bytes] = []
        self.parted = False

    def sort(self, others: deque[Arrival]) -> None:
        """Append to *others* what others have sent before the socket was connected."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while len(self.after) < MOST_AHEAD:
                data, peer = self.sock.recvfrom(MAX_DATAGRAM, RECV_FLAGS)
                if peer == self.first.peer:
                    self.after.append(data)
                else:
                    others.append(self.first._replace(data=data, peer=peer))

    def sort_again(self) -> None:
        """Sort what was on its way to the socket when it was connected."""
        self.sorted = True
        self.after = []
        others: deque[Arrival] = deque()
        self.sort(others)
        self.early += self.after
        if others and not self.acceptor.closed:
            self.acceptor.given_back += others
            self.acceptor.wake()

    @property
    def over(self) -> bool:
        """Whether the next datagram of the peer begins another conversation."""
        return self.parted or self.sock.fileno() < 0

    def give_back(self) -> None:
        """Let the listener have what comes from now on, and what nobody has received.

        The socket is connected to its own address, from which nobody sends, and so the
        kernel gives it none of the peer's any more. It must not be shared, by dup(2) say.
        """
        self.parted = True
        if self.acceptor.closed:
            return
        if not self.sorted:
            self.sort_again()
        left = list(self.early)
        self.early.clear()
        with contextlib.suppress(OSError):
            self.sock.connect(self.sock.getsockname())
            while True:
                left.append(self.sock.recv(MAX_DATAGRAM, RECV_FLAGS))
        if left:
            self.acceptor.given_back.extend(self.first._replace(data=data) for data in left)
            self.acceptor.wake()

    def receive(self, buffer: Buffer, flags: int = 0) -> int:
        """Receive one datagram into *buffer*; as `DatagramStream.receive`."""
        if self.kept is None and self.early:
            self.kept = self.early.popleft()
            if not self.early and not self.sorted:
                self.sort_again()
        return super().receive(buffer, flags)

    @property
    def holds(self) -> bool:
        return bool(self.early) or self.kept is not None

    def fileno(self) -> int:
        """Return the descriptor; -1 while there are datagrams that are not in it."""
        return -1 if self.holds else super().fileno()
