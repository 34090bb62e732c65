"""Several processes that accept at the same place.

The sockets are made once and shared: whichever process is free takes the next
connection, and none is lost with a process that ends. (With SO_REUSEPORT each process
has a queue of its own, and whoever waits in it when the process ends is reset.) The
process that has forked only looks after the others: it passes on signals and replaces
what dies.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from fildes.beginning import Beginnings
from fildes.drivers.loop import Loop
from fildes.waiting import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


#: The first one lets the workers end in order, the second one at once.
STOPPING = (signal.SIGTERM, signal.SIGINT)

#: Seconds before a worker that has died is replaced, twice as many each time: one that
#: always dies must not keep the machine busy.  # arbitrary
FIRST_DELAY, LONGEST_DELAY = 0.1, 30.0


class Worker(NamedTuple):
    """One process.

    Attributes:
      number: from 0; whoever replaces it has the same.
      since: the moment at which it was started.
    """

    number: int
    pid: int
    since: float


def let_pass(number: int, frame: object) -> None:
    """Do nothing: the action of signals before and after a worker sees to them.

    One that is sent to all processes, and passed on, comes twice, maybe to a worker that has
    done what the first one says: it must not die of it. SIG_IGN would be left to programs,
    and throw away what is held until the work begins.
    """


class Workers(ABC):
    """Processes that do the same work, and who looks after them.

    Attributes:
      running: workers by pidfd.
      working: the pidfds of those that have begun to accept.
      retired: the pidfds of those that are not replaced when they end.
      awaiting: what is called once a worker of each number has begun.
      stops: the signals to end that came so far.
      mask: the signals that were blocked before ours were, as long as these are.
      status: the first of a worker, since then, that is not 0.
    """

    beginnings: Beginnings
    mask: set[int | signal.Signals] | None = None

    def __init__(self, loop: Loop, count: int, told: Callable[[str], object] | None = None) -> None:
        """Prepare.

        Args:
          told: called with a line about each worker that has died.
        """
        self.loop, self.count = loop, count
        self.told = told or (lambda line: None)
        self.running: dict[int, Worker] = {}
        self.working: set[int] = set()
        self.retired: set[int] = set()
        self.awaiting: list[Callable[[], object]] = []
        self.delays = [FIRST_DELAY] * count
        self.stops: list[int] = []
        self.status = 0

    @abstractmethod
    def work(self, number: int) -> int:
        """Do the work of a worker; return its exit status, negative for a signal.

        `begin` has to be called once it accepts, and signals may come.
        """

    @abstractmethod
    def stop_listening(self) -> None:
        """Let go of what the workers share, for they are going to end."""

    def hang_up(self) -> None:
        """See to SIGHUP: every worker does."""
        self.signal_all(signal.SIGHUP)

    def run(self, ready: Callable[[], object]) -> int:
        """Run the workers to their ends; return the first status that is not 0.

        Args:
          ready: called once all of them accept; never, if they are told to end before.
        """
        with self.on_signals(), Beginnings(self.loop, self.begun) as self.beginnings:
            try:
                self.awaiting.append(ready)
                for number in range(self.count):
                    self.start(number)
                self.loop.run(lambda: bool(self.stops) and not self.running)
            finally:
                self.signal_all(signal.SIGKILL)
                for pidfd in list(self.running):
                    self.reap(pidfd)
        return self.status

    def begun(self, pid: int) -> None:
        """See that a worker accepts; one that has died before has to be replaced first."""
        self.working.update(fd for fd, worker in self.running.items() if worker.pid == pid)
        there = {self.running[pidfd].number for pidfd in self.working - self.retired}
        if len(there) == self.count and not self.stops:
            awaiting, self.awaiting = self.awaiting, []
            for then in awaiting:
                then()

    def actions(self) -> dict[int, Callable[[], None]]:
        """Return what is done, in the loop, at each signal."""
        stops: dict[int, Callable[[], None]] = {
            number: functools.partial(self.stop, number) for number in STOPPING
        }
        return {**stops, signal.SIGHUP: self.hang_up}

    @contextlib.contextmanager
    def signals_held(self) -> Iterator[None]:
        """Let signals wait during the body until `run` sees to them, except those that end us.

        For the time in which others may know of us already, and nobody works yet.
        """
        held = set(self.actions()) - set(STOPPING)
        self.mask = before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self.mask = None

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """See to signals during the body, and to those that were held before."""
        actions = self.actions()

        def act(number: int, frame: object) -> None:
            self.loop.call_soon_threadsafe(actions[number])

        with contextlib.ExitStack() as before:
            for number in actions:
                before.callback(signal.signal, number, signal.signal(number, act))
            if self.mask is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
            yield

    def stop(self, number: int) -> None:
        """Let the workers end; replace nobody any more."""
        self.stops.append(number)
        self.stop_listening()
        self.signal_all(number)

    def signal_all(self, number: int) -> None:
        """Send a signal to all workers; none was reaped, so the pids are theirs."""
        for worker in list(self.running.values()):
            os.kill(worker.pid, number)

    def start(self, number: int) -> int:
        """Start the worker *number*; return its pidfd."""
        sys.stdout.flush()  # else both would write what is in the buffer
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self.actions())
        try:
            pid = os.fork()
            if not pid:
                self.be_worker(number, before)
            pidfd = os.pidfd_open(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.running[pidfd] = Worker(number, pid, time.monotonic())
        self.loop.watch(pidfd, READ, lambda fd, events: self.ended(fd))
        return pidfd

    def be_worker(self, number: int, mask: Iterable[int]) -> None:
        """Do the work, in the new process, and end it."""
        status = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C is for who has forked, who passes it on
            for each in self.actions():
                signal.signal(each, let_pass)
            self.loop.leave()
            self.mask = set(mask)
            status = self.work(number)
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

    def begin(self) -> None:
        """Let signals come, in a worker, and say that it accepts."""
        assert self.mask is not None
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        self.beginnings.tell()

    def ended(self, pidfd: int) -> None:
        """See how a worker has ended, and replace it if that was too early."""
        retired = pidfd in self.retired
        worker, status = self.reap(pidfd)
        if self.stops:
            self.status = self.status or status
        elif not retired:
            self.replace_soon(worker, status)

    def replace_soon(self, worker: Worker, status: int) -> None:
        """Start another worker instead of one that has died, but not too often."""
        number, now = worker.number, time.monotonic()
        if now - worker.since > LONGEST_DELAY:
            self.delays[number] = FIRST_DELAY
        delay = self.delays[number]
        self.delays[number] = min(2 * delay, LONGEST_DELAY)
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self.told(f"worker {number} (process {worker.pid}) {how}; another starts in {delay:g} s")
        self.loop.call_at(now + delay, lambda: self.start_again(number))

    def start_again(self, number: int) -> None:
        """Start the worker *number*, unless it is there or too late."""
        there = [each.number for fd, each in self.running.items() if fd not in self.retired]
        if self.stops or number in there:
            return
        try:
            self.start(number)
        except OSError as error:  # there can be no more processes now
            delay = self.delays[number]
            self.told(f"worker {number} cannot start: {error.strerror}; again in {delay:g} s")
            self.loop.call_at(time.monotonic() + delay, lambda: self.start_again(number))

    def reap(self, pidfd: int) -> tuple[Worker, int]:
        """Return a worker that has ended, or is about to, and its status."""
        worker = self.running.pop(pidfd)
        self.retired.discard(pidfd)
        self.working.discard(pidfd)
        _, status = os.waitpid(worker.pid, 0)
        self.loop.forget(pidfd)
        os.close(pidfd)
        return worker, os.waitstatus_to_exitcode(status)
