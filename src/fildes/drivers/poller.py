"""Who waits for what in one asyncio event loop, told by an epoll(7) of our own.

A loop's `add_reader` and `remove_reader` are two epoll_ctl(2) for each wait, and much
Python around them. Nor can a registration be kept from one wait to the next: a loop is not
told that a descriptor was closed, and would take the next one of its number for it.

So the loop watches one descriptor, that of an epoll instance which the kernel keeps true:
what is closed leaves it. A wait is one epoll_ctl(2) with EPOLLONESHOT, so that nothing is
told of what nobody waits for any more. And no loop touches the blocking mode of a
descriptor that others may hold, as uv_poll_init does.

Times are kept likewise: the loop has one timer, for the earliest, and most waits are over
before anybody looks at theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import select
import time
import weakref
from typing import TYPE_CHECKING

from fildes.waiting import READ, WRITE, Interest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds that a timer lasts at least: some loops count whole milliseconds, and one that
#: comes too early would be set again and again.
TICK = 0.001

#: So many times are kept of waits that are over, beside as many as there are of others.
MAX_OVER = 64  # arbitrary


class Wait:
    """One wait in progress.

    Attributes:
      interest: what is waited for.
      finished: done when there is something to return.
      ready: the descriptors found ready, with their readiness.
      timed: it ends after some time in any case.
      over: nobody waits any more.
      woken: it was ended by `TaskDriver.wake`.
    """

    __slots__ = ("finished", "interest", "over", "ready", "timed", "woken")

    def __init__(self, interest: Interest, finished: asyncio.Future[None]) -> None:
        self.interest = interest
        self.finished = finished
        self.ready: dict[int, int] = {}
        self.timed = self.over = self.woken = False

    def found(self, fd: int, events: int) -> None:
        """Note that *fd* is ready for *events*."""
        self.ready[fd] = events
        self.finish()

    def finish(self) -> None:
        """End the wait."""
        if not self.finished.done():
            self.finished.set_result(None)


class Poller:
    """Who waits for what, and until when, in one event loop.

    The drivers that wait hold it, and the loop does not: it is gone with the last of them,
    so that a failed open leaves no descriptor behind.

    Attributes:
      waits: those who wait for each descriptor. One for which nobody waits is here as
        long as it may still be registered.
      times: when waits end, as a heap; with a number, for waits cannot be compared.
      timed: how many waits that are not over have a time.
      alarm: the moment of the loop's timer; None while there is none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, epoll: select.epoll) -> None:
        self.loop, self.epoll = loop, epoll
        self.waits: dict[int, list[Wait]] = {}
        self.times: list[tuple[float, int, Wait]] = []
        self.numbers = itertools.count()
        self.timed = 0
        self.alarm: float | None = None
        self.timer: asyncio.TimerHandle | None = None
        loop.add_reader(self.epoll.fileno(), tell, weakref.ref(self), Poller.look)

    def __del__(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not self.loop.is_closed():
            stop_watching(self.loop, self.epoll)

    def add(self, wait: Wait, timeout: float | None) -> None:
        """Tell *wait* when a descriptor is ready, or *timeout* seconds have passed."""
        for fd, events in wait.interest.items():
            if events:
                self.waits.setdefault(fd, []).append(wait)
                try:
                    self.arm(fd)
                except PermissionError:  # epoll_ctl(2): the file does not support epoll
                    del self.waits[fd]
                    self.loop.call_soon(wait.found, fd, events)
        if timeout is None:
            return
        if timeout > 0:
            self.add_time(wait, time.monotonic() + timeout)
        else:
            self.look()
            self.loop.call_soon(wait.finish)

    def arm(self, fd: int) -> None:
        """Be told once of what is waited for of *fd*."""
        waits = self.waits[fd]
        events = select.EPOLLONESHOT
        for wait in waits:
            events |= wait.interest[fd]
        try:
            self.epoll.modify(fd, events)
        except FileNotFoundError:  # new, or another one of a number that was there before
            self.epoll.register(fd, events)

    def discard(self, wait: Wait) -> None:
        """Tell *wait* no more; its descriptors may be closed at once."""
        if wait.over:
            return
        wait.over = True
        self.timed -= wait.timed
        for fd in wait.interest:
            waits = self.waits.get(fd)
            if waits and wait in waits:
                waits.remove(wait)
                if not waits:
                    self.forget(fd)

    def forget(self, fd: int) -> None:
        """Be told nothing of *fd*."""
        del self.waits[fd]
        with contextlib.suppress(OSError, ValueError):  # it was closed, or never open
            self.epoll.unregister(fd)

    def look(self) -> None:
        """Tell each wait what is ready for it."""
        for fd, events in self.epoll.poll(0):
            waits = self.waits.get(fd)
            if waits:
                # An error or hang-up counts as ready for whatever was asked.
                self.answer(fd, waits, READ | WRITE if events & ~(READ | WRITE) else events)

    def answer(self, fd: int, waits: list[Wait], events: int) -> None:
        """Tell each of *waits* that *fd* is ready for *events*, if it waits for one."""
        left = []
        for wait in waits:
            if found := wait.interest[fd] & events:
                wait.found(fd, found)
            else:
                left.append(wait)
        self.waits[fd] = left
        if left:
            try:
                self.arm(fd)
            except OSError:  # closed: whoever waits learns it from the next call
                self.answer(fd, left, READ | WRITE)

    def add_time(self, wait: Wait, until: float) -> None:
        """End *wait* at the `time.monotonic` moment *until* in any case."""
        wait.timed = True
        self.timed += 1
        if len(self.times) > 2 * self.timed + MAX_OVER:
            self.times = [entry for entry in self.times if not entry[2].over]
            heapq.heapify(self.times)
        heapq.heappush(self.times, (until, next(self.numbers), wait))
        if self.alarm is None or until < self.alarm:
            self.set_alarm(until)

    def set_alarm(self, at: float) -> None:
        """Let the loop's timer go off at the moment *at*."""
        if self.timer is not None:
            self.timer.cancel()
        self.alarm = at
        delay = max(TICK, at - time.monotonic())
        self.timer = self.loop.call_later(delay, tell, weakref.ref(self), Poller.end_waits)

    def end_waits(self) -> None:
        """End the waits whose time has come, and set the timer for the next one."""
        now = time.monotonic()
        self.alarm = self.timer = None
        while self.times and (self.times[0][2].over or self.times[0][0] <= now):
            heapq.heappop(self.times)[2].finish()
        if self.times:
            self.set_alarm(self.times[0][0])


def tell(poller: weakref.ref[Poller], method: Callable[[Poller], None]) -> None:
    """Let a poller that is still there do what the loop calls for."""
    found = poller()
    if found is not None:
        method(found)


def stop_watching(loop: asyncio.AbstractEventLoop, epoll: select.epoll) -> None:
    """Let *loop*, which is open, forget *epoll*; called by whichever thread collects garbage."""
    if loop.is_running() and asyncio._get_running_loop() is not loop:
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            loop.call_soon_threadsafe(stop_watching, loop, epoll)
    else:
        loop.remove_reader(epoll.fileno())


def poller_of(loop: asyncio.AbstractEventLoop) -> Poller:
    """Return the poller of *loop*, for the caller to hold."""
    known = POLLERS.get(id(loop))
    poller = None if known is None else known()
    if poller is None or poller.loop is not loop:
        for number in [number for number, each in list(POLLERS.items()) if each() is None]:
            POLLERS.pop(number, None)  # another thread may have been quicker
        poller = Poller(loop, select.epoll())
        POLLERS[id(loop)] = weakref.ref(poller)
    return poller


#: By the identity of the loop, which the poller knows: no weak reference is made to find it.
POLLERS: dict[int, weakref.ref[Poller]] = {}
