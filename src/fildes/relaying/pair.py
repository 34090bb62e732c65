"""Two sockets, each of which gets what the other one says, by callbacks of a loop.

What `fildes.streams.relay.copy` does for any two streams, this does for two sockets of
the kernel, in as few steps as there can be: whoever is ready is received from, and what
came is sent on, before anything else is looked at. A direction whose sink takes no more
waits for that sink alone; a socket that nothing is wanted of is not watched, since
epoll(7) would tell of its end again and again.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from fildes.streams.buffers import Buffers, buffers_here
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream, reset
from fildes.streams.relay import Half, first_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.streams.stream import Stream

Owner = TypeVar("Owner")

IN, OUT = select.EPOLLIN, select.EPOLLOUT

#: Whoever is ready for anything but sending has something to say, be it an error.
SAYS = ~OUT

#: Whoever is ready for sending, or in trouble, may be sent to.
TAKES = OUT | select.EPOLLERR | select.EPOLLHUP


class SocketHalf(Half):
    """One direction between two sockets; as `Half`, without asking their streams."""

    __slots__ = ("from_sock", "to_sock")

    def __init__(self, source: SocketStream, sink: SocketStream) -> None:
        super().__init__(source, sink)
        self.from_sock, self.to_sock = source.sock, sink.sock

    def advance(self, buffers: Buffers) -> bool:
        """Do what can be done now; see `Half`."""
        if self.left is not None:
            return self.send_left(self.left, buffers)
        view = buffers.view
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
            self.error = error
            if isinstance(error, ConnectionResetError):
                cast("SocketStream", self.sink).was_reset = True  # as `try_send` has it
            return True
        self.copied += sent
        if sent != received:
            self.left = buffers.keep(data[sent:])
        return True

    def end(self) -> bool:
        """Take the end of file, unless the stream knows that it is none."""
        source = cast("SocketStream", self.source)
        if source.was_reset:
            self.error, self.lost = reset(), True
        else:
            self.ended = source.received_end = True
        return True


class End:
    """One of the two sockets of a pair.

    Attributes:
      out, into: the directions that it is the source and the sink of.
      watched: the events that it is watched for.
    """

    __slots__ = ("fd", "into", "out", "pair", "watched")

    def __init__(self, pair: Pair[Any], fd: int, out: Half, into: Half) -> None:
        self.pair, self.fd = pair, fd
        self.out, self.into = out, into
        self.watched = 0

    def ready(self, fd: int, events: int) -> None:
        """Go on with what *events* allow."""
        pair, out = self.pair, self.out
        if events & SAYS and self.watched & IN and out.advance(pair.buffers):
            pair.touched = pair.loop.now
            if out.left is not None or out.ended or out.error is not None:
                pair.settle()
                return
        if self.watched & OUT and events & TAKES and self.into.advance(pair.buffers):
            pair.touched = pair.loop.now
            pair.settle()

    def watch(self, loop: Loop) -> None:
        """Watch it for what both directions want."""
        wanted = IN if self.out.running and self.out.left is None else 0
        if self.into.left is not None and self.into.error is None:
            wanted |= OUT
        if wanted == self.watched:
            return
        self.watched = wanted
        if wanted:
            loop.watch(self.fd, wanted, self.ready)
        else:
            loop.forget(self.fd)


class Pair(Generic[Owner]):
    """Two sockets that are copied both ways until each has sent its end of file.

    Attributes:
      there, back: from left to right, and from right to left.
      touched: the moment at which something moved last; of the loop.
    """

    __slots__ = ("back", "buffers", "done", "ends", "loop", "owner", "there", "touched")

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
        self.there, self.back = SocketHalf(left, right), SocketHalf(right, left)
        self.ends: tuple[End, ...] = (
            End(self, left.sock.fileno(), self.there, self.back),
            End(self, right.sock.fileno(), self.back, self.there),
        )
        self.touched = loop.now

    def start(self) -> None:
        """Begin with what is there: who connects has often said something."""
        self.there.advance(self.buffers)
        self.settle()

    def settle(self) -> None:
        """See to ends and errors, then watch for what is wanted next."""
        there, back = self.there, self.back
        if there.lost or back.lost:
            self.finish()
            return
        pass_on(there)
        pass_on(back)
        if not there.running and not back.running:
            self.finish()
            return
        for end in self.ends:
            end.watch(self.loop)

    def stop(self) -> None:
        """Copy no more; nobody is told, and both sockets have to be closed."""
        for end in self.ends:
            self.loop.drop(end.fd)
        self.ends = ()  # which know the pair: without the circle its memory is free at once

    def finish(self) -> None:
        """Say that it is over."""
        self.stop()
        self.done(self.owner, first_error([self.there, self.back]))


def pass_on(half: Half) -> None:
    """Half-close the sink of a direction that has just ended."""
    if half.ended and not half.passed_on:
        try:
            half.pass_on_end().send(None)
        except StopIteration:  # shutdown(2) does not wait
            return
        raise AssertionError("the half_close of a socket never waits")


def is_socket(stream: Stream) -> bool:
    """Tell whether `Pair` copies *stream*."""
    return type(stream) is SocketStream
