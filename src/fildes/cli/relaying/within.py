"""A deadline inside of protocol code, for one attempt of several."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from fildes.waiting import CallBlocking, Protocol, Request, WaitAny, deadline_passed

T = TypeVar("T")


@types.coroutine
def within(protocol: Protocol[T], seconds: float | None) -> Generator[Request, Any, T]:
    """Run *protocol*; after *seconds* its waits raise `TimeoutError`.

    A blocking call is waited for, since only the driver could leave it alone.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    step: Callable[[], Request] = lambda: protocol.send(None)  # noqa: E731  # replaced below
    try:
        while True:
            request = step()
            try:
                answer = yield limited(request, deadline)
            except BaseException as error:
                step = thrown(protocol, error)
                continue
            late = deadline is not None and time.monotonic() >= deadline
            if late and not (isinstance(request, WaitAny) and answer):
                step = thrown(protocol, deadline_passed())
            else:
                step = sent(protocol, answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        protocol.close()


def limited(request: Request, deadline: float | None) -> Request:
    """Return *request* with a time-out no later than *deadline*."""
    if deadline is None or isinstance(request, CallBlocking):
        return request
    interest, timeout = request
    left = max(0.0, deadline - time.monotonic())
    return WaitAny(interest, left if timeout is None else min(timeout, left))


def thrown(protocol: Protocol[T], error: BaseException) -> Callable[[], Request]:
    """Return the step that raises *error* in *protocol*."""
    return lambda: protocol.throw(error)


def sent(protocol: Protocol[T], answer: Any) -> Callable[[], Request]:
    """Return the step that goes on with *answer*."""
    return lambda: protocol.send(answer)
