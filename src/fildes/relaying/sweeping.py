"""Ending the connections of a relay that have been silent for too long.

A sender of datagrams does not say that it has gone, and many a program asks each question
from another port. So where there are as many conversations as there may be, and somebody
waits, those that have been silent longest give way, as they would a little later: or a few
who send from ever new addresses could keep all others out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes.listening import admission
from fildes.waiting import no_byte

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop_task import Timer
    from fildes.relaying.connection import Connection
    from fildes.relaying.pair import Pair
    from fildes.relaying.service import Service

#: Looks at each connection while one waits through its idle limit.
LOOKS = 8  # arbitrary

#: Of all conversations, one in so many gives way at once where somebody waits.
SHARE = 8  # arbitrary

#: Seconds until the next look for room, for each conversation: a hundred times what it costs.
ONE_LOOK = 100e-6


class Sweeper:
    """Looks again and again at what a service copies by callbacks.

    Attributes:
      limit: the seconds without a byte after which a connection is over; the listener's
        own, unless the user has set one; None for no limit.
      crowd: looks which conversations have to end before that; None while none has to.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.timer: Timer | None = None
        self.crowd: Timer | None = None
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
            else:
                self.part(connection, pair)
        self.look_in(limit / LOOKS)

    def part(self, connection: Connection, pair: Pair[Connection]) -> None:
        """End a conversation in order, unless it is silent no more."""
        if pair.part():
            self.service.pair_ended(connection, None)

    def began(self, pair: Pair[Connection]) -> None:
        """Look after room from now on, if *pair* can give way and others may have to wait soon."""
        if pair.gives_way and self.crowd is None and self.is_filling():
            self.look_for_room()

    def is_filling(self) -> bool:
        """Tell whether it has to be known who was silent for how long."""
        acceptor = self.service.acceptor
        return not acceptor.closed and acceptor.admission is not None and acceptor.admission.filling

    def look_for_room(self) -> None:
        """Look in a moment whether somebody waits."""
        self.look_in_a_moment(self.make_room)

    def look_in_a_moment(self, look: Callable[[], None]) -> None:
        """Call *look*, and nothing else; it looks at all conversations."""
        service = self.service
        if self.crowd is not None:
            self.crowd.cancel()
        soon = admission.LOOK if service.acceptor.full else admission.GRACE / 4
        pause = max(soon, len(service.connections) * ONE_LOOK)
        self.crowd = service.loop.call_at(service.loop.now + pause, look)

    def make_room(self) -> None:
        """Let silent conversations give way, if somebody waits for there are too many."""
        self.crowd = None
        if not self.is_filling():
            return
        silent = self.silent_ones()
        if silent and self.service.acceptor.is_crowded():
            self.part_all(silent[: 1 + len(self.service.connections) // SHARE])
        self.look_for_room()

    def hurry(self) -> None:
        """Let conversations end as soon as they are silent, for the relay is to end."""
        self.part_all(self.silent_ones())
        connections = self.service.connections
        if any(pair.gives_way for each in connections if (pair := each.pair_now()) is not None):
            self.look_in_a_moment(self.hurry)

    def part_all(self, silent: list[tuple[Connection, Pair[Connection]]]) -> None:
        """End those that nobody has spoken to just now."""
        for connection, pair in silent:
            if not pair.is_addressed():
                self.part(connection, pair)

    def silent_ones(self) -> list[tuple[Connection, Pair[Connection]]]:
        """Return the conversations that have been silent for a while, the longest first."""
        found: list[tuple[float, int, Connection, Pair[Connection]]] = []
        for connection in self.service.connections:
            pair = connection.pair_now()
            if pair is not None and pair.gives_way:
                silence = pair.silence()
                if silence >= admission.GRACE:
                    found.append((-silence, connection.number, connection, pair))
        return [(connection, pair) for _, _, connection, pair in sorted(found)]

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
        for timer in (self.timer, self.crowd):
            if timer is not None:
                timer.cancel()
