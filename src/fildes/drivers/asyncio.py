"""Run protocol code in asyncio tasks, on any event loop with `add_reader`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from fildes.drivers.poller import Poller, Wait, poller_of
from fildes.drivers.tasks import TaskDriver, closed_meanwhile
from fildes.waiting import Interest, Protocol, deadline_passed

T = TypeVar("T")


async def run(protocol: Protocol[T], deadline: float | None = None) -> T:
    """Run *protocol* to its end and return its result; as `TaskDriver.run`."""
    return await Driver().run(protocol, deadline)


class Driver(TaskDriver):
    """The driver of one file in the running event loop.

    Attributes:
      poller: held from the first wait to `release`.
      waits: what `wake` has to end, and who tells it. No wait holds its poller, whose times
        may hold that for long.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.poller: Poller | None = None
        self.waits: dict[Wait, Poller] = {}

    async def wait(self, interest: Interest, timeout: float | None = None) -> dict[int, int]:
        poller = self.hold()
        wait = Wait(interest, self.loop.create_future())
        self.waits[wait] = poller
        try:
            poller.add(wait, timeout)
            await wait.finished
        finally:
            poller.discard(wait)
            del self.waits[wait]
        if wait.woken:
            raise closed_meanwhile()
        return wait.ready

    async def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        loop = self.loop  # the thread may last a little longer than the driver and its poller
        outcome: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            if not outcome.done():
                outcome.set_result((result, error))

        def call() -> None:
            try:
                args: tuple[T | None, BaseException | None] = (function(), None)
            except BaseException as error:  # re-raised in the waiting task
                args = (None, error)
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(finish, *args)

        # No thread of the loop's executor: asyncio.run would wait for it at the end.
        threading.Thread(target=call, name="fildes-call", daemon=True).start()
        await asyncio.wait([outcome], timeout=timeout)
        if not outcome.done():
            raise deadline_passed()
        result, error = outcome.result()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # no error, so it is a T

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def wake(self) -> None:
        for wait, poller in self.waits.items():
            wait.woken = True
            poller.discard(wait)
            wait.finish()

    def hold(self) -> Poller:
        if self.poller is None:
            self.poller = poller_of(self.loop)
        return self.poller

    def release(self) -> None:
        self.poller = None
