"""Where clients come in: the acceptor of a relay, watched by its loop.

Where nothing is left to accept with (no descriptor, no memory) a client stays in the
backlog, and epoll(7) would report it without end. So then nobody is looked after for a
while (`fildes.relaying.shortage`).

Those who are in come first: clients are let in at the end of a round, once all that has
come for the others is passed on and gives their peers something to do. They are let in
evenly, too: as many as the last time, and one more as long as more wait. Clients that all
came in at once would all have questions at once, while their servers wait, and the other
way round. (Where 50 clients connect anew for each request this is worth a tenth.)

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

#: Clients that one round lets in at most.
BATCH = 32  # arbitrary


class Gate(Generic[T]):
    """Lets clients in, as long as its acceptor is open.

    Attributes:
      take: returns a client that waits, None if there is none; as `Acceptor.try_accept`.
      begin: called with each client that is let in, once the loop runs; raises one of
        `EXHAUSTED` if nobody else can be.
      rest: called with the error where nothing is left; it is to call `unwatch`, and later
        `go_on`.
      share: how many clients the next round may let in.
      due: whether this round lets clients in.
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
        self.share = 1
        self.due = False
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
                self.loop.watch(fd, events | alone, self.knock)

    def unwatch(self) -> None:
        """Let clients wait."""
        for fd in self.accepting:
            self.loop.forget(fd)
        self.accepting = {}

    def knock(self, fd: int = -1, events: int = 0) -> None:
        """Let clients in at the end of this round, or of the next one."""
        if not self.due:
            self.due = True
            self.loop.call_soon(self.accept)

    def accept(self) -> None:
        """Take clients that wait."""
        self.due = False
        if not self.accepting:
            return
        try:
            self.take_share()
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

    def take_share(self) -> None:
        """Let in as many as may come in this round."""
        take, begin, share = self.take, self.begin, self.share
        for taken in range(share):
            client = take()
            if client is None:
                self.share = taken or 1
                return
            begin(client)
        if not self.acceptor.shared:  # or it is told of who waits
            self.share = min(share + 1, BATCH)
            self.knock()  # what an acceptor holds itself, datagrams say, wakes nobody

    def go_on(self) -> None:
        """Let those in who have waited."""
        self.watch()
        self.knock()
