"""Which of several processes have begun to work: each of them tells who has forked it.

They share a pipe, and write the number of their process into it. So little is never
mixed with what another one writes; pipe(7), "PIPE_BUF".
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
from typing import TYPE_CHECKING, Self

from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop

PID = struct.Struct("i")

#: Processes that share one piece of work: more than that is a mistake.  # arbitrary
MOST_WORKERS = 1024

#: Tells a worker of `fildes.serve` to wait for nobody any more; `fildes.sharing` says why.
HURRY = signal.SIGRTMAX


class Beginnings:
    """The pipe, from whose making on processes may be forked."""

    def __init__(self, loop: Loop, begun: Callable[[int], None]) -> None:
        """Call *begun* with the number of each process that tells, once *loop* runs."""
        self.loop, self.begun = loop, begun
        self.heard, self.told = os.pipe()
        loop.watch(self.heard, READ, self.ready)

    def ready(self, fd: int, events: int) -> None:
        """Take what was told."""
        for (pid,) in PID.iter_unpack(os.read(fd, 1024 * PID.size)):
            self.begun(pid)

    def tell(self) -> None:
        """Say, in a process that was forked, that it has begun."""
        with contextlib.suppress(BrokenPipeError):  # who has forked has gone
            os.write(self.told, PID.pack(os.getpid()))
        os.close(self.told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.loop.forget(self.heard)
        os.close(self.heard)
        os.close(self.told)
