"""Programs that this process has started, and how they end.

A signal that kills a program closes its output as an end in order does. So an end of file
is believed only once it is known how the program has ended, or that it has not: it may
have closed its output, and live on. What it had open is closed a moment before its status
is known, in which it is known to be exiting; so nothing is waited for that may not come.
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.waiting import READ, Interest, wait_readable

if TYPE_CHECKING:
    import subprocess

#: The bit of a process's flags that says that it is on its way out; PF_EXITING of
#: include/linux/sched.h.
EXITING = 0x4


class Child:
    """A child process, of which no zombie stays.

    Attributes:
      exiting: its output has ended, and how itself did is known in a moment.
    """

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self.process, self.name = process, name
        self.pidfd = -1
        self.exiting = False
        try:
            self.pidfd = os.pidfd_open(process.pid)
        except BaseException:
            self.kill()
            raise

    async def ended(self) -> None:
        """Wait for its end."""
        await wait_readable(self.pidfd)

    def kill(self) -> None:
        """Kill it if it still runs, and take its status."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        pidfd, self.pidfd = self.pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)

    def end(self) -> int | None:
        """Return 0, the end of its output, once that is proved; None if that takes a moment.

        A status other than 0 says something of the program, and nothing of its output:
        `check` is for that.

        Raises:
          ChildProcessError: EIO, it was killed by a signal, so there may have been more.
        """
        if self.pidfd < 0:
            return 0
        if not wait({self.pidfd: READ}, 0):
            self.exiting = is_exiting(self.process.pid)
            return None if self.exiting else 0
        self.exiting = False
        if self.process.wait() < 0:
            raise self.failure()
        return 0

    def end_waiting(self) -> int:
        """Return 0 as `end` does, waiting in the kernel."""
        while (end := self.end()) is None:
            wait({self.pidfd: READ})
        return end

    def wants(self) -> Interest:
        """Return what `end` waits for."""
        return {self.pidfd: READ} if self.exiting else {}

    def failure(self) -> ChildProcessError:
        """Return the error of how it ended."""
        status = self.process.returncode
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        error = ChildProcessError(errno.EIO, f"{self.name} {how}")
        error.status = status  # type: ignore[attr-defined]  # for programs to read
        return error

    def check(self, *, cut_off: bool, received_end: bool) -> None:
        """Raise unless it ended well.

        Args:
          cut_off: it wrote what was not read: then it may well fail.
          received_end: of its output.

        Raises:
          ChildProcessError: EIO, with the attribute ``status``.
        """
        status = self.process.returncode
        if not status or cut_off or (status == -signal.SIGPIPE and not received_end):
            return
        raise self.failure()


def is_exiting(pid: int) -> bool:
    """Tell whether a process is on its way out, or waits to be waited for; proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b") ")[2].split()
    except OSError:  # nobody tells
        return False
    return bool(int(fields[6]) & EXITING)
