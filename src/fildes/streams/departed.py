"""Programs that have ended: nobody reads any more what would still come for them.

A program that has said all may go on listening, so its end of file alone ends nothing.
Once it has ended, too, the direction towards it is over: whoever sits at the terminal
need not press a key first, for the relay to notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.streams.child import Child
    from fildes.streams.half import Half
    from fildes.streams.stream import Stream


class Departed:
    """Ends directions towards programs that have ended.

    Attributes:
      alarm: the pidfds of programs that have said all and still run.
      unheard: the directions that it has ended.
    """

    def __init__(self, halves: Sequence[Half]) -> None:
        self.halves = halves
        self.alarm: dict[int, int] = {}
        self.unheard: list[Half] = []
        children = [(half, child_of(half.source)) for half in halves]
        self.saying = [(half, child) for half, child in children if child is not None]

    def look(self) -> bool:
        """End what leads to a program that has said all and ended; False: more may be copied."""
        self.alarm.clear()
        for said, child in self.saying:
            if not said.ended:
                continue
            towards = [
                half for half in self.halves if half.running and child_of(half.sink) is child
            ]
            if not towards:
                continue
            if not wait({child.pidfd: READ}, 0):
                self.alarm[child.pidfd] = READ
                continue
            for half in towards:
                half.ended, half.left = True, None  # it has ended without reading that
                self.unheard.append(half)
        return False


def child_of(stream: Stream) -> Child | None:
    """Return the program at the other end of *stream*, however that is shaped."""
    found = (getattr(layer, "child", None) for layer in stream.layers())
    return next((child for child in found if child is not None), None)
