"""Where clients come in: the acceptor of a relay, watched by its loop.

Where nothing is left to accept with (no descriptor, no memory) a client stays in the
backlog, and epoll(7) would report it without end. So then nobody is looked after for a
while, longer each time, as `fildes.listening.accepting` has it.

Where several processes accept at one socket the kernel wakes one of them for each client
(EPOLLEXCLUSIVE), the first that waits. It takes one, and goes to the end of the queue:
so connections that come one by one are shared out evenly.
"""

from __future__ import annotations

import contextlib
import select
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from fildes.listening.accepting import FIRST_PAUSE, LONGEST_PAUSE
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
      begin: called with each client that is let in, once the loop runs.
    """

    def __init__(
        self,
        loop: Loop,
        acceptor: Acceptor,
        take: Callable[[], T | None],
        begin: Callable[[T], object],
    ) -> None:
        self.loop, self.acceptor = loop, acceptor
        self.take, self.begin = take, begin
        self.accepting: Interest = {}
        self.pause = FIRST_PAUSE
        self.batch = 1 if acceptor.shared else BATCH
        self.watch()

    def close(self) -> None:
        """Let nobody in any more but those who are half inside."""
        self.unwatch()
        with contextlib.suppress(OSError):  # there is nothing left to accept them with
            while (client := self.acceptor.try_accept_last()) is not None:
                self.begin(client)  # type: ignore[arg-type]  # one that is taken otherwise has none
        self.acceptor.close()

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
            self.rest()
        else:
            self.pause = FIRST_PAUSE
            acceptor = self.acceptor
            if acceptor.shared:
                self.unwatch()  # the last in the queue is who was added last
            if acceptor.shared or acceptor.admission is not None:
                self.watch()

    def rest(self) -> None:
        """Leave clients alone until something may have been released."""
        if self.pause >= LONGEST_PAUSE:
            self.acceptor.turn_away()
        self.unwatch()
        self.loop.call_at(time.monotonic() + self.pause, self.rested)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def rested(self) -> None:
        """Try again."""
        if not self.acceptor.closed:
            self.watch()
            self.again()

    def again(self) -> None:
        """Take more: what an acceptor holds itself, datagrams say, wakes nobody."""
        if self.accepting:
            self.accept(-1, 0)
