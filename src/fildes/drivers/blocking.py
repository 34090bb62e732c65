"""Run protocol code in the calling thread, waiting with poll(2)."""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from fildes.waiting import (
    CallBlocking,
    Interest,
    Protocol,
    Request,
    WaitAny,
    deadline_passed,
    no_byte,
)

T = TypeVar("T")

#: Seconds, some 24 days: poll(2) takes its milliseconds as an int.
LONGEST_WAIT = 2_147_483

#: Seconds after which the main thread lets handlers of signals run. Python calls them between
#: two of its instructions: for one that comes after the last of these, and before poll(2),
#: nothing would end the wait.  # arbitrary
LOOK = 1.0


def run(
    protocol: Protocol[T], deadline: float | None = None, idle_timeout: float | None = None
) -> T:
    """Run *protocol* to its end and return its result.

    Args:
      protocol: a coroutine that awaits nothing but `fildes.waiting`.
      deadline: the `time.monotonic` moment after which every wait raises
        `TimeoutError` inside the coroutine; None for no deadline.
      idle_timeout: seconds after which a single wait raises it; None for no limit.

    Ctrl-C during a wait is raised inside the coroutine too, so that it cleans up.
    """
    try:
        request = protocol.send(None)
        while True:
            try:
                answer = _answer(request, deadline, idle_timeout)
            except BaseException as error:
                request = protocol.throw(error)
            else:
                request = protocol.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        protocol.close()


def wait(interest: Interest, timeout: float | None = None) -> dict[int, int]:
    """Wait with poll(2) until a descriptor is ready; empty after *timeout* seconds."""
    poll = select.poll()
    for fd, events in interest.items():
        poll.register(fd, events)
    if timeout is None or timeout > LOOK:
        # Not current_thread(), which remembers each thread that Python has not started.
        if threading.get_ident() == threading.main_thread().ident:
            return wait_looking(poll, timeout)
        timeout = None if timeout is None else min(timeout, LONGEST_WAIT)
    return dict(poll.poll(None if timeout is None else in_milliseconds(timeout)))


def wait_looking(poll: select.poll, timeout: float | None) -> dict[int, int]:
    """Wait as long as `wait` does, and look for signals meanwhile."""
    until = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left = until - time.monotonic()
        ready = poll.poll(in_milliseconds(min(left, LOOK)))
        if ready or left <= LOOK:
            return dict(ready)


def in_milliseconds(seconds: float) -> int:
    """Return what poll(2) counts in, rounded up: who wakes early would spin."""
    return max(0, math.ceil(seconds * 1000))


def _answer(request: Request, deadline: float | None, idle_timeout: float | None) -> Any:
    match request:
        case WaitAny(interest, None) if idle_timeout is not None and deadline is None:
            ready = wait(interest, idle_timeout)
            if not ready:
                raise no_byte(idle_timeout)
            return ready
        case WaitAny(interest, timeout):
            return _wait_any(interest, timeout, deadline)
        case CallBlocking(function):
            return _call(function, deadline)


def _wait_any(interest: Interest, timeout: float | None, deadline: float | None) -> dict[int, int]:
    if deadline is None:
        return wait(interest, timeout)
    left = max(0.0, deadline - time.monotonic())
    if timeout is not None and timeout < left:
        return wait(interest, timeout)
    ready = wait(interest, left)
    if not ready:
        raise deadline_passed()
    return ready


def _call(function: Callable[[], T], deadline: float | None) -> T:
    """Call *function* in a thread, so that neither a deadline nor Ctrl-C waits for it."""
    import queue  # with heapq 2 ms, which numeric addresses do not pay

    results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def call() -> None:
        try:
            results.put((function(), None))
        except BaseException as error:  # re-raised in the waiting thread
            results.put((None, error))

    # A daemon: getaddrinfo(3) cannot be interrupted, and must not keep the process alive.
    thread = threading.Thread(target=call, name="fildes-call", daemon=True)
    thread.start()
    left = None
    if deadline is not None:
        left = min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
    try:
        result, error = results.get(timeout=left)
    except queue.Empty:
        raise deadline_passed() from None
    thread.join()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # no error, so it is a T
