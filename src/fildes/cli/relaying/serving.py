"""The process that runs relays: its signals and its end."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fildes.cli.relaying import readiness
from fildes.cli.relaying.reloading import Load, Relays
from fildes.cli.relaying.service import Relay, Surroundings, listen
from fildes.cli.showing.counts import Counts, counts_of
from fildes.cli.showing.rows import Rows
from fildes.cli.showing.shows import Shows
from fildes.cli.status import Status

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.side import Side
    from fildes.cli.showing.table import Kind, Row
    from fildes.listening.accepting import Acceptor


class Extras(NamedTuple):
    """What a process does beside relaying.

    Attributes:
      metrics: where metrics are served; None for nowhere.
      load: reads the configuration again; None if there is none.
      watch: whether a live table is wanted.
      ready: called once all relays listen.
      acceptors: those that listen already, by the names of their relays.
    """

    metrics: Side | None = None
    load: Load | None = None
    watch: bool = False
    ready: Callable[[], object] = lambda: None
    acceptors: Mapping[str, Acceptor] = {}


@contextlib.contextmanager
def held(*signals: signal.Signals) -> Iterator[None]:
    """Let *signals* wait during the body."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Serving(Relays[Relay]):
    """The relays of one process, while they run; a `View` of them.

    Attributes:
      relays: those that listen, by name.
      retired: those that listen no more, and still have connections or counts.
      stops: the signals to end that came so far.
      patient: no signal has come: what is open may take as long as it likes.
    """

    kind: Kind = "relay"
    led = False

    def __init__(self, around: Surroundings, extras: Extras) -> None:
        super().__init__()
        self.around = around
        self.loop = around.loop
        self.reporter = around.reporter
        self.extras, self.load = extras, extras.load
        self.started = time.monotonic()
        self.retired: list[Relay] = []
        self.stops: list[int] = []
        self.patient = False
        self.shows = Shows(self.loop, self, self.reporter)
        self.lines = Rows()

    def run(self, plans: Sequence[Plan]) -> int:
        """Serve *plans* until a signal ends it; return the status.

        Raises:
          OSError: a relay cannot listen; none does then.
        """
        try:
            with self.on_signals():
                # Who reads that one listens may ask for a reload, which the others would
                # not live through half made.
                with held(signal.SIGHUP, signal.SIGUSR1):
                    for plan in plans:
                        self.add(plan)
                    if self.extras.metrics is not None:
                        self.shows.serve_metrics(self.around.means.opening_of(self.extras.metrics))
                with self.shows.watching(wanted=self.extras.watch):
                    readiness.ready(self.summary())
                    self.extras.ready()
                    self.loop.run(lambda: self.patient or bool(self.stops))
                    return self.end()
        finally:
            self.shows.close()
            for relay in self.all_relays():
                relay.close()
                relay.release()

    def all_relays(self) -> list[Relay]:
        """Return the relays that listen, and those that did."""
        return [*self.relays.values(), *self.retired]

    def counts(self) -> dict[str, Counts]:
        return counts_of(self.all_relays())

    def rows(self, now: float) -> list[Row]:
        return self.lines.of(self.all_relays(), now)

    def open_by_worker(self) -> dict[int, int]:
        return {}

    def refresh(self, done: Callable[[], None]) -> None:
        done()

    def add(self, plan: Plan, leaving: Sequence[Acceptor] = ()) -> None:
        acceptor = self.extras.acceptors.get(plan.name)
        if acceptor is None:
            acceptor = self.loop.run_protocol(listen(plan, self.around, leaving))
        self.relays[plan.name] = Relay(plan, acceptor, self.around)

    def remove(self, relay: Relay) -> None:
        relay.drain()
        self.retired.append(relay)

    def hand_over(self, relay: Relay, plan: Plan) -> None:
        relay.gate.leave()
        self.retired.append(relay)
        self.relays[plan.name] = Relay(plan, relay.acceptor, self.around)

    def stop(self, number: int) -> None:
        """Accept no more; the second time, end what is there."""
        if not (self.led and self.stops):
            self.stops.append(number)

    def hurry(self) -> None:
        self.stops.append(self.stops[-1] if self.stops else signal.SIGTERM)
        self.stops.append(self.stops[-1])

    def retire(self) -> None:
        """Accept no more, and end when all connections have ended by themselves."""
        self.patient = True

    def orphaned(self) -> None:
        self.stop(signal.SIGTERM)

    def end(self) -> int:
        """Accept no more, and let what is open end, unless a second signal comes."""
        while self.relays:
            self.remove(self.relays.popitem()[1])
        self.loop.run(lambda: bool(self.stops) or not self.left)
        readiness.stopping(f"{self.left} connections open")
        if self.left:
            self.say(f"no more connections are accepted; {self.left} open, which may end")
            self.shows.redraw()
        for relay in self.retired:
            relay.drain(relay.plan.manner.drain_timeout)
        self.loop.run(lambda: len(self.stops) > 1 or not self.left)
        if len(self.stops) > 1:
            return -self.stops[-1]
        for relay in self.retired:
            self.loop.run_protocol(relay.close_shared())
        return Status.COMPLETE

    @property
    def left(self) -> int:
        """How many connections are open, of relays that listen no more."""
        return sum(len(relay.connections) for relay in self.retired)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to signals during the body; they are seen to in the loop."""
        actions: dict[int, Callable[[], object]] = {
            signal.SIGTERM: lambda: self.stop(signal.SIGTERM),
            signal.SIGINT: lambda: self.stop(signal.SIGINT),
            signal.SIGHUP: self.hang_up,
            signal.SIGUSR1: self.shows.show_statistics,
            signal.SIGWINCH: self.shows.redraw,
        }

        def act(number: int, frame: object) -> None:
            self.loop.call_soon_threadsafe(actions[number])

        with contextlib.ExitStack() as before:
            for number in actions:
                before.callback(signal.signal, number, signal.signal(number, act))
            yield

    def hang_up(self) -> None:
        """Reload, or end, if there is nothing to reload: the terminal has gone."""
        if not self.stops and not self.patient:
            if not self.reloads:
                if not self.nohup:
                    self.stop(signal.SIGHUP)
            elif self.reload():
                self.tell_reloaded()
