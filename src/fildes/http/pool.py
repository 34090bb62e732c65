"""The pool that keeps connections to servers for the next request."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.http.connection import Connection
    from fildes.http.planning import Rate

#: Connections that a pool keeps: as many as net/http of Go, for who reads as many documents
#: at once would else connect anew for the others each time.
MAX_IDLE = 100

#: Seconds that a connection is kept. Apache closes after 5, nginx after 75; one that
#: was closed meanwhile is noticed, and costs nothing but the attempt.  # arbitrary
MAX_AGE = 60.0

#: Servers of which it is known how far away they are.
MAX_RATES = 64  # arbitrary


class Process:
    """This process, known by its number, which is a system call to ask for."""

    def __init__(self) -> None:
        self.ask()
        os.register_at_fork(after_in_child=self.ask)

    def ask(self) -> None:
        """Ask the kernel; after each fork(2) again."""
        self.pid = os.getpid()


PROCESS = Process()


class Pool:
    """Connections kept for the next request; safe for threads, and over fork(2).

    No connection is in use by two at once: `take` removes it. A child process begins
    without any; two processes on one connection would read each other's answers.

    Attributes:
      idle: the connections, what was given last at the end.
      rates: how far away servers are, by the keys of connections to them.
    """

    def __init__(
        self,
        max_idle: int = MAX_IDLE,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
          max_idle: connections that are kept; the one unused for longest goes first.
          max_age: seconds for which one is kept.
          clock: tells the time.
        """
        self.max_idle = max_idle
        self.max_age = max_age
        self.clock = clock
        self.idle: list[Connection] = []
        self.rates: dict[object, Rate] = {}
        self.closed = False
        self.lock = threading.Lock()
        self.pid = PROCESS.pid

    def take(self, key: object) -> Connection | None:
        """Return a kept connection with this *key*, now the caller's; None without one."""
        while True:
            with self.lock if self.pid == PROCESS.pid else self.renewed():
                found = self.last(key)
            if found is None:
                return None
            if self.clock() - found.since <= self.max_age and found.quiet():
                return found
            found.close_now()

    def holds(self, key: object) -> bool:
        """Tell whether a connection with this *key* is kept."""
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            return any(connection.key == key for connection in self.idle)

    def last(self, key: object) -> Connection | None:
        """Remove and return what was given last with this *key*."""
        for index in range(len(self.idle) - 1, -1, -1):
            if self.idle[index].key == key:
                return self.idle.pop(index)
        return None

    def give(self, connection: Connection) -> None:
        """Keep *connection*, whose last answer is complete."""
        now = connection.since = self.clock()
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            self.idle.append(connection)
            many = self.closed or len(self.idle) > self.max_idle
            gone = self.surplus(now) if many or now - self.idle[0].since > self.max_age else []
        for each in gone:
            each.close_now()

    def surplus(self, now: float) -> list[Connection]:
        """Remove and return what is no longer kept; the one given first is in front."""
        count = len(self.idle) if self.closed else max(0, len(self.idle) - self.max_idle)
        while count < len(self.idle) and now - self.idle[count].since > self.max_age:
            count += 1
        gone = self.idle[:count]
        del self.idle[:count]
        return gone

    def rate(self, key: object, unknown: Rate) -> Rate:
        """Return what documents before have measured with this *key*; *unknown* for the first."""
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            found = self.rates.pop(key, unknown)
            self.rates[key] = found  # the one unused for longest is in front
            if len(self.rates) > MAX_RATES:
                del self.rates[next(iter(self.rates))]
        return found

    def close(self) -> None:
        """Close what is kept; what is given from now on is closed at once."""
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            self.closed = True
            gone, self.idle = self.idle, []
        for each in gone:
            each.close_now()

    def renewed(self) -> threading.Lock:
        """Begin anew, as a child process; return the lock."""
        # The old one may have been held, by a thread that does not exist here.
        self.lock, self.pid = threading.Lock(), PROCESS.pid
        for connection in self.idle:
            connection.forget()
        self.idle = []
        return self.lock
