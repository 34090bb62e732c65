"""The three things that protocol code may await.

Protocol code is plain ``async def`` that imports no event loop. Each function
here hands one small request to the driver that runs the coroutine, and returns
the driver's answer. Whoever can answer these requests is a driver:
`fildes.drivers` has one for blocking code, one for asyncio and one for trio.
"""

from __future__ import annotations

import copy
import errno
import math
import os
import select
import time
import types
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
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


def no_byte(timeout: float) -> TimeoutError:
    """Return the error of a wait that was longer than the idle limit."""
    return TimeoutError(errno.ETIMEDOUT, f"no byte for {timeout:g} s")


def deadline_passed() -> TimeoutError:
    """Return the error that a passed deadline raises in protocol code."""
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


class Strand:
    """One of several protocol coroutines that run together.

    Attributes:
      asked: what it waits for; None once it has ended.
      until: the moment at which it has waited long enough.
    """

    def __init__(self, protocol: Protocol[None]) -> None:
        self.protocol = protocol
        self.asked: WaitAny | None = None
        self.until = math.inf

    async def advance(self, answer: Any, error: TimeoutError | None = None) -> None:
        """Run up to the next wait, or the end; *error* is what the last wait raises."""
        try:
            request = self.protocol.throw(error) if error else self.protocol.send(answer)
            while isinstance(request, CallBlocking):
                request = self.protocol.send(await call_blocking(request.function))
        except StopIteration:
            self.asked = None
            return
        self.asked = request
        timeout = request.timeout
        self.until = math.inf if timeout is None else time.monotonic() + timeout


async def together(protocols: Iterable[Protocol[None]]) -> None:
    """Run several protocol coroutines to their ends, waiting for all of them at once.

    They must not wait for the same descriptors. An error of one ends the others.
    """
    strands = [Strand(protocol) for protocol in protocols]
    try:
        for strand in strands:
            await strand.advance(None)
        while running := [strand for strand in strands if strand.asked is not None]:
            await advance_ready(running)
    finally:
        for strand in strands:
            strand.protocol.close()


async def advance_ready(strands: list[Strand]) -> None:
    """Wait until some of *strands* can go on, and let them."""
    interest = {fd: events for strand in strands for fd, events in asked_by(strand).items()}
    until = min(strand.until for strand in strands)
    timeout = None if until == math.inf else max(0.0, until - time.monotonic())
    try:
        ready = await wait_any(interest, timeout)
    except TimeoutError as error:  # so none of them can go on, and each may know what to do
        for strand in strands:
            await strand.advance(None, copy.copy(error))
        return
    for strand in strands:
        mine = {fd: events for fd, events in ready.items() if fd in asked_by(strand)}
        if mine or strand.until <= time.monotonic():
            await strand.advance(mine)


def asked_by(strand: Strand) -> Interest:
    """Return the descriptors that *strand* waits for."""
    return {} if strand.asked is None else strand.asked.interest
