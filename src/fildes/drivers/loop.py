"""One epoll(7) loop for any number of protocols, descriptors and moments.

A process that serves thousands of connections waits for all of them in one place.
Whatever is opened, accepted or closed on the way is protocol code, which the loop runs
as tasks: so it is a driver, too, and one slow handshake delays nobody. What is done
for each byte is a callback: a descriptor that is *watched* has a handler, which is
called while the descriptor is ready.

A handler may be called once too often: within one round another handler may have
closed its descriptor and opened one of the same number. So readiness is a hint here,
and handlers only do what never waits.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import math
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self, TypeVar

from fildes.drivers.blocking import LONGEST_WAIT
from fildes.drivers.coalescing import Coalescing
from fildes.drivers.loop_task import Task, Timer
from fildes.waiting import Protocol

T = TypeVar("T")

#: Called with a descriptor that is ready, and with its epoll(7) events.
Handler = Callable[[int, int], None]

#: Timers that are kept, cancelled or not, before anybody looks.
TIDY_SIZE = 256  # arbitrary


class Loop:
    """Who is called when; used by one thread, but for `call_soon_threadsafe`.

    Attributes:
      now: the `time.monotonic` moment at which this round began.
      waiting: what waits for events.
    """

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.handlers: dict[int, Handler] = {}
        self.always: dict[int, tuple[Handler, int]] = {}  # regular files; epoll_ctl(2), EPERM
        self.timers: list[tuple[float, int, Timer]] = []
        self.tidy_at = TIDY_SIZE
        self.order = itertools.count()  # of timers that are due at one moment
        self.soon: deque[Callable[[], object]] = deque()
        self.tasks: set[Task[Any]] = set()
        self.now = time.monotonic()
        self.waiting = Coalescing(self.poll)
        # A socket, for signal.set_wakeup_fd writes single bytes.
        self.waker, self.alarm = socket.socketpair()
        self.waker.setblocking(False)
        self.alarm.setblocking(False)
        self.watch(self.alarm.fileno(), select.EPOLLIN, self.woken)

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call *handler* while *fd* is ready for *events*, until it is watched otherwise.

        Raises:
          OSError: as epoll_ctl(2).
        """
        known = fd in self.handlers
        self.handlers[fd] = handler
        try:
            if known:
                self.watch_otherwise(fd, events)
            else:
                self.poll.register(fd, events)
        except (OSError, ValueError) as error:  # ValueError: it was closed, and is -1
            if getattr(error, "errno", None) == errno.EPERM:
                self.always[fd] = handler, events
                return
            del self.handlers[fd]
            raise

    def watch_otherwise(self, fd: int, events: int) -> None:
        """Change what *fd* is watched for."""
        try:
            self.poll.modify(fd, events)
        except FileNotFoundError:  # it was closed behind our back; this is another one
            self.always.pop(fd, None)
            self.poll.register(fd, events)

    def forget(self, fd: int) -> None:
        """Watch *fd* no longer; to be said before it is closed."""
        if self.handlers.pop(fd, None) is None:
            return
        if self.always.pop(fd, None) is None:
            with contextlib.suppress(OSError):  # closed, against the rule, but closed
                self.poll.unregister(fd)

    def drop(self, fd: int) -> None:
        """Watch *fd* no longer, which is going to be closed now.

        The kernel forgets what is closed by itself, unless there is a duplicate; epoll(7).
        """
        self.handlers.pop(fd, None)
        if self.always:
            self.always.pop(fd, None)

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* at *moment*, as `time.monotonic` has it, or soon after."""
        timer = Timer(callback)
        if len(self.timers) >= self.tidy_at:
            self.tidy()
        heapq.heappush(self.timers, (moment, next(self.order), timer))
        return timer

    def tidy(self) -> None:
        """Take out the timers that were cancelled: most of them are, long before their time."""
        self.timers = [each for each in self.timers if each[2].callback is not None]
        heapq.heapify(self.timers)
        self.tidy_at = max(TIDY_SIZE, 2 * len(self.timers))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call *callback* in the next round."""
        self.soon.append(callback)

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        """Call *callback* in the next round; from any thread and any signal handler."""
        self.soon.append(callback)
        self.wake()

    def wake(self) -> None:
        """End a wait, if there is one."""
        with contextlib.suppress(BlockingIOError):  # so many wakes that one more is none
            self.waker.send(b"\0")

    def woken(self, fd: int, events: int) -> None:
        """Take the bytes of `wake` and of signals."""
        with contextlib.suppress(BlockingIOError):
            while self.alarm.recv(4096):
                pass

    def spawn(
        self,
        protocol: Protocol[T],
        done: Callable[[T | None, Exception | None], None],
        deadline: float | None = None,
    ) -> Task[T] | None:
        """Run *protocol* up to its first wait; go on with it when it can.

        Returns:
          The task, to cancel it; None if it has ended already.

        Args:
          done: called with its result or its error, at once if it need not wait.
          deadline: the moment after which its waits raise `TimeoutError`.
        """
        try:
            request = protocol.send(None)
        except StopIteration as stop:
            done(stop.value, None)
            return None
        except Exception as error:
            failure = error  # the name of an except clause does not outlive it
            done(None, failure)
            return None
        task = Task(self, protocol, done)
        self.tasks.add(task)
        task.wait_for(request)
        if deadline is not None and deadline < math.inf:
            task.timer = self.call_at(deadline, task.late)
        return task

    def run(self, ended: Callable[[], bool]) -> None:
        """Run until *ended*, which is asked before each round."""
        with self.signals():
            while not ended():
                self.round()

    def run_protocol(self, protocol: Protocol[T], deadline: float | None = None) -> T:
        """Run *protocol* to its end beside all else, and return its result."""
        outcome: list[tuple[T | None, Exception | None]] = []
        task = self.spawn(protocol, lambda result, error: outcome.append((result, error)), deadline)
        try:
            self.run(lambda: bool(outcome))
        finally:
            if task is not None:
                task.cancel()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # no error, so it is a T

    def round(self) -> None:
        """Wait for something, and see to all of it."""
        handlers, soon, waiting = self.handlers, self.soon, self.waiting
        happened = waiting.wait(0.0 if soon or self.always else self.patience())
        self.now = now = waiting.now
        for fd, events in happened:
            try:
                handler = handlers[fd]
            except KeyError:  # it was forgotten in this round
                continue
            handler(fd, events)
        if self.always:
            for fd, (handler, wanted) in list(self.always.items()):
                handler(fd, wanted)
        if self.timers and ((first := self.timers[0])[0] <= now or first[2].callback is None):
            self.ring()
        if soon:
            for _ in range(len(soon)):  # what they add has to wait
                soon.popleft()()

    def patience(self) -> float:
        """Return for how many seconds no timer is due; negative for ever."""
        if not self.timers:
            return -1.0
        return min(LONGEST_WAIT, max(0.0, self.timers[0][0] - time.monotonic()))

    def ring(self) -> None:
        """Make the calls that are due now; what they add has to wait, even if it is late."""
        due: deque[tuple[float, int, Timer]] = deque()
        while self.timers and (self.timers[0][0] <= self.now or self.timers[0][2].callback is None):
            due.append(heapq.heappop(self.timers))
        try:
            while due:
                _, _, timer = due.popleft()
                if timer.callback is not None:
                    timer.callback()
        finally:
            for each in due:  # one of them has raised: the others keep their turn
                heapq.heappush(self.timers, each)

    @contextlib.contextmanager
    def signals(self) -> Any:
        """Let a signal end a wait even if it comes just before it.

        Python calls handlers between two of its instructions; one that comes after the
        last of them and before epoll_wait(2) would have to wait as well.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def leave(self) -> None:
        """Leave everything to the parent, in a child of fork(2): nothing is ended there.

        Whatever is watched is closed here.
        """
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(-1)
        for fd in self.handlers:
            os.close(fd)
        self.poll.close()
        self.waker.close()
        self.alarm.detach()

    def close(self) -> None:
        """End all tasks, release the loop's descriptors; what is watched stays open."""
        for task in list(self.tasks):
            task.cancel()
        self.handlers.clear()
        self.poll.close()
        self.waker.close()
        self.alarm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def run(protocol: Protocol[T], deadline: float | None = None) -> T:
    """Run *protocol* in a loop of its own; as `fildes.drivers.blocking.run`."""
    with Loop() as loop:
        return loop.run_protocol(protocol, deadline)
