"""Writing for who outlives what is written to: what a full disk does not take is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from fildes.cli.errors import LocalWriteError
from fildes.cli.reporting import message_of, say

T = TypeVar("T")


def next_line(text: str) -> str:
    """Return *text* so that it does not continue a line that was cut short."""
    return f"\n{text}"


def as_it_is(data: T) -> T:
    """Return *data*."""
    return data


def sparing(
    emit: Callable[[T], object],
    told: str,
    *,
    apart: Callable[[T], T] = as_it_is,
    fatal: Collection[int] = (),
) -> Callable[[T], object]:
    """Return *emit*, whose errors lose what it was given; that is told when it begins.

    Args:
      told: what that means, for people.
      apart: makes what can follow a loss of what it is given.
      fatal: the errno of errors that are still raised.
    """
    lost = False

    def spare(data: T) -> None:
        nonlocal lost
        try:
            emit(apart(data) if lost else data)
            lost = False
        except LocalWriteError as error:
            if error.errno in fatal:
                raise
            if not lost:
                say(f"{message_of(error)}; {told}")
            lost = True

    return spare
