"""Room for the next client of a service, where handshakes have taken it all.

`Acceptor.is_crowded` says when a handshake has to give way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening import admission
from fildes.waiting import deadline_passed

if TYPE_CHECKING:
    from fildes.drivers.loop_task import Timer
    from fildes.relaying.connection import Connection
    from fildes.relaying.service import Service


class Room:
    """Gives up handshakes of a service while it is full.

    Attributes:
      shaking: the connections whose handshake is under way, the oldest first.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.shaking: dict[Connection, None] = {}
        self.timer: Timer | None = None

    def enter(self, connection: Connection) -> None:
        """Note that a handshake begins; look after it, if all places are taken by now."""
        self.shaking[connection] = None
        if self.timer is None and self.service.acceptor.full:
            self.look_at(self.service.loop.now)

    def leave(self, connection: Connection) -> None:
        """Note that a handshake is over, however it ended."""
        self.shaking.pop(connection, None)

    def look_at(self, moment: float) -> None:
        """Look at *moment*."""
        self.timer = self.service.loop.call_at(moment, self.look)

    def look(self) -> None:
        """Give up the oldest handshake, if it is time; look again as long as there are some."""
        self.timer = None
        service, acceptor = self.service, self.service.acceptor
        oldest = next(iter(self.shaking), None)
        if acceptor.closed or oldest is None or not acceptor.full:
            return
        now = service.loop.now
        if acceptor.is_crowded():
            self.give_way()
        self.look_at(max(oldest.since + admission.GRACE, now + admission.LOOK))

    def give_way(self) -> None:
        """Give up the oldest handshake, if it takes longer than most: somebody waits."""
        oldest = next(iter(self.shaking), None)
        if oldest is not None and self.service.loop.now - oldest.since >= admission.GRACE:
            self.service.finish(oldest, deadline_passed())

    def close(self) -> None:
        """Look no more."""
        if self.timer is not None:
            self.timer.cancel()
