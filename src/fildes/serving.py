"""The verb serve: a handler for each connection that comes, until it is time to stop.

A server that stops lets go of the place that it listens at at once, and of the open
connections when they have ended, or when its patience has.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fildes import verbs
from fildes.beginning import HURRY, MOST_WORKERS
from fildes.errors import failure_of
from fildes.listener import Listener
from fildes.trace import describe

if TYPE_CHECKING:
    import os
    from types import FrameType

    from fildes.address import Address

F = TypeVar("F")

#: Connections at once, unless said otherwise: each has a thread.  # arbitrary
CONNECTIONS = 512

#: Seconds that open connections get to end once a server stops.
DRAIN_TIMEOUT = 30.0

#: Seconds between two looks whether a second signal has come. Nothing ends a wait for it, if
#: the kernel has given it to another thread: handlers of signals run in the main one.
LOOK = 0.1  # arbitrary

#: What asks a server to stop.
STOPPING = (signal.SIGTERM, signal.SIGINT)


def serve(
    address: str | os.PathLike[str] | Address | Listener[Any],
    handler: Callable[[Any], Any],
    *,
    workers: int = 1,
    drain_timeout: float | None = DRAIN_TIMEOUT,
    ready: Callable[[str], object] | None = None,
    failed: Callable[[Any, Exception], object] | None = None,
    **arguments: Any,
) -> None:
    """Call *handler* with each connection to *address*, until SIGTERM, Ctrl-C or a close.

    Each handler runs in a thread of its own; if it is a coroutine function, in a task
    of asyncio. When it returns the connection is closed; when it raises, aborted. Clients
    for whom no descriptor is left wait until a handler has ended.

    To stop, the server first accepts no more and waits for its handlers; then it
    returns. A second signal aborts their connections. With workers the signals are those
    of the first process; they may come to all, as from systemd. Signals are looked at in the
    main thread only; elsewhere give a listener, and close it.

    Args:
      address: as of `listen`; or a listener, which is closed in the end.
      workers: processes that share the work; each has limits of its own, and for a
        coroutine function a loop. One that dies is replaced.
      drain_timeout: seconds that handlers get to end; then their connections are
        aborted. None for ever.
      ready: called once it listens, and all workers accept, with the address where.
      failed: called with the file and the error of a handler; else that is written to
        standard error, in a line if the connection has failed, or with its traceback.
      arguments: as of `listen`. At most 512 connections at once, unless
        ``max_connections`` says otherwise.

    Raises:
      AddressError, OSError: as `listen`.

    Example:
      >>> fildes.serve("tcp://:8007", lambda f: fildes.pipe(f, f))
    """
    import inspect  # 5 ms, which programs that only open do not pay

    check_serving(handler, workers, drain_timeout)
    if inspect.iscoroutinefunction(handler):
        from fildes.aio.serving import serve_in_asyncio

        how = {"drain_timeout": drain_timeout, "failed": failed}
        serve_in_asyncio(
            address, handler, workers=workers, ready=ready, how=how, arguments=arguments
        )
        return
    if isinstance(address, Listener):
        listener = address
    else:
        listener = verbs.listen(address, **limited(address, arguments))
    with listener:
        if workers == 1:
            Server(listener, handler, failed).run(drain_timeout, ready)
            return
        from fildes.sharing import run_workers

        def work(begin: Callable[[], object]) -> int:
            server = Server(listener, handler, failed, led=True)
            server.run(drain_timeout, lambda address: begin())
            return 0

        told = ready or (lambda address: None)
        run_workers(workers, listener.acceptor, work, lambda: told(listener.address), tell)


def check_serving(handler: object, workers: int, drain_timeout: float | None) -> None:
    """Raise what is wrong with the arguments of `serve`, before anything is listened at."""
    if not callable(handler):
        raise TypeError(f"a handler is called with each file: {handler!r} cannot be")
    if not 1 <= workers <= MOST_WORKERS:
        message = f"workers is a number of processes, from 1 to {MOST_WORKERS}, not {workers}"
        raise ValueError(message)
    if drain_timeout is not None and not drain_timeout >= 0:
        raise ValueError(f"drain_timeout is a number of seconds, 0 or more, not {drain_timeout}")


def limited(address: object, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return *arguments* with the limit of connections that servers have."""
    from fildes.listening.naming import knows

    most = {"max_connections": CONNECTIONS} if knows(address, "max-connections") else {}
    return {**most, **arguments}


