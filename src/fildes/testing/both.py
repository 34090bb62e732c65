"""Two pieces of protocol code at once, under any driver."""

from __future__ import annotations

import time
from typing import Any, Generic, TypeVar

from fildes.waiting import READ, WRITE, Protocol, Request, WaitAny, call_blocking, wait_any

First = TypeVar("First")
Second = TypeVar("Second")
T = TypeVar("T")


async def both(first: Protocol[First], second: Protocol[Second]) -> tuple[First, Second]:
    """Run two coroutines at once, return both results; the first error ends both.

    For a client and a server in one test, say, that need each other to go on.
    """
    try:
        left, right = Party(first), Party(second)
        while waiting := [party for party in (left, right) if party.request is not None]:
            await advance(waiting)
        return left.result, right.result
    finally:
        first.close()
        second.close()


class Party(Generic[T]):
    """One of the two coroutines, run up to its next request.

    Attributes:
      request: what it waits for; None when it has come to its end.
      deadline: when its wait ends anyhow; None for never.
      result: what it has returned.
    """

    result: T

    def __init__(self, protocol: Protocol[T]) -> None:
        self.protocol = protocol
        self.request: Request | None = None
        self.answer(None)

    def answer(self, answer: Any) -> None:
        """Go on with *answer* up to the next request."""
        try:
            self.request = self.protocol.send(answer)
        except StopIteration as stop:
            self.request, self.result = None, stop.value
        timeout = self.request.timeout if isinstance(self.request, WaitAny) else None
        self.deadline = None if timeout is None else time.monotonic() + timeout


async def advance(waiting: list[Party[Any]]) -> None:
    """Answer at least one of those who wait."""
    interest: dict[int, int] = {}
    for party in waiting:
        if party.request is not None and not isinstance(party.request, WaitAny):
            party.answer(await call_blocking(party.request.function))
            return
        assert party.request is not None
        for fd, events in party.request.interest.items():
            interest[fd] = interest.get(fd, 0) | events
    deadlines = [party.deadline for party in waiting if party.deadline is not None]
    timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
    ready = await wait_any(interest, timeout)
    for party in waiting:
        assert isinstance(party.request, WaitAny)
        own = ready_for(party.request, ready)
        if own or (party.deadline is not None and time.monotonic() >= party.deadline):
            party.answer(own)


def ready_for(request: WaitAny, ready: dict[int, int]) -> dict[int, int]:
    """Return what of *ready* answers *request*; an error or hang-up answers any."""
    return {
        fd: ready[fd]
        for fd, events in request.interest.items()
        if ready.get(fd, 0) & (events | ~(READ | WRITE))
    }
