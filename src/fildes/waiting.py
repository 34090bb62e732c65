"""The three things that protocol code may await.

Protocol code is plain ``async def`` that imports no event loop. Each function
here hands one small request to the driver that runs the coroutine, and returns
the driver's answer. Whoever can answer these requests is a driver:
`fildes.drivers` has one for blocking code, one for asyncio and one for trio.
"""

from __future__ import annotations

import errno
import os
import select
import types
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

READ = select.POLLIN  #: poll(2)'s own bits, so that no driver has to translate
WRITE = select.POLLOUT

#: Descriptor to READ, WRITE or READ | WRITE.
Interest = Mapping[int, int]


class WaitAny(NamedTuple):
    """Ask for the readiness of any of several descriptors."""

    interest: Interest
    timeout: float | None = None


class CallBlocking(NamedTuple):
    """Ask for the result of a call that poll(2) cannot see, getaddrinfo(3) say."""

    function: Callable[[], Any]


Request = WaitAny | CallBlocking

#: What a driver runs.
Protocol = Coroutine[Request, Any, T]


@types.coroutine
def _ask(request: Request) -> Generator[Request, Any, Any]:
    return (yield request)


async def wait_any(interest: Interest, timeout: float | None = None) -> dict[int, int]:
    """Wait until a descriptor is ready; return the ready ones with their readiness.

    An error or hang-up counts as ready for whatever was asked. The result is
    empty when *timeout* seconds passed first.

    Raises:
      TimeoutError: the driver's deadline passed.
    """
    ready: dict[int, int] = await _ask(WaitAny(interest, timeout))
    return ready


async def wait_readable(fd: int) -> None:
    """Wait until *fd* is readable."""
    await _ask(WaitAny({fd: READ}))


async def wait_writable(fd: int) -> None:
    """Wait until *fd* is writable."""
    await _ask(WaitAny({fd: WRITE}))


async def call_blocking(function: Callable[[], T]) -> T:
    """Return *function*'s result without blocking the other coroutines.

    After a time-out or a cancellation the call may still finish in its thread;
    its result is dropped, so it must not hold a resource.
    """
    result: T = await _ask(CallBlocking(function))
    return result


def deadline_passed() -> TimeoutError:
    """Return the error that a passed deadline raises in protocol code."""
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
