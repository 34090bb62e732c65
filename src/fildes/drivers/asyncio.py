"""Run protocol code in asyncio tasks, on any event loop with `add_reader`.

A loop calls back one function for each descriptor and direction, and forgets the
first when a second is added. So each loop gets a table of who waits for what, and
one function that looks it up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TypeVar

from fildes.drivers.tasks import TaskDriver, closed_meanwhile
from fildes.waiting import READ, WRITE, Interest, Protocol, deadline_passed

T = TypeVar("T")

#: A descriptor and READ or WRITE.
Key = tuple[int, int]


async def run(protocol: Protocol[T], deadline: float | None = None) -> T:
    """Run *protocol* to its end and return its result; as `TaskDriver.run`."""
    return await Driver().run(protocol, deadline)


class Driver(TaskDriver):
    """The driver of one file in the running event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.waits: set[Wait] = set()

    async def wait(self, interest: Interest, timeout: float | None = None) -> dict[int, int]:
        wait = Wait(self.loop)
        timer = None if timeout is None else self.loop.call_later(timeout, wait.finish)
        self.waits.add(wait)
        try:
            wait.watch(interest)
            await wait.finished
        finally:
            wait.unwatch()
            self.waits.discard(wait)
            if timer is not None:
                timer.cancel()
        if wait.woken:
            raise closed_meanwhile()
        return wait.ready

    async def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        outcome: asyncio.Future[tuple[T | None, BaseException | None]] = self.loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            if not outcome.done():
                outcome.set_result((result, error))

        def call() -> None:
            try:
                args: tuple[T | None, BaseException | None] = (function(), None)
            except BaseException as error:  # re-raised in the waiting task
                args = (None, error)
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self.loop.call_soon_threadsafe(finish, *args)

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
        for wait in self.waits:
            wait.woken = True
            wait.unwatch()
            wait.finish()


class Wait:
    """One wait in progress.

    Attributes:
      ready: the descriptors found ready, with their readiness.
      finished: done when there is something to return.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.watches = watches_of(loop)
        self.watched: list[Key] = []
        self.ready: dict[int, int] = {}
        self.woken = False
        self.finished: asyncio.Future[None] = loop.create_future()

    def watch(self, interest: Interest) -> None:
        """Be told of the readiness of the descriptors in *interest*."""
        for fd, events in interest.items():
            for direction in (READ, WRITE):
                if events & direction:
                    self.watch_one((fd, direction))

    def watch_one(self, key: Key) -> None:
        """Be told when one descriptor is ready in one direction."""
        try:
            self.watches.add(self.loop, key, self)
        except PermissionError:  # epoll_ctl(2): the file does not support epoll
            self.loop.call_soon(self.found, key)
        else:
            self.watched.append(key)

    def unwatch(self) -> None:
        """Be told no more."""
        for key in self.watched:
            self.watches.discard(self.loop, key, self)
        self.watched.clear()

    def found(self, key: Key) -> None:
        """Note that a descriptor is ready in a direction."""
        fd, direction = key
        self.ready[fd] = self.ready.get(fd, 0) | direction
        self.finish()

    def finish(self) -> None:
        """End the wait."""
        if not self.finished.done():
            self.finished.set_result(None)


class Watches:
    """Who waits for what in one event loop."""

    def __init__(self) -> None:
        self.waits: dict[Key, list[Wait]] = {}

    def add(self, loop: asyncio.AbstractEventLoop, key: Key, wait: Wait) -> None:
        """Tell *wait* when *key* is ready."""
        if key not in self.waits:
            fd, direction = key
            add = loop.add_reader if direction == READ else loop.add_writer
            with same_blocking_mode(loop, fd):
                add(fd, self.found, key)
            self.waits[key] = []
        self.waits[key].append(wait)

    def discard(self, loop: asyncio.AbstractEventLoop, key: Key, wait: Wait) -> None:
        """Tell *wait* no more."""
        waits = self.waits[key]
        waits.remove(wait)
        if not waits:
            del self.waits[key]
            fd, direction = key
            remove = loop.remove_reader if direction == READ else loop.remove_writer
            remove(fd)

    def found(self, key: Key) -> None:
        """Pass on that *key* is ready."""
        for wait in self.waits.get(key, ()):
            wait.found(key)


@contextlib.contextmanager
def same_blocking_mode(loop: asyncio.AbstractEventLoop, fd: int) -> Iterator[None]:
    """Undo what uv_poll_init does to a descriptor that others may hold: O_NONBLOCK."""
    if isinstance(loop, asyncio.SelectorEventLoop):
        yield
        return
    blocking = os.get_blocking(fd)
    yield
    os.set_blocking(fd, blocking)


def watches_of(loop: asyncio.AbstractEventLoop) -> Watches:
    """Return the table of *loop*."""
    if loop not in WATCHES:
        WATCHES[loop] = Watches()
    return WATCHES[loop]


WATCHES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watches] = weakref.WeakKeyDictionary()
