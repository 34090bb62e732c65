"""Ending the connections of a relay that have been silent for too long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes.waiting import no_byte

if TYPE_CHECKING:
    from fildes.drivers.loop_task import Timer
    from fildes.relaying.connection import Connection
    from fildes.relaying.service import Service

#: Looks at each connection while one waits through its idle limit.
LOOKS = 8  # arbitrary


class Sweeper:
    """Looks again and again at what a service copies by callbacks.

    Attributes:
      limit: the seconds without a byte after which a connection is over; the listener's
        own, unless the user has set one; None for no limit.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.timer: Timer | None = None
        own = service.idle_timeout
        self.limit = service.acceptor.idle_timeout if own is None else own
        if self.limit is not None:
            self.look_in(self.limit / LOOKS)

    def look_in(self, seconds: float) -> None:
        """Look in a while."""
        self.timer = self.service.loop.call_at(time.monotonic() + seconds, self.sweep)

    def sweep(self) -> None:
        """End the connections that were silent for too long."""
        service, limit = self.service, self.limit
        assert limit is not None  # else nobody would look
        for connection in list(service.connections):
            pair = connection.pair_now()
            if pair is None or pair.silence() < limit or pair.is_addressed():
                continue
            error = self.excused(connection, no_byte(limit))
            if error is not None:
                service.finish(connection, error)
            elif pair.part():
                service.pair_ended(connection, None)
        self.look_in(limit / LOOKS)

    def excused(self, connection: Connection, error: Exception | None) -> Exception | None:
        """Return *error*, unless it is the silence that ends a conversation in datagrams.

        They have no other end. If it is the user who has set a limit, it is an error.
        """
        far = connection.far
        if isinstance(error, TimeoutError) and self.service.idle_timeout is None:
            return None if connection.near.messages and far is not None and far.messages else error
        return error

    def close(self) -> None:
        """Look no more."""
        if self.timer is not None:
            self.timer.cancel()
