"""Two sockets, each of which gets what the other one says, by callbacks of a loop.

What `fildes.streams.relay.copy` does for any two streams, this does for two sockets of
the kernel, in as few steps as there can be: whoever is ready is received from, and what
came is sent on, before anything else is looked at. A direction whose sink takes no more
waits for that sink alone; a socket that nothing is wanted of is not watched, since
epoll(7) would tell of its end again and again.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, cast

from fildes.streams.buffers import Buffers, buffers_here
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream
from fildes.streams.relay import Half, first_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.streams.stream import Stream

IN, OUT = select.EPOLLIN, select.EPOLLOUT

#: Whoever is ready for anything but sending has something to say, be it an error.
SAYS = ~OUT

#: Whoever is ready for sending, or in trouble, may be sent to.
TAKES = OUT | select.EPOLLERR | select.EPOLLHUP


class SocketHalf(Half):
    """One direction between two sockets; as `Half`, without asking their streams."""

    __slots__ = ("recv_into", "send_some")

    def __init__(self, source: SocketStream, sink: SocketStream) -> None:
        super().__init__(source, sink)
        self.recv_into = source.sock.recv_into
        self.send_some = sink.sock.send

    def advance(self, buffers: Buffers) -> bool:
        """Do what can be done now; see `Half`."""
        if self.left is not None:
            return self.send_left(self.left, buffers)
        view = buffers.view
        try:
            received = self.recv_into(view, 0, RECV_FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            self.error, self.lost = error, True
            return True
        if not received:
            return self.end()
        data = view[:received]
        try:
            sent = self.send_some(data, SEND_FLAGS)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.error = error
            return True
        self.copied += sent
        if sent != received:
            self.left = buffers.keep(data[sent:])
        return True

    def end(self) -> bool:
        """Take the end of file, unless the stream knows that it is none."""
        source = cast("SocketStream", self.source)
        try:
            source.try_recv_into(memoryview(bytearray(1)))
        except OSError as error:
            self.error, self.lost = error, True
        else:
            self.ended = True
        return True


class Pair:
    """Two sockets that are copied both ways until each has sent its end of file.

    Attributes:
      there, back: from left to right, and from right to left.
      touched: the moment at which something moved last; of the loop.
    """

    __slots__ = ("back", "buffers", "done", "left_fd", "loop", "right_fd", "there", "touched")

    def __init__(
        self,
        loop: Loop,
        left: SocketStream,
        right: SocketStream,
        done: Callable[[Pair, Exception | None], None],
    ) -> None:
        """Prepare; `start` begins.

        Args:
          done: called once, when nothing is copied any more; with an error if a
            direction was cut short. Both streams are then the caller's to end.
        """
        self.loop = loop
        self.done = done
        self.buffers = buffers_here()
        self.left_fd, self.right_fd = left.sock.fileno(), right.sock.fileno()
        self.there, self.back = SocketHalf(left, right), SocketHalf(right, left)
        self.touched = loop.now

    def start(self) -> None:
        """Begin with what is there: who connects has often said something."""
        if self.there.left is not None or self.there.advance(self.buffers):
            self.settle()
        else:
            self.loop.watch(self.left_fd, IN, self.left_ready)
            self.loop.watch(self.right_fd, IN, self.right_ready)

    def left_ready(self, fd: int, events: int) -> None:
        """Go on with what *events* of the left socket allow."""
        self.ready(events, self.there, self.back)

    def right_ready(self, fd: int, events: int) -> None:
        """Go on with what *events* of the right socket allow."""
        self.ready(events, self.back, self.there)

    def ready(self, events: int, out: Half, into: Half) -> None:
        """Go on: the source of *out*, which is the sink of *into*, is ready."""
        waits = out.left is not None or out.ended or out.error is not None
        if events & SAYS and not waits and out.advance(self.buffers):
            self.touched = self.loop.now
            if out.left is not None or out.ended or out.error is not None:
                self.settle()
                return
        if events & TAKES and into.left is not None and into.advance(self.buffers):
            self.touched = self.loop.now
            self.settle()

    def settle(self) -> None:
        """See to ends and errors, then watch for what is wanted next."""
        for half in (self.there, self.back):
            if half.lost:
                self.finish()
                return
        self.pass_on(self.there)
        self.pass_on(self.back)
        if not self.there.running and not self.back.running:
            self.finish()
            return
        self.watch(self.left_fd, self.there, self.back, self.left_ready)
        self.watch(self.right_fd, self.back, self.there, self.right_ready)

    def pass_on(self, half: Half) -> None:
        """Half-close the sink of a direction that has just ended."""
        if half.ended and not half.passed_on:
            passing = half.pass_on_end()
            try:
                passing.send(None)
            except StopIteration:  # shutdown(2) does not wait
                return
            raise AssertionError("a socket's half_close never waits")

    def watch(self, fd: int, out: Half, into: Half, handler: Callable[[int, int], None]) -> None:
        """Watch one socket for what both directions want of it."""
        wanted = IN if out.running and out.left is None else 0
        if into.left is not None and into.error is None:
            wanted |= OUT
        if wanted:
            self.loop.watch(fd, wanted, handler)
        else:
            self.loop.forget(fd)

    def stop(self) -> None:
        """Copy no more; nobody is told."""
        self.loop.forget(self.left_fd)
        self.loop.forget(self.right_fd)

    def finish(self) -> None:
        """Say that it is over."""
        self.stop()
        self.done(self, first_error([self.there, self.back]))


def is_socket(stream: Stream) -> bool:
    """Tell whether `Pair` copies *stream*."""
    return type(stream) is SocketStream
