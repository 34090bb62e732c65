"""Several processes that accept at the same place.

The sockets are made once and shared: whichever process is free takes the next
connection, and none is lost with a process that ends. (With SO_REUSEPORT each process
has a queue of its own, and whoever waits in it when the process ends is reset.) The
process that has forked only looks after the others: it passes on signals and replaces
what dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fildes.listening.accepting import Acceptor

#: Passed on to the workers; the first two end them.
STOPPING = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*STOPPING, signal.SIGHUP)

#: Seconds before a worker that has died is replaced: one that always dies must not
#: keep the machine busy.  # arbitrary
REPLACE_DELAY = 1.0


class Workers:
    """Processes that do the same work, and who looks after them.

    Attributes:
      running: pids by pidfd.
      stopping: nobody is replaced any more.
    """

    def __init__(self, acceptor: Acceptor, count: int, work: Callable[[], int]) -> None:
        """Prepare.

        Args:
          work: what a worker does; returns its exit status, negative for a signal.
        """
        self.acceptor, self.count, self.work = acceptor, count, work
        self.running: dict[int, int] = {}
        self.stopping = False
        self.status = 0

    def run(self, ready: Callable[[], object]) -> int:
        """Run the workers to their ends; return the first status that is not 0.

        Args:
          ready: called once all have been started.
        """
        with self.signals():
            try:
                for _ in range(self.count):
                    self.start()
                ready()
                while self.running:
                    for pidfd in wait(dict.fromkeys(self.running, READ)):
                        self.ended(pidfd)
            finally:
                self.pass_on(signal.SIGKILL)
                for pidfd in list(self.running):
                    self.reap(pidfd)
        return self.status

    def start(self) -> None:
        """Start one worker."""
        sys.stdout.flush()  # else both would write what is in the buffer
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self.be_worker(before)
            self.running[os.pidfd_open(pid)] = pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def be_worker(self, mask: Iterable[int]) -> None:
        """Do the work, in the new process, and end it."""
        status = 1
        try:
            # Ctrl-C is for who has forked, who passes it on.
            os.setpgid(0, 0)
            for pidfd in self.running:
                os.close(pidfd)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self.acceptor.renew()
            status = self.work()
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            if status < 0:
                signal.signal(-status, signal.SIG_DFL)
                os.kill(os.getpid(), -status)
            os._exit(status)

    def ended(self, pidfd: int) -> None:
        """See how a worker has ended, and replace it if that was too early."""
        status = self.reap(pidfd)
        if self.stopping:
            self.status = self.status or status
            return
        time.sleep(REPLACE_DELAY)
        if not self.stopping:
            self.start()

    def reap(self, pidfd: int) -> int:
        """Return the status of a worker, once it has ended."""
        _, status = os.waitpid(self.running.pop(pidfd), 0)
        os.close(pidfd)
        return os.waitstatus_to_exitcode(status)

    def pass_on(self, number: int, frame: object = None) -> None:
        """Send a signal to all workers."""
        if number in STOPPING:
            self.stopping = True
            self.acceptor.close()  # it is listened at as long as anybody holds the sockets
        for pid in list(self.running.values()):
            os.kill(pid, number)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Pass on signals while the workers run."""
        before = {number: signal.signal(number, self.pass_on) for number in SIGNALS}
        try:
            yield
        finally:
            for number, action in before.items():
                signal.signal(number, action)
