"""One direction between two sockets: whoever is ready is received from, and that is sent on.

What `fildes.streams.relay.copy` does for any two streams, this does for two sockets of the
kernel, in as few steps as there can be, and before anything else is looked at. A direction
whose sink takes no more waits for that sink alone; a socket that nothing is wanted of is
not watched, since epoll(7) would tell of its end again and again.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING, Any

from fildes.streams.delivering import INTERNET
from fildes.streams.half import Half
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream, reset

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop
    from fildes.relaying.pair import Pair
    from fildes.streams.pipes import Pipe

IN, OUT, RDHUP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLRDHUP

#: A socket of the internet is told of once, until more comes: less received than there was
#: room for is all that there was; epoll(7), question 9.
EDGES = select.EPOLLET

#: Unless an end stands behind it, or the mark of urgent data; so that is asked for, too.
ALL = IN | select.EPOLLPRI | RDHUP

#: Whoever is ready for anything but sending has something to say, be it an error.
SAYS = ~OUT

#: Whoever is ready for sending, or in trouble, may be sent to.
TAKES = OUT | select.EPOLLERR | select.EPOLLHUP

#: More is going to be sent at once; send(2). What would be less than a packet waits for it.
MORE = SEND_FLAGS | socket.MSG_MORE

#: Received at once, this is much: some of it waited, more than the first window of a sender.
MUCH = 131072  # tcp_rmem of tcp(7), its default

#: So often much has to come before a direction is made for it.
STREAK = 8  # arbitrary


class SocketHalf(Half):
    """One direction between two sockets; as `Half`, without asking their streams.

    Attributes:
      fd: of the source.
      other: the other direction, whose sink the source is.
      watched: the events that the source is watched for.
      flags: of send(2).
      edges: `EDGES`, or 0 if it is told of as long as something is there.
      says: what to watch the source for while it is to say something.
      pipe: of a `SplicedHalf`, what the sink has not yet taken.
    """

    __slots__ = (
        "buffers",
        "edges",
        "fd",
        "flags",
        "from_sock",
        "other",
        "pair",
        "pipe",
        "says",
        "to_sock",
        "watched",
    )

    source: SocketStream
    sink: SocketStream
    other: SocketHalf
    pipe: Pipe

    def __init__(self, pair: Pair[Any], source: SocketStream, sink: SocketStream) -> None:
        Half.__init__(self, source, sink)  # in fewer steps than by super()
        self.pair, self.buffers = pair, pair.buffers
        self.from_sock = sock = source.sock
        self.to_sock = sink.sock
        self.fd = sock.fileno()
        self.says, self.edges = (ALL, EDGES) if sock.family in INTERNET else (IN, 0)
        self.flags = SEND_FLAGS
        self.watched = 0

    def ready(self, fd: int, events: int) -> None:
        """Go on with what *events* of the source allow."""
        watched = self.watched
        if events == IN and watched & IN:  # as nearly always
            if self.move():
                self.pair.settle()
        elif not watched:  # it could not wait until the pair had ended
            self.pair.loop.forget(fd)
        elif (events & SAYS and watched & IN and self.move_all(events)) or (
            watched & OUT and events & TAKES and self.other.move()
        ):
            self.pair.settle()

    def move_all(self, events: int) -> bool:
        """Receive what is behind what was received, too; as `move`.

        Bytes behind which an end of file has come go out in one packet with the end.
        """
        if not self.edges:  # it will be told of the rest
            return self.move()
        if events & RDHUP:
            self.flags = MORE
        before = self.copied
        while not (told := self.move()) and before != self.copied:
            before = self.copied
        if events & RDHUP and not self.ended:  # else an end has gone out behind the bytes
            self.flags = SEND_FLAGS
            uncork(self.to_sock)
        return told

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        if self.left is not None:
            return self.send_left(self.left, self.buffers)
        view = self.buffers.view
        try:
            received = self.from_sock.recv_into(view, 0, RECV_FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            self.error, self.lost = error, True
            return True
        if not received:
            return self.end()
        data = view[:received]
        try:
            sent = self.to_sock.send(data, self.flags)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.fail(error)
            return True
        self.copied += sent
        if received > MUCH:
            self.count_much()
        if sent == received:
            return not self.watched  # but it is to be
        self.left = self.buffers.keep(data[sent:])
        return True

    def fail(self, error: OSError) -> None:
        """Be cut short by the sink."""
        self.error = error
        if isinstance(error, ConnectionResetError):
            self.sink.was_reset = True  # as `try_send` has it

    def count_much(self) -> None:
        """Let a direction through which much flows go past this process."""
        self.much += 1
        if self.much >= STREAK:
            from fildes.relaying.splicing import splice_from_now  # few need it

            splice_from_now(self)
        if self.edges:  # there may be more, of which no edge tells
            self.says, self.edges, self.watched = IN, 0, 0

    def release(self) -> None:
        """Give up what the kernel holds for a `SplicedHalf`."""

    def end(self) -> bool:
        """Pass on the end of file, unless the stream knows that it is none."""
        source = self.source
        if source.was_reset:
            self.error, self.lost = reset(), True
        else:
            self.ended = source.received_end = True
            self.tell_end()
        return True

    def tell_end(self) -> None:
        """Half-close the sink of a direction that has ended; as `pass_on_end`.

        An end of a codec that does not go out now goes out later.
        """
        self.passed_on = True
        try:
            self.sink.shut_down()
        except OSError as error:
            self.error = error

    def watch(self, loop: Loop) -> None:
        """Watch the source for what both directions want of it.

        Where nothing is wanted, epoll(7) is told when it asks for the first time: most
        of those who have said their end are closed before.
        """
        wanted = self.says if self.left is None and not self.ended and self.error is None else 0
        other = self.other
        if other.left is not None and other.error is None:
            wanted |= OUT
        if wanted == self.watched:
            return
        self.watched = wanted
        if wanted:
            loop.watch(self.fd, wanted | self.edges, self.ready)


def uncork(sock: socket.SocketType) -> None:
    """Let *sock* send what waits for more, none of which comes."""
    with contextlib.suppress(OSError):  # it is over
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
