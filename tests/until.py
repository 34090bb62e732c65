"""Running a loop until something is so."""

from __future__ import annotations

from collections.abc import Callable

from peers import LIMIT

from fildes.drivers.loop import Loop


def run_until(loop: Loop, until: Callable[[], bool]) -> None:
    """Run *loop* until something is so."""
    late: list[None] = []
    timer = loop.call_at(loop.now + LIMIT, lambda: late.append(None))
    loop.run(lambda: until() or bool(late))
    timer.cancel()
    assert not late, "it did not happen"
