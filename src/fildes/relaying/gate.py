"""Where clients come in: the acceptor of a relay, watched by its loop.

Where nothing is left to accept with (no descriptor, no memory) a client stays in the
backlog, and epoll(7) would report it without end. So then nobody is looked after for a
while, longer each time, as `fildes.listening.accepting` has it.

Where several processes accept at one socket the kernel wakes one of them for each client
(EPOLLEXCLUSIVE), the first that waits. It takes one, and goes to the end of the queue:
so connections that come one by one are shared out evenly.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from fildes.listening.accepting import EXHAUSTED, FIRST_PAUSE, LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest

#: Connections that are accepted before those that are there get their turn.
BATCH = 32  # arbitrary


class Gate:
    """Lets clients in, as long as its acceptor is open."""

    def __init__(self, loop: Loop, acceptor: Acceptor, begin: Callable[[Stream], None]) -> None:
        """Call *begin* with each client that is let in, once *loop* runs."""
        self.loop, self.acceptor, self.begin = loop, acceptor, begin
        self.accepting: Interest = {}
        self.pause = FIRST_PAUSE
        self.batch = 1 if acceptor.shared else BATCH
        self.watch()

    def close(self) -> None:
        """Let nobody in any more."""
        self.unwatch()
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
        try:
            for _ in range(self.batch):
                near = self.acceptor.try_accept()
                if near is None:
                    break
                self.begin(near)
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
            if self.acceptor.shared:
                self.unwatch()  # the last in the queue is who was added last
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
