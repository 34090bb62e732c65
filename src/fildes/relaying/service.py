"""Whoever connects at one place is connected to another one: a forwarder.

Everything happens in one loop. What a connection needs before bytes can flow (handshakes,
resolving, connecting, proxies) is a task of its own, so nobody waits for anybody else. Two
sockets are then copied by a `Pair`, anything else by the protocol code of `fildes.relay`.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from fildes.errors import failure_of, forget_frames
from fildes.relaying.brief import be_brief, can_be_brief
from fildes.relaying.connection import Connection, Observer, close_both, close_sockets
from fildes.relaying.entrance import entrance_of
from fildes.relaying.gate import Gate
from fildes.relaying.greeting import Greeter
from fildes.relaying.pair import Pair
from fildes.relaying.pairing import pair_for
from fildes.relaying.shortage import Shortage
from fildes.relaying.sweeping import Sweeper
from fildes.streams.delivering import delivered
from fildes.streams.half import Half
from fildes.streams.kernel import acknowledge
from fildes.streams.relay import copy_and_leave
from fildes.streams.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.waiting import Protocol

    #: Opens the other side of a client's stream: returns it, or the protocol that will.
    Opener = Callable[[Stream], Stream | Protocol[Stream]]

T = TypeVar("T")

#: Seconds that the end of a connection may take: a peer under TLS has to say its last word.
CLOSE_TIMEOUT = 10.0  # arbitrary


class Service:
    """A forwarder in a loop.

    Attributes:
      connections: those that are there.
      accepted, refused: how many there were.
      failed: how many ended with an error, by the step in which it happened.
      moved: bytes there and back of all connections that are over.
      plain: callbacks may copy what flows.
    """

    def __init__(
        self,
        loop: Loop,
        acceptor: Acceptor,
        open_far: Opener,
        observer: Observer | None = None,
        *,
        timeout: float | None = 30.0,
        idle_timeout: float | None = None,
        eof: str = "propagate",
        plain: bool = True,
        prepare: Callable[[Connection, Stream, Stream], tuple[Stream, Stream]] | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        """Begin to accept as soon as *loop* runs.

        Args:
          acceptor: where clients come from; closed by `drain` and `close`.
          open_far: see `Opener`.
          timeout: seconds that this may take; None for no limit.
          idle_timeout: seconds without a byte in either direction.
          eof: what an end of file does; see `copy_and_leave`.
          plain: whether what flows is neither changed nor looked at.
          prepare: returns the streams to copy between, made of near and far.
          numbers: what connections are counted with; from 1 on, if left out.
        """
        self.loop, self.acceptor, self.open_far = loop, acceptor, open_far
        self.observer = observer or Observer()
        self.timeout, self.idle_timeout, self.eof = timeout, idle_timeout, eof
        self.plain = plain and eof == "propagate"
        self.prepare = prepare
        self.numbers = numbers or count(1)
        self.connections: set[Connection] = set()
        self.accepted = self.refused = 0
        self.failed: Counter[str] = Counter()
        self.moved = [0, 0]
        acceptor.refused = self.refuse
        self.greeter, self.sweeper, self.shortage = Greeter(self), Sweeper(self), Shortage(self)
        loop.waiting.counts.add(self.count_moved)
        self.gate = Gate(loop, acceptor, *entrance_of(self), self.shortage.rest)

    @property
    def ended(self) -> bool:
        """Whether nothing is accepted any more and no connection is left."""
        return self.acceptor.closed and not self.connections

    @property
    def totals(self) -> tuple[int, int]:
        """The bytes there and back of all connections so far."""
        there, back = self.moved
        for connection in self.connections:
            copied = connection.copied
            there, back = there + copied[0], back + copied[1]
        return there, back

    def count_moved(self) -> int:
        """Return the bytes both ways of all connections so far."""
        return sum(self.totals)

    def drain(self, timeout: float | None = None) -> None:
        """Accept no more; what is there may go on, for *timeout* seconds or until it is silent."""
        self.gate.close()
        if timeout is not None:
            self.loop.call_at(time.monotonic() + timeout, self.abort)
            self.sweeper.hurry()

    def abort(self) -> None:
        """End all connections at once."""
        for connection in list(self.connections):
            self.finish(connection, ConnectionAbortedError("the relay was told to end"))

    def close(self) -> None:
        """Accept no more, end everything."""
        self.drain()
        self.abort()
        self.greeter.close()
        self.sweeper.close()
        self.shortage.close()
        self.loop.waiting.counts.discard(self.count_moved)

    def enter(self, near: Stream) -> Connection:
        """Put a client on the books."""
        self.accepted += 1
        connection = Connection(next(self.numbers), near, self.loop.now)
        self.connections.add(connection)
        self.observer.accepted(connection)
        return connection

    def begin(self, near: Stream) -> None:
        """Make a client a connection.

        Raises:
          OSError: EMFILE, nobody else can be let in for now.
        """
        connection, fd = self.enter(near), near.fileno()
        self.shortage.enter(connection)
        if self.acceptor.handshake is None:
            self.connect(connection)
        else:
            self.greeter.greet(connection)
        self.shortage.check(fd + 1)

    def connect(self, connection: Connection) -> None:
        """Open the other side of *connection*."""
        try:
            far = self.open_far(connection.near)
        except OSError as error:
            self.not_opened(connection, error)
            return
        if isinstance(far, Stream):
            self.opened(connection, far)
        else:
            self.open(connection, far)

    def open(self, connection: Connection, protocol: Protocol[Stream]) -> None:
        """Go on with *connection* once *protocol* has opened its other side."""

        def opened(far: Stream | None, error: Exception | None) -> None:
            connection.task = None  # it takes memory
            if far is None:
                assert error is not None
                self.not_opened(connection, error)
            else:
                self.opened(connection, far)

        limit = None if self.timeout is None else time.monotonic() + self.timeout
        self.run(connection, protocol, opened, limit)

    def not_opened(self, connection: Connection, error: Exception) -> bool:
        """End a connection whose other side did not open; True, and it waits, if it can."""
        if self.shortage.keeps(connection, error):
            return True
        self.finish(connection, error)
        return False

    def opened(self, connection: Connection, far: Stream) -> None:
        """Begin to copy: the other side is *far*."""
        connection.far = far
        self.shortage.leave(connection)
        self.observer.opened(connection)
        near = connection.near
        if self.prepare is not None:
            acknowledge(far)  # what is made of it may have to ask somebody first
            near, far = connection.near, connection.far = self.prepare(connection, near, far)
        kind = pair_for(near, far) if self.plain else None
        if kind is None:
            self.flow(connection, near, far)
            acknowledge(far)
        elif kind is Pair and can_be_brief(near) and can_be_brief(far):
            be_brief(connection, self)
        else:
            pair = kind(self.loop, near, far, self.pair_ended, connection)  # type: ignore[arg-type]  # as `pair_for` saw
            connection.pair = pair
            pair.start()
            self.sweeper.began(pair)

    def flow(self, connection: Connection, near: Stream, far: Stream) -> None:
        """Let bytes flow both ways, by a task."""
        halves = connection.halves = Half(near, far), Half(far, near)

        def copied(_: None, error: Exception | None) -> None:
            self.finish(connection, self.sweeper.excused(connection, error))

        self.run(connection, copy_and_leave(list(halves), self.eof, self.sweeper.limit), copied)

    def pair_ended(self, connection: Connection, error: Exception | None) -> None:
        """End a connection between two sockets."""
        pair, connection.pair = connection.pair, None
        assert pair is not None  # it says so itself
        connection.halves = pair.there, pair.back
        if error is None:
            self.end(connection)
            return
        # What each of them has said so far is to arrive before the reset does.
        arriving = delivered([half.sink for half in connection.halves], self.idle_timeout)
        self.run(connection, arriving, lambda _, failure: self.finish(connection, error))

    def run(
        self,
        connection: Connection,
        protocol: Protocol[T],
        done: Callable[[T | None, Exception | None], None],
        deadline: float | None = None,
    ) -> None:
        """Run what is next for *connection*, who is ended with it."""
        task = self.loop.spawn(protocol, done, deadline)
        if task is not None:  # else *done* has gone on already
            connection.task = task

    def finish(self, connection: Connection, error: Exception | None) -> None:
        """End both sides: in order, or at once if there is an *error*."""
        if error is not None:
            connection.abort()
            self.greeter.leave(connection)
            self.shortage.leave(connection)
            self.over(connection, error)
        else:
            self.end(connection)

    def end(self, connection: Connection) -> None:
        """End both sides in order."""
        near, far = connection.near, connection.far
        if far is not None and near.closes_at_once and far.closes_at_once:
            self.over(connection, close_sockets(connection, near, far))
        else:
            self.close_both(connection)

    def close_both(self, connection: Connection) -> None:
        """End both sides in order, which takes a while."""

        def closed(_: None, failure: Exception | None) -> None:
            if failure is not None:
                connection.abort()
            self.over(connection, failure)

        self.run(connection, close_both(connection), closed, time.monotonic() + CLOSE_TIMEOUT)

    def over(self, connection: Connection, error: Exception | None) -> None:
        """Take a connection off the books."""
        self.connections.discard(connection)
        there, back = connection.copied
        self.moved[0] += there
        self.moved[1] += back
        if error is not None:
            error = self.blamed(connection, error)
            failure = failure_of(error)
            self.failed["read" if failure is None else failure.step] += 1
        observer = self.observer
        if error is not None or observer.sees_all:
            observer.closed(connection, error)
        if error is not None:
            forget_frames(error)
        if self.shortage.timer is not None:
            self.shortage.stir()

    def blamed(self, connection: Connection, error: Exception) -> Exception:
        """Return *error*, or one that says more of it."""
        return error

    def refuse(self, peer: str | None, reason: Exception) -> None:
        """Count a client that was not let in."""
        self.refused += 1
        self.observer.refused(peer, reason)
