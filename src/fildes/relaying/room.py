"""Room for the next client, where all places are taken and some only by handshakes.

A client that connects and says nothing has a place until its handshake has taken too
long, so that a few of them, again and again, could keep all others out. Once nobody is
let in any more, a handshake that takes longer than most is given up as soon as somebody
else waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.relaying.shaking import Shaking
from fildes.waiting import READ, deadline_passed

if TYPE_CHECKING:
    from fildes.drivers.loop_task import Timer
    from fildes.listening.accepting import Acceptor
    from fildes.relaying.connection import Connection
    from fildes.relaying.service import Service

#: Seconds that a handshake has in any case: two round trips of a second each.
GRACE = 2.0  # arbitrary

#: Seconds between two looks whether somebody waits.
LOOK = 0.1  # arbitrary


class Room:
    """Gives up handshakes of a service while it is full."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.timer: Timer | None = None

    def watch(self) -> None:
        """Look after it, if all places are taken by now."""
        admission = self.service.acceptor.admission
        if self.timer is None and admission is not None and admission.full:
            self.look_at(self.service.loop.now)

    def look_at(self, moment: float) -> None:
        """Look at *moment*."""
        self.timer = self.service.loop.call_at(moment, self.look)

    def look(self) -> None:
        """Give up the oldest handshake, if it is time; look again as long as there are some."""
        self.timer = None
        service, acceptor = self.service, self.service.acceptor
        oldest = min(filter(is_shaking, service.connections), key=number_of, default=None)
        if acceptor.closed or oldest is None or acceptor.admission is None:
            return
        if not acceptor.admission.full:
            return
        now = service.loop.now
        if now - oldest.since >= GRACE and waits(acceptor):
            service.finish(oldest, deadline_passed())
        self.look_at(max(oldest.since + GRACE, now + LOOK))

    def close(self) -> None:
        """Look no more."""
        if self.timer is not None:
            self.timer.cancel()


def is_shaking(connection: Connection) -> bool:
    """Tell whether the client's handshake is under way."""
    return isinstance(connection.task, Shaking)


def number_of(connection: Connection) -> int:
    """Return what is the less the older it is."""
    return connection.number


def waits(acceptor: Acceptor) -> bool:
    """Tell whether somebody has connected and was not accepted yet."""
    return bool(wait({sock.fileno(): READ for sock in acceptor.sockets}, 0))
