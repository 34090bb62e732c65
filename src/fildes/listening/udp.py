"""Listening for datagrams: each peer becomes a conversation, with a socket of its own.

A conversation is a connected socket, so that the kernel sorts the datagrams and its
descriptor is a genuine one. Three kinds of datagrams need care:

* Those that have come before the socket was connected wait in the listener's queue.
  They are taken out and given to the conversation, which hands them out first. One that
  was on its way to the listener on another processor comes there later: the conversation
  looks for it, too, as long as it is new, and whoever waits for it is woken.
* Those that come between bind(2) and connect(2) go to the new socket whoever sent
  them. What is not its peer's goes back to the listener, as what came next. A datagram
  may be on its way to the socket on another processor meanwhile, so that is looked for
  again when the conversation has received what came before; and until all must be there
  and the queue was seen empty, whoever receives looks whose each one is.
* Those of a peer whose conversation was closed begin another one. A relay that ends one
  after a silence also gives back what came between its last look and the close, for it may
  be of another sender, which has got the port of one that has gone.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from fildes.address import Address
from fildes.listening.accepting import Acceptor
from fildes.listening.admission import CountedSocket
from fildes.listening.arrivals import Arrival, receive_from, tell_destination
from fildes.listening.conversation import MOST_AHEAD, Conversation
from fildes.listening.options import limits_of
from fildes.listening.tcp import also_ipv4, listen_at
from fildes.listening.troubles import PASSING
from fildes.opening import groups
from fildes.opening.opening import Target
from fildes.opening.socket_options import Place, preparation
from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fildes.listening.admission import Limits
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest


async def listen(opening: Opening, address: Address) -> Acceptor:
    """Receive datagrams where *address* says, with its options."""
    limits = limits_of(opening, address)
    given = opening.given(address)
    set_options, choose = preparation(opening, address), groups.sending(opening, address)
    joined = groups.memberships(opening, address)
    if groups.is_group(address.host):
        joined.append(groups.membership(address.host, given.get("multicast-if") or ""))

    def prepare(sock: socket.SocketType) -> None:
        set_options(sock)
        choose(sock)

    def start(sock: socket.socket, sockaddr: Any) -> None:
        prepare(sock)
        if joined:  # others on this machine may hear the group, too
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if given.get("interface"):
            Place("", 0, given["interface"]).take(sock)
        if given["reuseport"]:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sockaddr is not None:
            sock.bind(sockaddr)

    place = Target(address.host, opening.port_of(address))
    with contextlib.ExitStack() as undo:
        both = also_ipv4(opening, address)
        kind = socket.SOCK_DGRAM
        found = await listen_at(opening, place, socket.AF_UNSPEC, start, kind, also_ipv4=both)
        sockets = [undo.enter_context(sock) for sock in found]
        groups.join_all(joined, list(sockets))
        host, port = sockets[0].getsockname()[:2]
        real = Address("udp", host=address.host or host, port=port)
        acceptor = (
            each_by_itself(sockets, real, limits)
            if given["each"]
            else UdpAcceptor(sockets, real, limits, prepare, joined=bool(joined))
        )
        acceptor.idle_timeout = opening.option(address, "idle-timeout") or None
        undo.pop_all()
    return acceptor


def each_by_itself(sockets: Sequence[socket.socket], address: Address, limits: Limits) -> Acceptor:
    """Return what accepts each datagram by itself, and knows no conversations."""
    from fildes.listening.each import QuestionAcceptor

    return QuestionAcceptor(sockets, address, limits)


class UdpAcceptor(Acceptor):
    """Sockets that receive what belongs to no conversation yet.

    Attributes:
      joined: they hear multicast groups. What is sent there never goes to the socket of a
        conversation, though it be its peer's.
      sorting: held by whoever takes datagrams out of the queues, so that those of one
        sender keep their order; again by a signal's handler that closes.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        address: Address,
        limits: Limits,
        prepare: Callable[[socket.socket], None],
        *,
        joined: bool = False,
    ) -> None:
        self.joined = joined
        self.sorting = threading.RLock()
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
        with self.sorting:
            self.check_open()
            self.bell.hush()
            return self.accept_now(self.receive)

    def try_accept_last(self) -> Stream | None:
        """Return the conversation with one whose datagrams are here; None if there are no more.

        Nobody else could have them, as what is in the queues. Those for whom there is no
        room now are lost.
        """
        with self.sorting:
            return None if self.closed else self.accept_now(self.take_back)

    def accept_now(self, receive: Callable[[], None]) -> Stream | None:
        """Return the conversation with a peer that is new; the caller sorts.

        Args:
          receive: gets what there may be beside what is here.
        """
        if self.joined and self.full:
            receive()
        while self.admission is None or not self.admission.full:
            if not self.arrivals:
                receive()
            if not self.arrivals:
                break
            stream = self.handle(self.arrivals[0])
            self.arrivals.popleft()
            if stream is not None:
                # What else this peer has sent before, in its order.
                self.arrivals = deque(each for each in self.arrivals if not self.deliver(each))
                receive()
                stream.early += stream.after
                return stream
        return None

    def receive(self) -> None:
        """Take out of the queues what there is, and give it to those conversations that are."""
        self.take_back()
        for listener in self.sockets:
            most = MOST_AHEAD if self.joined else MOST_AHEAD - len(self.arrivals)
            with contextlib.suppress(BlockingIOError):
                for _ in range(most):
                    arrival = receive_from(listener)
                    if arrival is None or self.deliver(arrival):
                        continue
                    if len(self.arrivals) < MOST_AHEAD:  # else it is lost, as in a full queue
                        self.arrivals.append(arrival)

    def take_back(self) -> None:
        """Take what conversations have given back, and give it to those conversations that are."""
        while self.given_back:
            given = self.given_back.popleft()
            if not self.deliver(given):
                self.arrivals.append(given)

    def wants(self) -> Interest:
        """Return what to wait for; as `Acceptor.wants`, but conversations may get more."""
        wanted = super().wants()
        return {**wanted, **self.sockets_to_read()} if self.joined else wanted

    def sockets_to_read(self) -> Interest:
        """Return what tells that something has come to the listener."""
        return {sock.fileno(): READ for sock in self.sockets}

    def look(self) -> None:
        """Let conversations have what has come for them; wake who accepts for the rest."""
        with self.sorting:
            if self.closed or (len(self.arrivals) >= MOST_AHEAD and not self.joined):
                return
            self.receive()
            if self.arrivals:
                self.wake()

    def deliver(self, arrival: Arrival) -> bool:
        """Give *arrival* to the conversation that it belongs to; False if there is none."""
        conversation = self.conversations.get(arrival.peer)
        if conversation is None or conversation.over:
            return False
        conversation.take(arrival.data)
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
            groups.hear_no_others(sock)  # it would get what goes to the listener, again
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
        self.shared, self.outlived = False, True
        while number and self.sockets:
            self.sockets.pop().close()

    def is_crowded(self) -> bool:
        return self.full and (bool(self.arrivals) or super().is_crowded())

    def turn_away(self) -> None:
        """Drop one datagram: there is nothing to answer it with."""
        with self.sorting:
            self.receive()
            if self.arrivals:
                self.arrivals.popleft()

    def close(self) -> None:
        """Receive no more; conversations go on, with what has come for them.

        What is in the queues others may get who have the sockets, too.
        """
        with self.sorting:
            if self.conversations and not self.outlived:
                with contextlib.suppress(OSError):  # EBADF the second time
                    self.receive()
            super().close()


#: Errors of connect(2) that say that a datagram's sender cannot be answered.
UNREACHABLE = PASSING | {errno.EINVAL, errno.EACCES, errno.EADDRNOTAVAIL}
