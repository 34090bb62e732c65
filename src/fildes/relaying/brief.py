"""Two tcp sockets to which nothing unusual has happened: a question, an answer, two ends.

That is all that most connections of a relay ever see, and a direction that has nothing to
remember begins and ends in half the steps. Both directions *grow* into what all others are
as soon as there is something: a sink that takes only a part, an error, urgent data, much at
once, somebody who asks.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from fildes.relaying.pair import Owner, Pair
from fildes.relaying.socket_half import ALL, EDGES, IN, MORE, MUCH, RDHUP, SocketHalf, uncork
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, acknowledge

if TYPE_CHECKING:
    from fildes.streams.kernel import SocketStream

#: Anything else is unusual. Who has been told our end, and has said its own, hangs up.
UNUSUAL = ~(IN | RDHUP | select.EPOLLHUP)


class BriefHalf(SocketHalf):
    """One direction of a `BriefPair`; it has no more of its attributes than are set here."""

    __slots__ = ()

    pair: BriefPair[Any]
    other: BriefHalf

    def __init__(self, pair: BriefPair[Any], source: SocketStream, sink: SocketStream) -> None:
        self.pair, self.buffers = pair, pair.buffers
        self.source, self.sink = source, sink
        self.from_sock = sock = source.sock
        self.to_sock = sink.sock
        self.fd = sock.fileno()
        self.copied = 0
        self.ended = False

    def ready(self, fd: int, events: int) -> None:
        """Pass on what has come, all of it if *events* do not say that it was bytes alone."""
        flags = SEND_FLAGS
        if events != IN:
            if events & UNUSUAL or self.ended:
                self.pair.grow()
                SocketHalf.ready(self, fd, events)
                return
            flags = MORE  # an end stands behind the bytes
        view = self.buffers.view
        while True:
            try:
                received = self.from_sock.recv_into(view, 0, RECV_FLAGS)
            except OSError as error:
                self.miss(error, flags)
                return
            if not received:
                self.end()
                return
            try:
                sent = self.to_sock.send(view[:received], flags)
            except OSError as error:
                self.hold(view[:received], received, error)
                return
            self.copied += sent
            if sent != received or received > MUCH:
                self.hold(view[sent:received], received)
                return
            if events == IN:
                return

    def miss(self, error: OSError, flags: int) -> None:
        """Take it that nothing was received."""
        if flags == MORE:
            uncork(self.to_sock)
        if not isinstance(error, BlockingIOError):
            self.pair.grow()
            self.error, self.lost = error, True
            self.pair.settle()

    def hold(self, rest: memoryview, received: int, error: OSError | None = None) -> None:
        """Keep the *rest* of what was *received*, unless the sink never takes it for an *error*."""
        self.pair.grow()
        if error is not None and not isinstance(error, BlockingIOError):
            self.fail(error)
        else:
            if received > MUCH:
                self.count_much()
            if rest:
                self.left = self.buffers.keep(rest)
        self.pair.settle()

    def end(self) -> bool:
        """Pass on the end of file, unless the stream knows that it is none."""
        source = self.source
        if source.was_reset:
            self.pair.grow()
            SocketHalf.end(self)
            self.pair.settle()
            return True
        self.ended = source.received_end = True
        try:
            self.sink.shut_down()
        except OSError as error:
            self.pair.grow()
            self.error = error
            self.pair.settle()
        else:
            if self.other.ended:
                self.pair.be_over()
        return True

    def grow(self) -> None:
        """Remember all that a direction may have to."""
        pair, copied, ended = self.pair, self.copied, self.ended
        self.__class__ = SocketHalf  # type: ignore[assignment]  # the layout is the same
        SocketHalf.__init__(self, pair, self.source, self.sink)
        self.copied, self.ended, self.passed_on = copied, ended, ended
        handlers = pair.loop.handlers
        if self.fd in handlers:
            handlers[self.fd] = self.ready
            self.watched = 0 if ended else self.says


class BriefPair(Pair[Owner]):
    """Two tcp sockets."""

    half = BriefHalf
    there: BriefHalf
    back: BriefHalf

    __slots__ = ()

    def start(self) -> None:
        """Begin with what is there: who connects has often said something."""
        there, back, loop = self.there, self.back, self.loop
        there.ready(there.fd, IN)
        if type(there) is not BriefHalf:
            return
        if not there.copied:
            acknowledge(there.sink)
        if not there.ended:
            loop.watch(there.fd, ALL | EDGES, there.ready)
        loop.watch(back.fd, ALL | EDGES, back.ready)

    def grow(self) -> None:
        """Let both directions remember all that they may have to."""
        if type(self.there) is BriefHalf:
            self.there.grow()
            self.back.grow()

    def be_over(self) -> None:
        """Say that it is over, with nothing left; as `finish`."""
        there, back, drop = self.there, self.back, self.loop.handlers.pop
        drop(there.fd, None)
        drop(back.fd, None)
        # Without the circles their memory is free at once.
        del there.other, back.other, there.pair, back.pair
        self.done(self.owner, None)

    def is_addressed(self) -> bool:
        """Tell whether something has come that nobody has received yet."""
        self.grow()
        return super().is_addressed()

    def stop(self) -> None:
        """Copy no more; as `Pair.stop`."""
        self.grow()
        super().stop()
