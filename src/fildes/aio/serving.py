"""The verb serve for asyncio and trio."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

from fildes import drivers
from fildes.aio.listener import AsyncListener
from fildes.beginning import HURRY
from fildes.serving import DRAIN_TIMEOUT, STOPPING, limited, show

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator

    from fildes.verbs import Options


class Handlers:
    """What the handlers of one server share."""

    def __init__(
        self,
        listener: AsyncListener,
        handler: Callable[[Any], Awaitable[object]],
        failed: Callable[[Any, Exception], object] | None,
    ) -> None:
        self.listener = listener
        self.handler = handler
        self.failed = failed or show

    async def handle(self, file: Any) -> None:
        """See to one connection, from its beginning to its end."""
        try:
            async with file:
                await self.handler(file)
        except Exception as error:  # whatever it is, it is one connection's
            self.failed(file, error)
        finally:
            self.listener.acceptor.released()


async def serve(
    address: Any,
    handler: Callable[[Any], Awaitable[object]],
    *,
    drain_timeout: float | None = DRAIN_TIMEOUT,
    ready: Callable[[str], object] | None = None,
    failed: Callable[[Any, Exception], object] | None = None,
    **arguments: Any,
) -> None:
    """Await *handler* with each connection to *address*, each in a task, until cancelled.

    Arguments are those of `fildes.serve`. Signals are the event loop's business: to stop
    in order, give an `AsyncListener` and close it.

    Example:
      >>> async def echo(f):
      ...     await fildes.aio.pipe(f, f)
      >>> await fildes.aio.serve("tcp://:8007", echo)
    """
    if not isinstance(address, AsyncListener):
        address = await listen(address, arguments)
    handlers = Handlers(address, handler, failed)
    async with address as listener:
        if ready is not None:
            ready(listener.address)
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            await serve_trio(trio, listener, handlers, drain_timeout)
        else:
            await serve_asyncio(listener, handlers, drain_timeout)


async def listen(address: Any, arguments: Options) -> AsyncListener:
    """Return a listener at *address* with the limit that servers have."""
    from fildes import aio

    listener: AsyncListener = await aio.listen(address, **limited(address, dict(arguments)))
    return listener


async def serve_trio(
    trio: Any, listener: AsyncListener, handlers: Handlers, drain_timeout: float | None
) -> None:
    """Serve in the tasks of a trio nursery."""
    async with trio.open_nursery() as nursery:
        async for file in listener:
            nursery.start_soon(handlers.handle, file)
        if drain_timeout is not None:
            nursery.cancel_scope.deadline = trio.current_time() + drain_timeout


async def serve_asyncio(
    listener: AsyncListener, handlers: Handlers, drain_timeout: float | None
) -> None:
    """Serve in tasks of asyncio."""
    import asyncio

    tasks: set[asyncio.Task[None]] = set()
    try:
        async for file in listener:
            task = asyncio.create_task(handlers.handle(file))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=drain_timeout)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def serve_in_asyncio(
    address: Any,
    handler: Callable[[Any], Awaitable[object]],
    *,
    workers: int,
    ready: Callable[[str], object] | None,
    how: dict[str, Any],
    arguments: dict[str, Any],
) -> None:
    """Serve in an event loop of our own, or one in each of several processes.

    Args:
      how: `drain_timeout` and `failed` of `serve`.
      arguments: those of `listen`.
    """
    import asyncio

    async def start() -> AsyncListener:
        return await listen(address, arguments)

    async def main(told: Callable[[str], object] | None, listener: AsyncListener | None) -> None:
        led = listener is not None
        if listener is None:
            listener = await start()
        else:
            listener.driver = drivers.here()  # it was made in another loop
        async with listener:
            with stopped_by_signals(listener, led=led):
                await serve(listener, handler, ready=told, **how)

    def work(told: Callable[[str], object] | None, listener: AsyncListener | None = None) -> int:
        with contextlib.suppress(asyncio.CancelledError):  # by the second signal
            asyncio.run(main(told, listener))
        return 0

    if workers == 1:
        work(ready)
        return
    from fildes.serving import tell
    from fildes.sharing import run_workers

    listener = asyncio.run(start())
    try:
        told = ready or (lambda address: None)
        run_workers(
            workers,
            listener.acceptor,
            lambda begin: work(lambda address: begin(), listener),
            lambda: told(listener.address),
            tell,
        )
    finally:
        listener.acceptor.close()


@contextlib.contextmanager
def stopped_by_signals(listener: AsyncListener, *, led: bool) -> Iterator[None]:
    """Let the first signal close *listener*, and the second one cancel the calling task.

    If it is *led* by another process that one has to say so: see `HURRY`. Only the main thread
    can listen to signals.
    """
    import asyncio

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if listener.closed and not led:
            task.cancel()
        listener.stop()

    def hurry() -> None:
        task.cancel()
        listener.stop()

    actions: dict[int, Callable[[], None]] = dict.fromkeys(STOPPING, stop)
    if led:
        actions[HURRY] = hurry

    def act(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(actions[number])

    # Not by the loop, which leaves behind default actions: they kill who is about to end.
    with contextlib.ExitStack() as before:
        for number in actions:
            before.callback(signal.signal, number, signal.signal(number, act))
        before.enter_context(woken_by_signals(loop))
        yield


@contextlib.contextmanager
def woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let a signal end a wait of *loop* even if it comes just before it, or to another thread.

    Python calls its handler between two instructions of the main thread. So what is called for
    the byte that a signal sends has some: the loop may have none, as uvloop.
    """
    waker, alarm = socket.socketpair()

    def hear() -> None:
        alarm.recv(4096)

    with waker, alarm:
        waker.setblocking(False)
        alarm.setblocking(False)
        loop.add_reader(alarm, hear)
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(alarm)
