"""A driver that does nothing but answer from a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from fildes.waiting import Protocol, Request

T = TypeVar("T")


class ScriptedDriver:
    """Runs protocol code without sockets and without a clock.

    Each answer serves one request: an exception is raised at the await, a function
    is called with the request and returns the answer, anything else is the answer.

    Attributes:
      requests: what was asked, in order.

    Example:
      >>> driver = ScriptedDriver([{3: READ}, TimeoutError()])
    """

    def __init__(self, answers: Iterable[Any]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def run(self, protocol: Protocol[T], deadline: float | None = None) -> T:
        """Run *protocol* and return its result.

        Raises:
          AssertionError: it asked more often than there are answers, or less often.
        """
        try:
            request = protocol.send(None)
            while True:
                self.requests.append(request)
                assert self.answers, f"no answer is left for {request}"
                request = self.answer(protocol, request, self.answers.pop(0))
        except StopIteration as stop:
            assert not self.answers, f"never asked for {self.answers}"
            result: T = stop.value
            return result
        finally:
            protocol.close()

    def answer(self, protocol: Protocol[Any], request: Request, answer: Any) -> Request:
        """Go on with *answer*, up to the next request."""
        if isinstance(answer, BaseException):
            return protocol.throw(answer)
        return protocol.send(answer(request) if callable(answer) else answer)
