"""Two tcp sockets to which nothing unusual has happened: a question, an answer, two ends.

That is all that most connections of a relay ever see, so such a one has no streams, no pair
and no halves: it remembers which sockets there are, and how much went each way. It *grows*
into what all others are as soon as there is more: a sink that takes only a part, an error,
urgent data, much at once, somebody who asks.
"""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Any, Protocol

from fildes.relaying.connection import Connection
from fildes.relaying.pair import Pair
from fildes.relaying.socket_half import ALL, EDGES, IN, MORE, RDHUP, SocketHalf
from fildes.streams.delivering import INTERNET
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream, acknowledge_now
from fildes.streams.stream import RECV_SIZE

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop
    from fildes.listening.taking import Taken
    from fildes.streams.stream import Stream

#: Anything else is unusual. Who has been told our end, and has said its own, hangs up.
UNUSUAL = ~(IN | RDHUP | select.EPOLLHUP)


class Owner(Protocol):
    """Who is told of an end: a service."""

    loop: Loop

    def over(self, connection: Connection, error: Exception | None) -> None:
        """Take a connection off the books, whose sockets are closed."""

    def pair_ended(self, connection: Connection, error: Exception | None) -> None:
        """End a connection that has grown; as *done* of `Pair`."""


class Way:
    """One direction of a brief connection.

    Attributes:
      peer: the sockaddr of who is received from.
      copied: bytes that the sink has taken.
      ended: the source has reached its end of file, and the sink was told.
    """

    __slots__ = ("brief", "copied", "ended", "fd", "peer", "sink", "source")

    def __init__(
        self, brief: Brief, source: socket.SocketType, sink: socket.SocketType, peer: Any
    ) -> None:
        self.brief = brief
        self.source, self.sink = source, sink
        self.peer = peer
        self.fd = source.fileno()
        self.copied = 0
        self.ended = False

    def ready(self, fd: int, events: int) -> None:
        """Pass on what has come, with the end if *events* tell of one behind it."""
        if events == IN:  # as nearly always
            flags = SEND_FLAGS
        elif events & UNUSUAL or self.ended:
            self.grow().ready(fd, events)
            return
        else:
            flags = MORE  # the end goes in the same packet
        try:
            data = self.source.recv(RECV_SIZE, RECV_FLAGS)
        except OSError as error:
            self.miss(error)
            return
        if data:
            try:
                sent = self.sink.send(data, flags)
            except OSError as error:
                self.hold(data, 0, error)
                return
            self.copied += sent
            if sent != len(data) or sent == RECV_SIZE:
                self.hold(data, sent)
                return
            if events == IN:
                return
        # There is nothing, or what was less than there was room for is all before the end.
        self.end()

    def miss(self, error: OSError) -> None:
        """Take it that nothing was received."""
        if not isinstance(error, BlockingIOError):
            half = self.grow()
            half.error, half.lost = error, True
            half.pair.settle()

    def hold(self, data: bytes, sent: int, error: OSError | None = None) -> None:
        """Keep what is not yet *sent* of *data*, unless an *error* says that it never is."""
        half = self.grow()
        if error is not None and not isinstance(error, BlockingIOError):
            half.fail(error)
        else:
            if len(data) == RECV_SIZE:  # so there may be more
                half.count_much()
            if sent < len(data):
                half.left = memoryview(data)[sent:]
        half.pair.settle()

    def end(self) -> None:
        """Pass on the end of file."""
        brief = self.brief
        self.ended = True
        if brief.there.ended and brief.back.ended:
            brief.be_over()  # to close is to say an end, too
            return
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            half = self.grow()
            half.end()  # and learn what it is
            half.pair.settle()

    def grow(self) -> SocketHalf:
        """Let the connection grow; return what this direction is then."""
        brief = self.brief
        is_there = brief.there is self
        pair = brief.grow()
        return pair.there if is_there else pair.back

    def become(self, half: SocketHalf, loop: Loop) -> None:
        """Leave everything to *half*."""
        half.copied = self.copied
        half.ended = half.passed_on = half.source.received_end = self.ended
        if self.fd in loop.handlers:
            loop.handlers[self.fd] = half.ready
            half.watched = 0 if self.ended else half.says


