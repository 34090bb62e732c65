"""Two sockets, each of which gets what the other one says, by callbacks of a loop."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, ClassVar, Generic, TypeGuard, TypeVar

from fildes.relaying.socket_half import SocketHalf
from fildes.streams.buffers import buffers_here
from fildes.streams.kernel import RECV_FLAGS, SocketStream, acknowledge
from fildes.streams.relay import first_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.streams.stream import Stream

Owner = TypeVar("Owner")


class Pair(Generic[Owner]):
    """Two sockets that are copied both ways until each has sent its end of file.

    Attributes:
      there, back: from left to right, and from right to left.
      gives_way: after a silence it may end in order, for somebody who waits.
    """

    half: ClassVar[type[SocketHalf]] = SocketHalf
    gives_way: ClassVar[bool] = False

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
        half = self.half
        self.there = there = half(self, left, right)
        self.back = back = there.other = half(self, right, left)
        back.other = there
        self.seen, self.since = 0, loop.now

    def start(self) -> None:
        """Begin with what is there: who connects has often said something."""
        there = self.there
        there.move()
        if not there.copied:
            acknowledge(there.sink)
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
        if (
            ((there.ended or there.error is not None) and (back.ended or back.error is not None))
            or there.lost
            or back.lost
        ):
            self.finish()
        else:
            there.watch(self.loop)
            back.watch(self.loop)

    def stop(self) -> None:
        """Copy no more; nobody is told, and both sockets have to be closed."""
        there, back, drop = self.there, self.back, self.loop.handlers.pop
        drop(there.fd, None)  # as `Loop.drop`, which looks after regular files as well
        drop(back.fd, None)
        there.watched = back.watched = 0
        if there.much or back.much:
            there.release()
            back.release()
        # Without the circles their memory is free at once.
        del there.other, back.other, there.pair, back.pair

    def part(self) -> bool:
        """Copy no more, because both sides have been silent for long; False if they are not."""
        self.stop()
        return True

    def finish(self) -> None:
        """Say that it is over."""
        self.stop()
        there, back = self.there, self.back
        complete = there.error is None and back.error is None
        self.done(self.owner, None if complete else first_error([there, back]))


def is_socket(stream: Stream | None) -> TypeGuard[SocketStream]:
    """Tell whether `Pair` copies *stream*."""
    return type(stream) is SocketStream


def says_something(sock: socket.SocketType) -> bool:
    """Tell whether a receive would not wait; what it would receive is left there."""
    try:
        sock.recv(1, RECV_FLAGS | socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:  # which is something to learn as well
        pass
    return True
