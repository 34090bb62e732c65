"""Two sockets, each of which gets what the other one says, by callbacks of a loop.

What `fildes.streams.relay.copy` does for any two streams, this does for two sockets of
the kernel, in as few steps as there can be: whoever is ready is received from, and what
came is sent on, before anything else is looked at. A direction whose sink takes no more
waits for that sink alone; a socket that nothing is wanted of is not watched, since
epoll(7) would tell of its end again and again.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeGuard, TypeVar, cast

from fildes.streams.buffers import buffers_here
from fildes.streams.delivering import INTERNET
from fildes.streams.half import Half
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream, reset, says_something
from fildes.streams.relay import first_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.streams.pipes import Pipe
    from fildes.streams.stream import Stream

Owner = TypeVar("Owner")

IN, OUT = select.EPOLLIN, select.EPOLLOUT

#: A socket of the internet is told of once, until more comes: less received than there was
#: room for is all that there was; epoll(7), question 9.
EDGES = select.EPOLLET

#: Unless an end stands behind it, or the mark of urgent data; so that is asked for, too.
ALL = IN | select.EPOLLPRI | select.EPOLLRDHUP

#: Whoever is ready for anything but sending has something to say, be it an error.
SAYS = ~OUT

#: Whoever is ready for sending, or in trouble, may be sent to.
TAKES = OUT | select.EPOLLERR | select.EPOLLHUP


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
      edges: `EDGES`, or 0 if it is told of as long as something is there.
      says: what to watch the source for while it is to say something.
      pipe: of a `SplicedHalf`, what the sink has not yet taken.
    """

    __slots__ = (
        "buffers",
        "edges",
        "fd",
        "from_sock",
        "other",
        "pair",
        "pipe",
        "says",
        "to_sock",
        "watched",
    )

    other: SocketHalf
    pipe: Pipe

    def __init__(self, pair: Pair[Any], source: SocketStream, sink: SocketStream) -> None:
        super().__init__(source, sink)
        self.pair, self.buffers = pair, pair.buffers
        self.from_sock, self.to_sock = source.sock, sink.sock
        self.fd = source.sock.fileno()
        self.says, self.edges = (ALL, EDGES) if source.sock.family in INTERNET else (IN, 0)
        self.watched = 0

    def ready(self, fd: int, events: int) -> None:
        """Go on with what *events* of the source allow."""
        watched = self.watched
        if events == IN and watched & IN:  # as nearly always
            if self.move():
                self.pair.settle()
        elif not watched:  # it could not wait until the pair had ended
            self.pair.loop.forget(fd)
        elif (events & SAYS and watched & IN and (self.move() or self.go_on())) or (
            watched & OUT and events & TAKES and self.other.move()
        ):
            self.pair.settle()

    def go_on(self) -> bool:
        """Receive what is behind what was received; as `move`."""
        before = -1 if self.edges else self.copied  # without edges it will be told of
        while before != self.copied:
            before = self.copied
            if self.move():
                return True
        return False

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
            sent = self.to_sock.send(data, SEND_FLAGS)
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
            cast("SocketStream", self.sink).was_reset = True  # as `try_send` has it

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
        """Take the end of file, unless the stream knows that it is none."""
        source = cast("SocketStream", self.source)
        if source.was_reset:
            self.error, self.lost = reset(), True
        else:
            self.ended = source.received_end = True
        return True

    def tell_end(self) -> None:
        """Half-close the sink of a direction that has ended; as `pass_on_end`."""
        self.passed_on = True
        try:
            cast("SocketStream", self.sink).shut_down()
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


class Pair(Generic[Owner]):
    """Two sockets that are copied both ways until each has sent its end of file.

    Attributes:
      there, back: from left to right, and from right to left.
    """

    half: ClassVar[type[SocketHalf]] = SocketHalf

    __slots__ = ("back", "buffers", "done", "loop", "owner", "seen", "since", "there")

    def __init__(
        self,
        loop: Loop,
        left: SocketStream,
        right: SocketStream,
        done: Callable[[Owner, Exception | None], None],
        owner: Owner,
    ) -> None:
        """Prepare; `start` begins.

        Args:
          done: called once with the *owner*, when nothing is copied any more, and with
            an error if a direction was cut short. Both streams are then to be ended.
        """
        self.owner = owner
        self.loop = loop
        self.done = done
        self.buffers = buffers_here()
        self.there = there = self.half(self, left, right)
        self.back = there.other = self.half(self, right, left)
        self.back.other = there
        self.seen, self.since = 0, loop.now

    def start(self) -> None:
        """Begin with what is there: who connects has often said something."""
        self.there.move()
        self.settle()

    @property
    def moved(self) -> int:
        """What grows with each step."""
        return self.there.copied + self.back.copied

    def silence(self) -> float:
        """Return for how many seconds nothing has moved, as far as those know who ask."""
        moved, now = self.moved, self.loop.now
        if moved != self.seen:
            self.seen, self.since = moved, now
        return now - self.since

    def is_addressed(self) -> bool:
        """Tell whether something has come that nobody has received yet.

        Whoever ends a silence has to ask: it would be lost, and a datagram's sender not told.
        """
        return any(
            half.left is None and half.running and says_something(half.from_sock)
            for half in (self.there, self.back)
        )

    def settle(self) -> None:
        """See to ends and errors, then watch for what is wanted next."""
        there, back = self.there, self.back
        if there.lost or back.lost:
            self.finish()
            return
        if there.ended and not there.passed_on:
            there.tell_end()
        if back.ended and not back.passed_on:
            back.tell_end()
        if not there.running and not back.running:
            self.finish()
            return
        there.watch(self.loop)
        back.watch(self.loop)

    def stop(self) -> None:
        """Copy no more; nobody is told, and both sockets have to be closed."""
        there, back = self.there, self.back
        self.loop.drop(there.fd)
        self.loop.drop(back.fd)
        there.watched = back.watched = 0
        if there.much or back.much:
            there.release()
            back.release()
        # Without the circles their memory is free at once.
        del there.other, back.other, there.pair, back.pair

    def part(self) -> None:
        """Copy no more, because both sides have been silent for long enough."""
        self.stop()

    def finish(self) -> None:
        """Say that it is over."""
        self.stop()
        there, back = self.there, self.back
        complete = there.error is None and back.error is None
        self.done(self.owner, None if complete else first_error([there, back]))


def is_socket(stream: Stream | None) -> TypeGuard[SocketStream]:
    """Tell whether `Pair` copies *stream*."""
    return type(stream) is SocketStream
