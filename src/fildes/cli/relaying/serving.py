"""The process that runs relays: its signals, its metrics, its table, its end."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fildes.cli.relaying import readiness
from fildes.cli.relaying.metrics import answer
from fildes.cli.relaying.service import Relay, Surroundings, listen
from fildes.cli.relaying.watch import Watch
from fildes.cli.reporting import message_of
from fildes.cli.status import Status
from fildes.opening.opening import Opening

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.side import Side
    from fildes.listening.accepting import Acceptor
    from fildes.streams.stream import Stream

#: Seconds that a scraper may take to ask and to read; Prometheus' own scrape_timeout.
SCRAPE_TIMEOUT = 10.0

Load = Callable[[], Sequence["Plan"]]


class Extras(NamedTuple):
    """What a process does beside relaying.

    Attributes:
      metrics: where metrics are served; None for nowhere.
      load: reads the configuration again; None if there is none.
      watch: whether a live table is wanted.
      ready: called once all relays listen.
    """

    metrics: Side | None = None
    load: Load | None = None
    watch: bool = False
    ready: Callable[[], None] = lambda: None


class Serving:
    """The relays of one process, while they run.

    Attributes:
      relays: those that listen, by name.
      retired: those that listen no more, and still have connections or counts.
      stops: the signals to end that came so far.
    """

    def __init__(self, around: Surroundings, extras: Extras) -> None:
        self.around = around
        self.loop = around.loop
        self.reporter = around.reporter
        self.extras = extras
        self.started = time.monotonic()
        self.relays: dict[str, Relay] = {}
        self.retired: list[Relay] = []
        self.stops: list[int] = []
        self.metrics: Acceptor | None = None
        self.watch: Watch | None = None

    def run(self, plans: Sequence[Plan]) -> int:
        """Serve *plans* until a signal ends it; return the status.

        Raises:
          OSError: a relay cannot listen; none does then.
        """
        try:
            with self.on_signals():
                for plan in plans:
                    self.add(plan)
                if self.extras.metrics is not None:
                    self.serve_metrics(self.extras.metrics)
                with self.watching():
                    readiness.ready(self.summary())
                    self.extras.ready()
                    self.loop.run(lambda: bool(self.stops))
                    return self.end()
        finally:
            if self.metrics is not None:
                self.metrics.close()
            for relay in self.all_relays():
                relay.close()
                relay.release()

    def all_relays(self) -> list[Relay]:
        """Return the relays that listen, and those that did."""
        return [*self.relays.values(), *self.retired]

    def summary(self) -> str:
        """Return what is done, for the service manager."""
        count = len(self.relays)
        return f"{count} relay{'s' * (count != 1)} listening"

    def add(self, plan: Plan) -> None:
        """Let the relay of *plan* listen.

        Raises:
          OSError: as bind(2).
        """
        self.relays[plan.name] = self.loop.run_protocol(listen(plan, self.around))

    def remove(self, name: str) -> None:
        """Let the relay called *name* listen no more; its connections go on."""
        relay = self.relays.pop(name)
        relay.drain()
        self.retired.append(relay)

    def end(self) -> int:
        """Accept no more, and let what is open end, unless a second signal comes."""
        for name in list(self.relays):
            self.remove(name)
        left = sum(len(relay.connections) for relay in self.retired)
        readiness.stopping(f"{left} connections open")
        if left:
            self.say(f"no more connections are accepted; {left} open, which may end")
            self.redraw()
        for relay in self.retired:
            relay.drain(relay.plan.manner.drain_timeout)
        self.loop.run(lambda: len(self.stops) > 1 or not any(r.connections for r in self.retired))
        if len(self.stops) > 1:
            return -self.stops[-1]
        cut = sum(relay.cut for relay in self.retired)
        return Status.INCOMPLETE if cut else Status.COMPLETE

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to signals during the body; they are seen to in the loop."""
        actions: dict[int, Callable[[], None]] = {
            signal.SIGTERM: lambda: self.stops.append(signal.SIGTERM),
            signal.SIGINT: lambda: self.stops.append(signal.SIGINT),
            signal.SIGHUP: self.reload,
            signal.SIGUSR1: self.show_statistics,
            signal.SIGWINCH: self.redraw,
        }

        def act(number: int, frame: object) -> None:
            self.loop.call_soon_threadsafe(actions[number])

        with contextlib.ExitStack() as before:
            for number in actions:
                before.callback(signal.signal, number, signal.signal(number, act))
            yield

    def reload(self) -> None:
        """Read the configuration and the certificates again; keep what was, if it is bad.

        Where there is neither, SIGHUP means that the terminal has gone, and ends all.
        """
        if self.extras.load is None and not any(map(has_certificates, self.relays.values())):
            self.stops.append(signal.SIGHUP)
            return
        readiness.reloading()
        try:
            plans = [relay.plan for relay in self.relays.values()]
            if self.extras.load is not None:
                plans = list(self.extras.load())
        except (OSError, ValueError) as error:
            self.reporter.complaint(f"nothing was reloaded: {error}")
        else:
            for name, failure in self.replace(plans):
                self.reporter.complaint(message_of(failure), name)
            self.reporter.event("reloaded", relays=sorted(self.relays))
            self.say(f"reloaded: {self.summary()}")
        readiness.ready(self.summary())

    def replace(self, plans: Sequence[Plan]) -> Iterator[tuple[str, Exception]]:
        """Serve *plans* from now on; yield which could not be started, and why.

        A relay that listens where it did keeps its listener, and reads its certificates
        again. Any other one gets a new one. Old connections go on as they were.
        """
        wanted = {plan.name: plan for plan in plans}
        for name, relay in list(self.relays.items()):
            plan = wanted.pop(name, None)
            if plan is None or plan.front != relay.plan.front:
                self.remove(name)
                if plan is not None:
                    wanted[name] = plan
                continue
            if plan != relay.plan:
                self.hand_over(relay, plan)
            try:
                relay.acceptor.reload()
            except (OSError, ValueError) as error:  # it keeps the old ones
                yield name, error
        for name, plan in wanted.items():
            try:
                self.add(plan)
            except (OSError, ValueError) as error:
                yield name, error

    def hand_over(self, relay: Relay, plan: Plan) -> None:
        """Let a relay of *plan* have the listener of *relay*: no client is turned away."""
        relay.gate.unwatch()
        self.retired.append(relay)
        self.relays[plan.name] = Relay(plan, relay.acceptor, self.around)

    def say(self, text: str) -> None:
        """Tell one line, unless programs listen."""
        if not self.reporter.as_json:
            self.reporter.tell(text)

    def show_statistics(self) -> None:
        """Tell what has been done so far."""
        from fildes.cli.relaying.table import summary

        for line in summary((self.watch or Watch(self)).totals(time.monotonic())):
            self.reporter.tell(line)

    def serve_metrics(self, side: Side) -> None:
        """Serve metrics at *side* from now on."""
        means = self.around.means
        opening = Opening(side.address, "r+b", means.policy, means.options)
        self.metrics = acceptor = self.loop.run_protocol(opening.listen())
        self.reporter.metrics(str(acceptor.address))

        async def serve() -> None:
            while True:
                self.scrape(await acceptor.accept_stream())

        self.loop.spawn(serve(), raise_error)

    def scrape(self, stream: Stream) -> None:
        """Answer one scraper, which will ask again whatever comes of it."""

        def answered(_: None, error: Exception | None) -> None:
            stream.abort()

        self.loop.spawn(answer(stream, self), answered, time.monotonic() + SCRAPE_TIMEOUT)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Show the live table during the body, if it is wanted."""
        if not self.extras.watch:
            yield
            return
        self.watch = watch = Watch(self)
        before = self.reporter.tell
        if watch.shown:
            self.reporter.tell = watch.say
        watch.enter()
        self.draw_later(watch)
        try:
            yield
        finally:
            watch.leave()
            self.reporter.tell = before

    def draw_later(self, watch: Watch) -> None:
        """Draw again and again."""

        def draw() -> None:
            watch.draw()
            self.draw_later(watch)

        self.loop.call_at(time.monotonic() + watch.interval, draw)

    def redraw(self) -> None:
        """Draw at once: the terminal has another size."""
        if self.watch is not None and self.watch.shown:
            self.watch.draw()


def has_certificates(relay: Relay) -> bool:
    """Tell whether the listener of *relay* has read files that may change."""
    return any(
        layer.scheme in ("tls-listen", "wss-listen") for layer in relay.front.address.layers()
    )


def raise_error(_: None, error: Exception | None) -> None:
    """Let the loop end with an error that nobody expects."""
    if error is not None and not isinstance(error, ValueError):  # the acceptor was closed
        raise error
