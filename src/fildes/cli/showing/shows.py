"""Where the counts are seen: metrics, the live table, a line at SIGUSR1."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fildes.cli.showing.metrics import answer
from fildes.cli.showing.table import summary
from fildes.cli.showing.watch import Watch

if TYPE_CHECKING:
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.showing.counts import View
    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: Seconds that a scraper may take to ask and to read; Prometheus' own scrape_timeout.
SCRAPE_TIMEOUT = 10.0


class Shows:
    """Shows what *view* has counted, in a loop."""

    def __init__(self, loop: Loop, view: View, reporter: Reporter) -> None:
        self.loop, self.view, self.reporter = loop, view, reporter
        self.metrics: Acceptor | None = None
        self.watch: Watch | None = None

    def serve_metrics(self, opening: Opening) -> None:
        """Serve metrics from now on where *opening* listens.

        Raises:
          OSError: as bind(2).
        """
        self.metrics = acceptor = self.loop.run_protocol(opening.listen())
        self.reporter.metrics(str(acceptor.address))

        async def serve() -> None:
            while True:
                stream = await acceptor.accept_stream()
                self.view.refresh(functools.partial(self.scrape, stream))

        self.loop.spawn(serve(), raise_error)

    def scrape(self, stream: Stream) -> None:
        """Answer one scraper, which will ask again whatever comes of it."""

        def answered(_: None, error: Exception | None) -> None:
            stream.abort()

        self.loop.spawn(answer(stream, self.view), answered, time.monotonic() + SCRAPE_TIMEOUT)

    def show_statistics(self) -> None:
        """Tell what has been done so far."""

        def tell() -> None:
            for line in summary((self.watch or Watch(self.view)).totals(time.monotonic())):
                self.reporter.tell(line)

        self.view.refresh(tell)

    @contextlib.contextmanager
    def watching(self, *, wanted: bool) -> Iterator[None]:
        """Show the live table during the body, if it is wanted."""
        if not wanted:
            yield
            return
        self.watch = watch = Watch(self.view)
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

        moment = time.monotonic() + watch.interval
        self.loop.call_at(moment, lambda: self.view.refresh(draw))

    def redraw(self) -> None:
        """Draw at once: the terminal has another size."""
        if self.watch is not None and self.watch.shown:
            self.watch.draw()

    def close(self) -> None:
        """Serve metrics no more."""
        if self.metrics is not None:
            self.metrics.close()


def raise_error(_: None, error: Exception | None) -> None:
    """Let the loop end with an error that nobody expects."""
    if error is not None and not isinstance(error, ValueError):  # the acceptor was closed
        raise error
