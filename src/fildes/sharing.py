"""The workers of `fildes.serve`: processes that accept at the same sockets.

Signals come to them twice where somebody sends them to all processes of a service, as systemd
does: by themselves, and passed on by the process that has forked them, which they obey. So
the first one stops a worker, others change nothing, and to hurry it is told by `HURRY`.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from fildes.beginning import HURRY
from fildes.drivers.loop import Loop
from fildes.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.listening.accepting import Acceptor

    #: The work of a worker, see `Workers.work`; it is given what it calls once it accepts.
    Task = Callable[[Callable[[], object]], int]

PR_SET_PDEATHSIG = 1  #: linux/prctl.h


class Sharing(Workers):
    """Workers that share one acceptor."""

    def __init__(
        self,
        loop: Loop,
        count: int,
        acceptor: Acceptor,
        task: Task,
        told: Callable[[str], object] | None = None,
    ) -> None:
        """Prepare."""
        super().__init__(loop, count, told)
        self.acceptor, self.task = acceptor, task
        self.leader = os.getpid()

    def work(self, number: int) -> int:
        end_with(self.leader)
        self.acceptor.share(number, self.count)
        return self.task(self.begin)

    def actions(self) -> dict[int, Callable[[], None]]:
        # Nobody sends it to the leader; a worker that has not begun is not to be killed by it.
        return {**super().actions(), HURRY: lambda: None}

    def stop(self, number: int) -> None:
        if self.stops:
            self.signal_all(HURRY)
        else:
            super().stop(number)

    def stop_listening(self) -> None:
        # It is listened at as long as anybody holds the sockets.
        self.acceptor.close()


def end_with(leader: int) -> None:
    """Let SIGTERM come when the process *leader*, which has forked this one, has gone; prctl(2)."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != leader:
        os.kill(os.getpid(), signal.SIGTERM)


def run_workers(
    count: int,
    acceptor: Acceptor,
    task: Task,
    ready: Callable[[], object],
    told: Callable[[str], object] | None = None,
) -> int:
    """Do *task* in *count* processes that share *acceptor*; as `Workers.run`."""
    with Loop() as loop:
        return Sharing(loop, count, acceptor, task, told).run(ready)
