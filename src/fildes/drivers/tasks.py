"""What the drivers for event loops have in common: protocol code in a task."""

from __future__ import annotations

import abc
import errno
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from fildes.waiting import (
    CallBlocking,
    Interest,
    Protocol,
    Request,
    deadline_passed,
    no_byte,
)

T = TypeVar("T")


class TaskDriver(abc.ABC):
    """Runs the protocol code of one file in the tasks of an event loop.

    Several tasks may wait at once, for the same descriptor too. Before descriptors
    that may be waited for are closed, `wake` must be called: epoll(7) silently
    forgets a closed descriptor, and its waiter would wait for ever.
    """

    @abc.abstractmethod
    async def wait(self, interest: Interest, timeout: float | None = None) -> dict[int, int]:
        """Wait until a descriptor is ready; empty after *timeout* seconds.

        What epoll(7) cannot watch, a regular file say, is always ready.

        Raises:
          OSError: EBADF, `wake` was called.
        """

    @abc.abstractmethod
    async def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        """Return the result of *function*, called in a thread.

        On a time-out or cancellation the thread is left alone; it ends by itself.
        """

    @abc.abstractmethod
    async def checkpoint(self) -> None:
        """Let other tasks run, and raise a cancellation that is due."""

    @abc.abstractmethod
    def wake(self) -> None:
        """End every wait in progress, and unregister its descriptors at once."""

    def hold(self) -> object:
        """Keep what waiting needs, until `release`; a wait does so by itself."""
        return None

    def release(self) -> None:  # noqa: B027  # most drivers need nothing
        """Let go of what waiting needs; a later wait may take it again."""

    async def run(
        self,
        protocol: Protocol[T],
        deadline: float | None = None,
        idle_timeout: float | None = None,
    ) -> T:
        """Run *protocol* to its end and return its result.

        A cancellation is raised inside the coroutine, which cleans up without
        awaiting anything more.

        Args:
          protocol: a coroutine that awaits nothing but `fildes.waiting`.
          deadline: the `time.monotonic` moment after which every wait raises
            `TimeoutError` inside the coroutine; None for no deadline.
          idle_timeout: seconds after which a single wait raises it; None for no limit.
        """
        try:
            request = protocol.send(None)
            while True:
                try:
                    answer = await self.answer(request, deadline, idle_timeout)
                except BaseException as error:
                    request = protocol.throw(error)
                else:
                    request = protocol.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            protocol.close()

    async def answer(
        self, request: Request, deadline: float | None, idle_timeout: float | None = None
    ) -> Any:
        """Return what *request* asks for."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if isinstance(request, CallBlocking):
            return await self.call(request.function, left)
        interest, timeout = request
        if left is not None and (timeout is None or left <= timeout):
            ready = await self.wait(interest, left)
            if not ready:
                raise deadline_passed()
        elif left is None and timeout is None and idle_timeout is not None:
            ready = await self.wait(interest, idle_timeout)
            if not ready:
                raise no_byte(idle_timeout)
        else:
            ready = await self.wait(interest, timeout)
        return ready


def closed_meanwhile() -> OSError:
    """Return the error of a wait that `TaskDriver.wake` has ended."""
    return OSError(errno.EBADF, f"{os.strerror(errno.EBADF)}: closed while it was waited for")