class Brief(Connection):
    """A connection that has not grown into a `Connection`, which is more and does more.

    Its streams are made for whoever asks for them.

    Attributes:
      there, back: both directions.
      owner: who is told of its end.
    """

    __slots__ = ()  # an object can only change into one of the same layout

    def __init__(self, number: int, since: float) -> None:
        self.number, self.since = number, since
        self.halves = ()
        self.pair = self.task = None

    def take(self, owner: Owner, near: Taken, far: Taken) -> None:
        """Have two sockets; `begin` begins."""
        (near_sock, near_peer), (far_sock, far_peer) = near, far
        self.owner = owner
        self.there = Way(self, near_sock, far_sock, near_peer)
        self.back = Way(self, far_sock, near_sock, far_peer)

    def begin(self) -> None:
        """Wait for what either side says; `acknowledge` has to be called."""
        there, back = self.there, self.back
        watch = self.owner.loop.watch
        watch(there.fd, ALL | EDGES, there.ready)
        watch(back.fd, ALL | EDGES, back.ready)

    def acknowledge(self) -> None:
        """Let the far side know that it is connected, if the client has nothing to say yet."""
        if type(self) is Brief and not self.there.copied:
            acknowledge_now(self.there.sink)

    @property
    def near(self) -> SocketStream:  # type: ignore[override]  # nobody sets it before it has grown
        """The stream of the client, made now."""
        return SocketStream(self.there.source, self.there.peer)

    @property
    def far(self) -> SocketStream:  # type: ignore[override]  # nobody sets it, either
        """The stream of the other side, made now."""
        return SocketStream(self.back.source, self.back.peer)

    @property
    def copied(self) -> tuple[int, int]:
        return self.there.copied, self.back.copied

    def pair_now(self) -> Pair[Connection]:
        return self.grow()

    def grow(self) -> Pair[Connection]:
        """Remember all that a connection may have to; return what copies from now on."""
        there, back, owner = self.there, self.back, self.owner
        near, far = self.near, self.far
        self.__class__ = Connection  # type: ignore[assignment]  # the layout is the same
        self.near, self.far = near, far  # type: ignore[misc]  # which can be set now
        pair: Pair[Connection] = Pair(owner.loop, near, far, owner.pair_ended, self)
        self.pair = pair
        there.become(pair.there, owner.loop)
        back.become(pair.back, owner.loop)
        # Without the circles their memory is free at once.
        del self.there, self.back, self.owner, there.brief, back.brief
        return pair

    def abort(self) -> None:
        self.grow()
        Connection.abort(self)  # which it is now

    def be_over(self) -> None:
        """Close both sockets in order, and say that it is over."""
        there, back, owner = self.there, self.back, self.owner
        drop = owner.loop.handlers.pop  # as `Loop.drop`, which looks after regular files as well
        drop(there.fd, None)
        drop(back.fd, None)
        error = None
        try:
            back.source.close()
            there.source.close()
        except OSError as failure:
            error = failure
            there.source.close()
        owner.over(self, error)
        del there.brief, back.brief


def can_be_brief(stream: Stream) -> bool:
    """Tell whether a stream that `Pair` copies has nothing to remember."""
    return (
        isinstance(stream, SocketStream)
        and stream.sock.family in INTERNET
        and stream.local_name is None
        and not stream.was_reset
        and not stream.own_congestion
    )


def be_brief(connection: Connection, owner: Owner) -> None:
    """Begin to copy between the streams of *connection*, both of which can be brief."""
    near, far = connection.near, connection.far
    assert isinstance(near, SocketStream)
    assert isinstance(far, SocketStream)
    connection.__class__ = Brief
    assert isinstance(connection, Brief)
    connection.take(owner, (near.sock, near.peer_name), (far.sock, far.peer_name))
    there = connection.there
    connection.begin()
    there.ready(there.fd, IN)  # the client has had the time to say something
    Brief.acknowledge(connection)  # which may be no brief one any more
