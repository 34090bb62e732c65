"""The recorded steps of an open."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, overload

if TYPE_CHECKING:
    from collections.abc import Callable

StepName = Literal[
    "listen", "resolve", "connect", "proxy", "handshake", "request", "response", "decode"
]

#: Steps that a trace keeps. A document read at random takes some for each part.
MAX_STEPS = 1000  # arbitrary


class Step(NamedTuple):
    """One step of an open.

    Attributes:
      started: seconds after the open began.
      seconds: how long the step took.
      error: what went wrong in it, or None.
    """

    name: StepName
    detail: str
    started: float
    seconds: float
    error: str | None = None


#: Makes a step of a tuple of its attributes, without the call that Step(...) takes.
quick_step = functools.partial(tuple.__new__, Step)


class StepUnderWay:
    """A step that has not ended; its detail may still become more telling."""

    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        self.detail = detail


class Trace(Sequence[Step]):
    """The steps taken so far, in the order in which they ended.

    Attributes:
      observer: called with each step of every open in this process as it ends.
    """

    observer: ClassVar[Callable[[Step], None] | None] = None

    def __init__(self, began: float | None = None) -> None:
        """Start empty.

        Args:
          began: the `time.monotonic` moment at which the open began; now if left out.
        """
        self.began = time.monotonic() if began is None else began
        self.steps: list[Step] = []

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        return self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Trace({self.steps!r})"

    def record(
        self,
        name: StepName,
        detail: str,
        since: float,
        error: BaseException | None = None,
    ) -> None:
        """Add a step that began at the `time.monotonic` moment *since* and ends now."""
        seconds = time.monotonic() - since
        what = None if error is None else describe(error)
        step = quick_step((name, detail, since - self.began, seconds, what))
        if len(self.steps) < MAX_STEPS:
            self.steps.append(step)
        if Trace.observer is not None:
            Trace.observer(step)

    @contextlib.contextmanager
    def step(self, name: StepName, detail: str) -> Iterator[StepUnderWay]:
        """Record the body as one step, failed if an exception leaves it."""
        since = time.monotonic()
        under_way = StepUnderWay(detail)
        try:
            yield under_way
        except BaseException as error:
            self.record(name, under_way.detail, since, error)
            raise
        self.record(name, under_way.detail, since)


def describe(error: BaseException) -> str:
    """Return *error* in a few words, without its errno and file name."""
    if isinstance(error, OSError) and error.strerror:
        if hasattr(error, "library"):  # ssl.SSLError: "[SSL: THE_REASON] the reason (_ssl.c:99)"
            return error.strerror.partition("] ")[2].partition(" (_ssl")[0] or error.strerror
        return error.strerror
    return str(error) or type(error).__name__
