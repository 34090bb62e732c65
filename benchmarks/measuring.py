"""What a measure is, and how it is taken.

Ours and theirs run in turn, many times. Each run is compared with the one beside
it, and the median of that counts: it holds on a machine that is busy or changes
its clock meanwhile.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[1]

#: Runs one of the two sides once and returns the seconds that count.
Run = Callable[[], float]


class Missing(Exception):
    """A program that the measure needs is not installed."""


class Costly(Protocol):
    """A run that knows the processor time of each time that it was called, per unit."""

    costs: list[float]

    def __call__(self) -> float: ...


class Cost:
    """A run of which the processor time is what counts."""

    def __init__(self, run: Costly) -> None:
        self.run = run

    def __call__(self) -> float:
        self.run()
        return self.run.costs[-1]


@dataclass(frozen=True)
class Goal:
    """What has to be reached, and how a result is to be read.

    Attributes:
      text: says it.
      limit: what a result is compared with.
      more: whether it is to be more than the limit, or less.
      value: the result of a run of ours and the run of theirs beside it, of their seconds.
      show: how a result is written.
    """

    text: str
    limit: float
    more: bool
    value: Callable[[float, float], float]
    show: str = "{:.2f}"

    def margin(self, value: float) -> float:
        """Return how many times *value* is better than it has to be: 1 is just enough."""
        if self.more:
            return value / self.limit
        return self.limit / value if value > 0 else math.inf


def rate_ratio(floor: float) -> Goal:
    """Ask for a rate of at least *floor* times theirs."""
    return Goal(f"at least {floor}", floor, True, lambda our, their: their / our)


def time_ratio(ceiling: float) -> Goal:
    """Ask for at most *ceiling* times their time."""
    return Goal(f"at most {ceiling}", ceiling, False, lambda our, their: our / their)


def at_most(ceiling: float, unit: str) -> Goal:
    """Ask for less than *ceiling* of ours, whatever theirs is."""
    text = f"under {ceiling:g} {unit}"
    return Goal(text, ceiling, False, lambda our, their: our, f"{{:.2f}} {unit}")


def milliseconds_more(ceiling: float) -> Goal:
    """Ask for less than *ceiling* milliseconds beyond their time."""
    text = f"under {ceiling:.0f} ms more"
    return Goal(text, ceiling, False, lambda our, their: (our - their) * 1000, "{:+.1f} ms")


class Setup(Protocol):
    """Yields how to run ours and theirs, with the servers up that they need."""

    def __call__(self) -> contextlib.AbstractContextManager[tuple[Run, Run]]: ...


@dataclass(frozen=True)
class Measure:
    """A line of the table."""

    name: str
    title: str
    goal: Goal
    repeats: int
    show: Callable[[float], str]
    setup: Setup


MEASURES: list[Measure] = []


def measure(
    title: str, goal: Goal, *, repeats: int, show: Callable[[float], str]
) -> Callable[[Callable[[], Iterator[tuple[Run, Run]]]], None]:
    """Add the decorated generator function to the table."""

    def add(function: Callable[[], Iterator[tuple[Run, Run]]]) -> None:
        setup = contextlib.contextmanager(function)
        MEASURES.append(Measure(function.__name__, title, goal, repeats, show, setup))

    return add


@dataclass(frozen=True)
class Result:
    """The seconds of each run of a measure, and whether its goal is reached.

    Attributes:
      beside: what else ours and theirs have to say of their runs.
    """

    measure: Measure
    ours: list[float]
    theirs: list[float]
    beside: tuple[str, str] = ("", "")

    @property
    def value(self) -> float:
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(self.measure.goal.value(our, their) for our, their in pairs)

    @property
    def reached(self) -> bool:
        return self.measure.goal.margin(self.value) >= 1


def take(measure: Measure) -> Result:
    """Run both sides in turn, and each of them first in turn."""
    ours: list[float] = []
    theirs: list[float] = []
    with measure.setup() as (run_ours, run_theirs):
        run_ours(), run_theirs()  # caches are warm from here on
        for index in range(measure.repeats):
            sides = [(run_ours, ours), (run_theirs, theirs)]
            for run, seconds in sides if index % 2 else reversed(sides):
                seconds.append(run())
        beside = said_by(run_ours), said_by(run_theirs)
    return Result(measure, ours, theirs, beside)


def said_by(run: Run) -> str:
    """Return what *run* has to say beside its seconds."""
    return str(getattr(run, "beside", ""))


def timed(run: Callable[[], object]) -> Run:
    """Return a run of which all the time counts."""

    def time_it() -> float:
        began = time.perf_counter()
        run()
        return time.perf_counter() - began

    return time_it


def per_second(unit: str, count: int) -> Callable[[float], str]:
    """Show seconds as how many *unit* a second, of *count*."""
    return lambda seconds: f"{count / seconds:,.0f} {unit}/s"


def in_milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