class Server(Generic[F]):
    """The connections of one listener, a thread for each.

    Attributes:
      led: it is one of several, and only `HURRY` hurries it.
    """

    def __init__(
        self,
        listener: Listener[F],
        handler: Callable[[F], object],
        failed: Callable[[F, Exception], object] | None = None,
        *,
        led: bool = False,
    ) -> None:
        self.listener = listener
        self.led = led
        self.handler = handler
        self.failed = failed or show
        self.open: set[Any] = set()  # the files that handlers have
        self.changed = threading.Condition()
        self.hurried = False

    def run(
        self, drain_timeout: float | None, ready: Callable[[str], object] | None = None
    ) -> None:
        """Serve until the listener is closed, and wait for the handlers."""
        with self.stopped_by_signals():
            try:
                if ready is not None:
                    ready(self.listener.address)
                for file in self.listener:
                    self.start(file)
            finally:
                self.listener.close()
                self.drain(drain_timeout)

    @contextlib.contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Let the first signal stop it, and the second one hurry it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.stop) for number in STOPPING}
        if self.led:
            before[HURRY] = signal.signal(HURRY, self.hurry)
        try:
            yield
        finally:
            for number, action in before.items():
                signal.signal(number, action)

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Accept no more; the second time, wait for nobody any more."""
        if self.listener.closed and not self.led:
            self.hurry()
        self.listener.close()

    def hurry(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Accept no more, and wait for nobody."""
        self.hurried = True
        self.listener.close()

    def start(self, file: F) -> None:
        """Begin with one connection."""
        with self.changed:
            self.open.add(file)
        # A daemon: who has been hurried must not wait for it at exit.
        thread = threading.Thread(
            target=self.handle, args=(file,), name="fildes-serve", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # there can be no more threads now
            abort(file)
            self.end(file)
            self.failed(file, error)

    def handle(self, file: Any) -> None:
        """See to one connection, from its beginning to its end."""
        try:
            with file:
                self.handler(file)
        except Exception as error:  # whatever it is, it is one connection's
            self.failed(file, error)
        finally:
            self.end(file)

    def end(self, file: F) -> None:
        """Note that one connection is over."""
        with self.changed:
            self.open.discard(file)
            self.changed.notify_all()
        self.listener.acceptor.released()

    def drain(self, timeout: float | None) -> None:
        """Wait for the handlers; abort the connections of those that take longer."""
        until = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            while self.open and not self.hurried:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    break
                self.changed.wait(LOOK if left is None else min(left, LOOK))
            late = list(self.open)
        for file in late:
            abort(file)


def tell(line: str) -> None:
    """Write one *line* about a worker to standard error."""
    if sys.stderr is not None:
        print(f"fildes: {line}", file=sys.stderr)


def abort(file: Any) -> None:
    """Abort a connection whose handler may be using it."""
    with contextlib.suppress(OSError, ValueError):
        file.abort()


def show(file: Any, error: Exception) -> None:
    """Write what a handler has raised to standard error.

    Of a connection that its peer has cut a line says all. Who has made a mistake needs to
    know where.
    """
    if sys.stderr is None:
        return
    who = f"fildes: serving {file.peer}"
    failure = failure_of(error)
    if failure is not None and failure.address == file.address:
        print(f"{who}: unable to {failure.step}: {describe(error)}", file=sys.stderr)
    else:
        import traceback

        print(f"{who}:", file=sys.stderr)
        traceback.print_exception(error)
