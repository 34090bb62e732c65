"""What a worker tells the process that has started it, and the other way round.

The worker tells its counts soon after they have changed, so that little is lost with one
that is killed, and when it is asked. Each message is a line of JSON; a question is a byte.
When the socket ends the one who has forked has gone, and the worker ends, too.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fildes.cli.showing.counts import Counts, packed, unpacked
from fildes.cli.showing.table import Row
from fildes.waiting import READ, WRITE

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop

#: Seconds between two tellings that nobody has asked for.
INTERVAL = 0.1  # arbitrary

#: Seconds that who has forked may take to read what a worker says last.
LAST_WORDS = 1.0  # arbitrary

#: Bytes that may wait for who does not read; what comes then is not told.
MOST_UNSENT = 4 << 20  # arbitrary

#: Connections whose rows are told: more than a terminal has lines.
MOST_ROWS = 200  # arbitrary

#: What is asked of a worker: its counts, its rows too, that it accept no more, that it wait
#: for nobody any more.
COUNTS, ROWS, RETIRE, HURRY = b"c", b"r", b"e", b"h"


class Worked(Protocol):
    """What a worker does.

    Attributes:
      led: a signal may come twice, from whoever sends it to all of us, systemd say, and from
        who has forked, who passes it on; so a second one hurries nobody.
    """

    led: bool

    def counts(self) -> dict[str, Counts]:
        """Return what was done, by name."""

    def rows(self, now: float) -> list[Row]:
        """Return open connections."""

    def retire(self) -> None:
        """Accept no more, and end when all connections have ended by themselves."""

    def hurry(self) -> None:
        """End what is open at once."""

    def orphaned(self) -> None:
        """End in order: who has forked has gone."""


class Link:
    """The worker's end."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self.loop, self.sock = loop, sock
        self.unsent = b""
        self.told_at = 0.0
        self.due = False
        self.work: Worked | None = None
        sock.setblocking(False)

    def attach(self, work: Worked) -> None:
        """Answer for *work* from now on."""
        self.work = work
        work.led = True
        self.loop.watch(self.sock.fileno(), READ, self.ready)

    def changed(self) -> None:
        """Tell the counts soon."""
        if not self.due:
            self.due = True
            self.loop.call_at(self.told_at + INTERVAL, self.tell_counts)

    def tell_counts(self) -> None:
        """Tell the counts, though nobody has asked."""
        self.due, self.told_at = False, time.monotonic()
        assert self.work is not None  # it has counted
        self.send(counts=packed(self.work.counts()))

    def end(self) -> None:
        """Tell the last counts, for nobody can ask any more."""
        if self.work is not None:
            self.send(counts=packed(self.work.counts()))
        self.sock.settimeout(LAST_WORDS)
        with contextlib.suppress(OSError):  # who has forked has gone, or does not read
            self.sock.sendall(self.unsent, socket.MSG_NOSIGNAL)

    def tell(self, line: str) -> None:
        """Have *line* shown."""
        self.send(line=line)

    def ready(self, fd: int, events: int) -> None:
        """Send what is left, and see what is asked."""
        assert self.work is not None
        self.flush()
        try:
            asked = self.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            asked = b""
        if not asked:
            self.loop.forget(fd)
            self.work.orphaned()
        if RETIRE in asked:
            self.work.retire()
        if HURRY in asked:
            self.work.hurry()
        if ROWS in asked:
            rows = sorted(self.work.rows(time.monotonic()), key=Row.busyness)[:MOST_ROWS]
            self.send(answer=True, counts=packed(self.work.counts()), rows=rows)
        elif COUNTS in asked:
            self.send(answer=True, counts=packed(self.work.counts()))

    def send(self, **record: Any) -> None:
        """Send one message as soon as it can be."""
        if len(self.unsent) < MOST_UNSENT:
            self.unsent += json.dumps(record).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what can be sent now."""
        waited = bool(self.unsent)
        with contextlib.suppress(BlockingIOError):
            try:
                while self.unsent:
                    sent = self.sock.send(self.unsent, socket.MSG_NOSIGNAL)
                    self.unsent = self.unsent[sent:]
            except (BrokenPipeError, ConnectionResetError):
                self.unsent = b""  # who has forked has gone, which `ready` sees
        if waited and self.sock.fileno() in self.loop.handlers:
            self.loop.watch(self.sock.fileno(), READ | (WRITE if self.unsent else 0), self.ready)


class Member:
    """The end of who has forked: what a worker has told so far.

    Attributes:
      counts: its latest.
      rows: its busiest connections, when it was asked last.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        show: Callable[[str], object],
        answered: Callable[[], object],
    ) -> None:
        self.loop, self.sock, self.show, self.answered = loop, sock, show, answered
        self.counts: dict[str, Counts] = {}
        self.rows: list[Row] = []
        self.begun = b""
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, self.ready)

    def ask(self, what: bytes) -> None:
        """Ask for something; one that does not read has been asked often enough."""
        with contextlib.suppress(OSError):
            self.sock.send(what, socket.MSG_NOSIGNAL)

    def ready(self, fd: int, events: int) -> None:
        """Take what was told."""
        if not self.take():
            self.loop.forget(fd)

    def take(self) -> bool:
        """Take what was told; False at the end."""
        try:
            while data := self.sock.recv(1 << 18):
                *lines, self.begun = (self.begun + data).split(b"\n")
                for line in lines:
                    self.understand(json.loads(line))
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def understand(self, record: dict[str, Any]) -> None:
        """See to one message."""
        if "counts" in record:
            self.counts = unpacked(record["counts"])
        if "rows" in record:
            self.rows = [Row(*each) for each in record["rows"]]
        if "line" in record:
            self.show(record["line"])
        if "answer" in record:
            self.answered()

    def close(self) -> None:
        """Take what is left, and hear no more."""
        self.take()
        self.loop.forget(self.sock.fileno())
        self.sock.close()
