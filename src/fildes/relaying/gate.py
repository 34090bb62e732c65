"""Where clients come in: the acceptor of a relay, watched by its loop.

Where nothing is left to accept with (no descriptor, no memory) a client stays in the
backlog, and epoll(7) would report it without end. So then nobody is looked after for a
while (`fildes.relaying.shortage`).

Where several processes accept at one socket the kernel wakes one of them for each client
(EPOLLEXCLUSIVE), the first that waits. It takes one, and goes to the end of the queue:
so connections that come one by one are shared out evenly.
"""

from __future__ import annotations

import contextlib
import select
from typing import TYPE_CHECKING, Generic, TypeVar

from fildes.listening.troubles import EXHAUSTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.waiting import Interest

T = TypeVar("T")

#: Connections that are accepted before those that are there get their turn.
BATCH = 32  # arbitrary


class Gate(Generic[T]):
    """Lets clients in, as long as its acceptor is open.

    Attributes:
      take: returns a client that waits, None if there is none; as `Acceptor.try_accept`.
      begin: called with each client that is let in, once the loop runs; raises one of
        `EXHAUSTED` if nobody else can be.
      rest: called with the error where nothing is left; it is to call `unwatch`, and later
        `go_on`.
    """

    def __init__(
        self,
        loop: Loop,
        acceptor: Acceptor,
        take: Callable[[], T | None],
        begin: Callable[[T], object],
        rest: Callable[[OSError], None],
    ) -> None:
        self.loop, self.acceptor = loop, acceptor
        self.take, self.begin, self.rest = take, begin, rest
        self.accepting: Interest = {}
        self.left = False
        self.batch = 1 if acceptor.shared else BATCH
        self.watch()

    @property
    def closed(self) -> bool:
        """Whether nobody is let in any more."""
        return self.left or self.acceptor.closed

    def close(self) -> None:
        """Let nobody in any more but those who are half inside."""
        self.leave()
        with contextlib.suppress(OSError):  # there is nothing left to accept them with
            while (client := self.acceptor.try_accept_last()) is not None:
                self.begin(client)  # type: ignore[arg-type]  # one that is taken otherwise has none
        self.acceptor.close()

    def leave(self) -> None:
        """Let nobody in any more: another gate has the acceptor."""
        self.left = True
        self.unwatch()

    def watch(self) -> None:
        """Watch for clients, as far as there is room for one."""
        wanted = self.acceptor.wants()
        if wanted != self.accepting:
            self.unwatch()
            self.accepting = wanted
            alone = select.EPOLLEXCLUSIVE if self.acceptor.shared else 0
            for fd, events in wanted.items():
                self.loop.watch(fd, events | alone, self.accept)

    def unwatch(self) -> None:
        """Let clients wait."""
        for fd in self.accepting:
            self.loop.forget(fd)
        self.accepting = {}

    def accept(self, fd: int, events: int) -> None:
        """Take clients that wait."""
        take, begin = self.take, self.begin
        try:
            for _ in range(self.batch):
                client = take()
                if client is None:
                    break
                begin(client)
            else:
                if not self.acceptor.shared:  # or it is told of who waits
                    self.loop.call_soon(self.again)
        except ValueError:
            if not self.acceptor.closed:
                raise
            self.unwatch()
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self.rest(error)
        else:
            acceptor = self.acceptor
            if acceptor.shared:
                self.unwatch()  # the last in the queue is who was added last
            if acceptor.shared or acceptor.admission is not None:
                self.watch()

    def go_on(self) -> None:
        """Let those in who have waited."""
        self.watch()
        self.again()

    def again(self) -> None:
        """Take more: what an acceptor holds itself, datagrams say, wakes nobody."""
        if self.accepting:
            self.accept(-1, 0)
