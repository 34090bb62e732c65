"""The server of one process: its programs, its signals, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from fildes.cli.relaying import readiness
from fildes.cli.relaying.reloading import has_certificates, outlives_terminal
from fildes.cli.reporting import message_of
from fildes.cli.serving.teller import Teller
from fildes.cli.showing.counts import counts_of
from fildes.cli.showing.rows import Rows
from fildes.cli.showing.shows import Shows
from fildes.cli.status import Status
from fildes.relaying.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fildes.cli.serving.work import Work
    from fildes.cli.showing.counts import Counts
    from fildes.cli.showing.table import Kind, Row
    from fildes.drivers.loop import Loop
    from fildes.relaying.connection import Connection


class CountedPrograms(Programs):
    """Programs that can be shown."""

    name = ""

    @property
    def moved_so_far(self) -> tuple[int, int]:
        """The bytes that have passed this process: those of datagrams."""
        return self.totals

    def moved_by(self, connection: Connection) -> tuple[int, int]:
        """Return the bytes of *connection* that have passed this process."""
        return connection.copied

    def ends_of(self, connection: Connection) -> tuple[str, str]:
        """Return who has connected, and the program, once it runs."""
        child = self.children.get(connection)
        pid = "" if child is None else f" ({child.process.pid})"
        return connection.near.peer or "?", os.path.basename(self.argv[0]) + pid


class Server:
    """Runs a program for each connection until signals end it; a `View` of itself.

    Attributes:
      status: the exit status, or minus the signal to die of.
    """

    kind: Kind = "serve"
    led = False

    def __init__(self, loop: Loop, work: Work, changed: Callable[[], None] = lambda: None) -> None:
        """Prepare; *changed* is called when something was counted."""
        self.loop, self.work = loop, work
        arguments = work.arguments
        self.teller = Teller(work.reporter, changed, verbose=arguments.verbose)
        self.programs = CountedPrograms(
            loop,
            work.acceptor,
            arguments.program,
            self.teller,
            idle_timeout=arguments.idle_timeout or None,
            told=self.ended,
            numbers=work.numbers,
        )
        self.status: int = Status.COMPLETE
        self.signal: int = signal.SIGTERM
        self.nohup = outlives_terminal()
        self.started = time.monotonic()
        self.lines = Rows()
        self.shows = Shows(loop, self, work.reporter)

    def run(self, ready: Callable[[], object]) -> int:
        """Serve to the end and return the status; *ready* is called once signals may come."""
        with self.signals():
            ready()
            self.loop.run(lambda: self.programs.ended)
        return self.status

    @property
    def names(self) -> list[str]:
        """Its name, which is empty, as long as it listens."""
        return [] if self.programs.acceptor.closed else [self.programs.name]

    def counts(self) -> dict[str, Counts]:
        """Return what was done."""
        return counts_of([self.programs])

    def rows(self, now: float) -> list[Row]:
        """Return the open connections."""
        return self.lines.of([self.programs], now)

    def open_by_worker(self) -> dict[int, int]:
        """Return nothing: this is one process."""
        return {}

    def refresh(self, done: Callable[[], None]) -> None:
        """Call *done*: the counts are those of now."""
        done()

    def ended(self, connection: Connection, status: int) -> None:
        """See how a program has ended."""
        if status:
            self.programs.failed["program"] += 1
        self.teller.ended(connection, status)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let signals stop it, reload it and show what it has done."""
        actions: dict[int, Callable[[], None]] = {
            signal.SIGTERM: lambda: self.stop(signal.SIGTERM),
            signal.SIGINT: lambda: self.stop(signal.SIGINT),
            signal.SIGHUP: self.hang_up,
            signal.SIGUSR1: self.shows.show_statistics,
            signal.SIGWINCH: self.shows.redraw,
        }

        def act(number: int, frame: object) -> None:
            self.loop.call_soon_threadsafe(actions[number])  # where nothing is half done

        with contextlib.ExitStack() as before:
            for number in actions:
                before.callback(signal.signal, number, signal.signal(number, act))
            yield

    def stop(self, number: int) -> None:
        """Accept no more; the second time, end what is there."""
        if self.programs.acceptor.closed:
            if not self.led:
                self.hurry()
                self.status = -number
            return
        self.signal = number
        self.programs.drain(self.work.arguments.drain)
        count = len(self.programs.connections)
        self.say(f"stopping: {count} connections may finish" if count else "stopping")
        readiness.stopping(f"{count} connections may finish")

    def hurry(self) -> None:
        """End what is there at once, by the signal that has come."""
        self.status = -self.signal
        self.programs.hurry()

    def retire(self) -> None:
        """Accept no more, and end when all programs have."""
        self.programs.drain()

    def orphaned(self) -> None:
        """End in order, unless that has begun."""
        if not self.programs.acceptor.closed:
            self.stop(signal.SIGTERM)

    def hang_up(self) -> None:
        """Read certificates again, or end, if there are none: the terminal has gone."""
        acceptor = self.programs.acceptor
        if has_certificates(acceptor.address):
            if not acceptor.closed:
                self.reload()
        elif not self.nohup:
            self.stop(signal.SIGHUP)

    def reload(self) -> None:
        """Read certificates again; if they are not usable the old ones stay."""
        readiness.reloading()
        try:
            self.programs.acceptor.reload()
            self.say("reloaded")
        except OSError as error:
            self.say(f"not reloaded: {message_of(error)}")
        readiness.ready(f"listening at {self.programs.acceptor.address}")

    def say(self, text: str) -> None:
        """Tell one line."""
        self.work.reporter.tell(text)
