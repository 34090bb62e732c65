"""Clients of a service that wait because no descriptor, or no memory, is left.

A connection takes two descriptors, so a client may have been accepted when there is none
for its other side. It is kept, and nobody else is let in: those who come stay in the
backlog. When a connection ends, and now and then, since others release something as well,
it is tried again, and then the others get their turn. Who has waited long where there is no
connection that could end is turned away, rather than left without an answer; and handshakes
that stall give way to others.

Where handshakes come first, or names have to be resolved, clients could take what they need
themselves later: so only as many are let in as there are descriptors for both sides. The
kernel gives the lowest number that is free, whereby it tells how many are left at most.
"""

from __future__ import annotations

import errno
import math
import os
import resource
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from fildes.listening.accepting import FIRST_PAUSE, LONGEST_PAUSE
from fildes.listening.admission import reserved
from fildes.listening.troubles import EXHAUSTED

if TYPE_CHECKING:
    from fildes.drivers.loop_task import Timer
    from fildes.relaying.connection import Connection
    from fildes.relaying.service import Service

#: Seconds without a shortage after which the next one is told of again.
CALM = 60.0  # arbitrary


class Shortage:
    """Has clients of a service wait until there is something to serve them with.

    Attributes:
      waiting: the connections whose other side could not be opened, the oldest first.
      unopened: those that still need a descriptor for it, if it was not tried at once.
      timer: of the next look; None while nothing is short.
      pause: seconds between the last look and the next one.
      last: the moment at which something was last short.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.waiting: deque[Connection] = deque()
        self.unopened: set[Connection] = set()
        self.timer: Timer | None = None
        self.pause = FIRST_PAUSE
        self.last = -math.inf
        self.limit = most_descriptors()

    def rest(self, error: OSError) -> None:
        """Let nobody in until something may have been released."""
        if self.timer is not None:
            return
        service, now = self.service, time.monotonic()
        service.gate.unwatch()
        if now - self.last > CALM:
            service.observer.scarce(error)
        if now - self.last > 2 * LONGEST_PAUSE:
            self.pause = FIRST_PAUSE
        self.last = now
        if self.pause >= LONGEST_PAUSE and not service.connections:
            service.acceptor.turn_away()  # there is nobody whose end it could wait for
        self.timer = service.loop.call_at(now + self.pause, self.look)
        if self.pause >= LONGEST_PAUSE and (self.waiting or service.acceptor.is_awaited()):
            service.greeter.room.give_way()
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def stir(self) -> None:
        """Look soon, for a connection has ended."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.service.loop.call_soon(self.look)

    def look(self) -> None:
        """Try those who wait again, then let others in."""
        self.timer = None
        while self.waiting:
            connection = self.waiting.popleft()
            self.service.connect(connection)
            if self.timer is not None:
                if self.waiting and self.waiting[-1] is connection:
                    self.waiting.rotate(1)  # it was the first
                return
        if self.service.gate.closed:
            return
        try:
            self.check(lowest_free())
        except OSError as error:
            self.rest(error)
        else:
            self.service.gate.go_on()

    def keeps(self, connection: Connection, error: Exception) -> bool:
        """Have *connection* wait if its other side did not open for want of something."""
        if not isinstance(error, OSError) or not is_scarce(error):
            return False
        self.unopened.add(connection)
        if not self.can_wait(connection):
            return False
        if connection.far is not None:  # what it was to have
            connection.far.abort()
            connection.far = None
        self.waiting.append(connection)
        self.rest(error)
        return True

    def can_wait(self, connection: Connection) -> bool:
        """Tell whether there is somebody whose end *connection* can wait for.

        If there is not, what it has may help others; else it has the time of an open.
        """
        service = self.service
        if len(service.connections) > len(self.unopened):
            return True
        limit = math.inf if service.timeout is None else service.timeout
        return len(self.unopened) == 1 and service.loop.now - connection.since < limit

    def enter(self, connection: Connection) -> None:
        """Note that *connection* needs more than it has."""
        self.unopened.add(connection)

    def leave(self, connection: Connection) -> None:
        """Note that it does no longer: it has what it needs, or is over."""
        self.unopened.discard(connection)
        if connection in self.waiting:
            self.waiting.remove(connection)

    def check(self, next_free: int) -> None:
        """Raise EMFILE if nobody else can be let in for now: it would take two descriptors.

        Args:
          next_free: the number of the lowest descriptor that may be free.
        """
        wanted = next_free + len(self.unopened) + 2
        if wanted > self.limit:
            self.limit = most_descriptors()  # it may have been raised
        if wanted > self.limit or self.timer is not None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def close(self) -> None:
        """Look no more."""
        if self.timer is not None:
            self.timer.cancel()


def is_scarce(error: OSError) -> bool:
    """Tell whether *error* says that nothing is left to open something with.

    The resolver takes a file that it could not open for one that does not exist.
    """
    if not isinstance(error, socket.gaierror):
        return error.errno in EXHAUSTED
    try:
        lowest_free()
    except OSError as failure:
        return failure.errno in EXHAUSTED
    return False


def lowest_free() -> int:
    """Return the number of the lowest descriptor that is free.

    Raises:
      OSError: there is none.
    """
    fd = reserved()
    os.close(fd)
    return fd


def most_descriptors() -> float:
    """Return how many descriptors this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft
