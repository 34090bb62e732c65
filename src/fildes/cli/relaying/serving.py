"""The process that runs a service: its signals, its metrics, its table, its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.cli.relaying import readiness
from fildes.cli.relaying.metrics import answer
from fildes.cli.relaying.service import Service, cancel
from fildes.cli.relaying.watch import Watch
from fildes.cli.reporting import message_of
from fildes.cli.status import Status
from fildes.drivers import asyncio as asyncio_driver
from fildes.opening.opening import Opening

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.side import Side
    from fildes.streams.stream import Stream

#: Seconds that a scraper may take to ask and to read.
SCRAPE_TIMEOUT = 10.0  # Prometheus' own default, scrape_timeout

Load = Callable[[], Sequence["Plan"]]


class Extras(NamedTuple):
    """What a service does beside relaying.

    Attributes:
      metrics: where metrics are served; None for nowhere.
      load: reads the configuration again; None if there is none.
      watch: whether a live table is wanted.
    """

    metrics: Side | None = None
    load: Load | None = None
    watch: bool = False


def run_service(service: Service, plans: Sequence[Plan], extras: Extras) -> int:
    """Serve *plans* until a signal ends it; return the status.

    Raises:
      OSError: a relay cannot listen; none does then.
    """
    return asyncio.run(Serving(service, extras).run(plans))


class Serving:
    """A service that runs.

    Attributes:
      stops: the signals to end that came so far.
    """

    def __init__(self, service: Service, extras: Extras) -> None:
        self.service = service
        self.extras = extras
        self.stops: list[int] = []
        self.stopped = asyncio.Event()
        self.stopped_again = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.watch: Watch | None = None

    async def run(self, plans: Sequence[Plan]) -> int:
        """Serve until the end and return the status."""
        try:
            for plan in plans:
                await self.service.add(plan)
            if self.extras.metrics is not None:
                await self.serve_metrics(self.extras.metrics)
            with self.on_signals(), self.watching():
                readiness.ready(self.summary())
                await self.stopped.wait()
                return await self.end()
        finally:
            await cancel(self.tasks)
            await self.service.abort()

    def summary(self) -> str:
        """Return what it does, for the service manager."""
        count = len(self.service.relays)
        return f"{count} relay{'s' * (count != 1)} listening"

    async def end(self) -> int:
        """Accept no more, and let what is open end, unless a second signal comes."""
        await self.service.stop_listening()
        open_now = sum(len(relay.connections) for relay in self.service.all_relays())
        readiness.stopping(f"{open_now} connections open")
        if open_now:
            self.say(f"no more connections are accepted; {open_now} open, which may end")
        drain = asyncio.create_task(self.service.drain())
        again = asyncio.create_task(self.stopped_again.wait())
        await asyncio.wait([drain, again], return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
        if drain.done():
            return Status.COMPLETE if drain.result() else Status.INCOMPLETE
        drain.cancel()
        return -self.stops[-1]

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to signals during the body."""
        loop = asyncio.get_running_loop()
        actions = {
            signal.SIGTERM: lambda: self.stop(signal.SIGTERM),
            signal.SIGINT: lambda: self.stop(signal.SIGINT),
            signal.SIGHUP: lambda: self.begin(self.reload()),
            signal.SIGUSR1: self.show_statistics,
            signal.SIGWINCH: self.redraw,
        }
        for number, action in actions.items():
            loop.add_signal_handler(number, action)
        try:
            yield
        finally:
            for number in actions:
                loop.remove_signal_handler(number)

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in a task of its own."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def stop(self, number: int) -> None:
        """Note that the signal *number* asks for the end."""
        self.stops.append(number)
        (self.stopped_again if self.stopped.is_set() else self.stopped).set()

    async def reload(self) -> None:
        """Read the configuration and the certificates again; keep what was, if it is bad."""
        readiness.reloading()
        try:
            plans = [relay.plan for relay in self.service.relays.values()]
            if self.extras.load is not None:
                plans = list(self.extras.load())
        except (OSError, ValueError) as error:
            self.say(f"nothing was reloaded: {error}")
        else:
            failures = await self.service.reload(plans)
            for name, failure in failures:
                self.say(f"{name or 'relay'}: {message_of(failure)}")
            self.service.reporter.event("reloaded", relays=sorted(self.service.relays))
            self.say(f"reloaded: {self.summary()}")
        readiness.ready(self.summary())

    def say(self, text: str) -> None:
        """Tell one line."""
        if not self.service.reporter.as_json:
            self.service.reporter.tell(text)

    def show_statistics(self) -> None:
        """Tell what has been done so far."""
        from fildes.cli.relaying.table import summary

        totals = (self.watch or Watch(self.service)).totals(time.monotonic())
        for line in summary(totals):
            self.service.reporter.tell(line)

    async def serve_metrics(self, side: Side) -> None:
        """Serve metrics at *side* from now on."""
        means = self.service.means
        opening = Opening(side.address, "r+b", means.policy, means.options)
        acceptor = await asyncio_driver.run(opening.listen())
        self.service.reporter.metrics(str(acceptor.address))

        async def serve() -> None:
            try:
                while True:
                    stream = await asyncio_driver.run(acceptor.accept_stream())
                    self.begin(self.scrape(stream))
            finally:
                acceptor.close()

        self.begin(serve())

    async def scrape(self, stream: Stream) -> None:
        """Answer one scraper."""
        try:
            deadline = time.monotonic() + SCRAPE_TIMEOUT
            await asyncio_driver.run(answer(stream, self.service), deadline)
        except (OSError, EOFError):  # it will ask again
            pass
        finally:
            stream.abort()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Show the live table during the body, if it is wanted."""
        if not self.extras.watch:
            yield
            return
        self.watch = watch = Watch(self.service)
        before = self.service.reporter.tell
        if watch.shown:
            self.service.reporter.tell = watch.say
        self.begin(self.keep_drawing(watch))
        try:
            yield
        finally:
            watch.leave()
            self.service.reporter.tell = before

    async def keep_drawing(self, watch: Watch) -> None:
        """Draw again and again."""
        watch.enter()
        while True:
            await asyncio.sleep(watch.interval)
            watch.draw()

    def redraw(self) -> None:
        """Draw at once: the terminal has another size."""
        if self.watch is not None and self.watch.shown:
            self.watch.draw()
