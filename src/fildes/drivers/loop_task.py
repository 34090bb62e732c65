"""A protocol that is run by a loop, and the calls that are due at a moment."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fildes.waiting import CallBlocking, Interest, Protocol, Request, deadline_passed

if TYPE_CHECKING:
    from fildes.drivers.loop import Loop

T = TypeVar("T")

#: Told whether asked for or not; whoever waits has to find out by trying. epoll_ctl(2).
TROUBLE = select.EPOLLERR | select.EPOLLHUP


class Timer:
    """A call that is due at a moment, unless it is cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call."""
        self.callback = None


class Task(Generic[T]):
    """A protocol that is run by a loop.

    Attributes:
      held: the descriptors that it waits for.
    """

    __slots__ = ("__weakref__", "done", "ended", "held", "loop", "pause", "protocol", "timer")

    def __init__(
        self,
        loop: Loop,
        protocol: Protocol[T],
        done: Callable[[T | None, Exception | None], None],
    ) -> None:
        self.loop = loop
        self.protocol = protocol
        self.done = done
        self.held: Interest = {}
        self.timer: Timer | None = None
        self.pause: Timer | None = None
        self.ended = False

    def go_on(self, answer: Any) -> None:
        """Run up to the next wait, or the end."""
        self.advance(lambda: self.protocol.send(answer))

    def raise_in_it(self, error: Exception) -> None:
        """Raise *error* at the wait."""
        self.advance(lambda: self.protocol.throw(error))

    def advance(self, step: Callable[[], Request]) -> None:
        """Take a *step*, and wait for what it asks."""
        try:
            request = step()
        except StopIteration as stop:
            self.finish(stop.value, None)
        except Exception as error:
            self.finish(None, error)
        except BaseException:
            self.cancel()
            raise
        else:
            self.wait_for(request)

    def wait_for(self, request: Request) -> None:
        """See to it that *request* is answered."""
        if isinstance(request, CallBlocking):
            self.call(request.function)
            return
        interest, timeout = request
        if timeout is not None:
            self.pause = self.loop.call_at(time.monotonic() + timeout, self.passed)
        self.held = interest
        try:
            for fd, events in interest.items():
                self.loop.watch(fd, events, self.ready)
        except (OSError, ValueError) as error:
            failure = error  # the name of an except clause does not outlive it
            self.release()
            self.loop.call_soon(lambda: self.raise_in_it(failure))

    def ready(self, fd: int, events: int) -> None:
        """Go on: *fd* is ready."""
        wanted = self.held.get(fd, 0)
        found = wanted if events & TROUBLE else events & wanted
        if found:
            self.release()
            self.go_on({fd: found})

    def passed(self) -> None:
        """Go on: the time that was to be waited for is over."""
        self.release()
        self.go_on({})

    def late(self) -> None:
        """Go on with the error of a deadline that passed."""
        self.release()
        self.raise_in_it(deadline_passed())

    def release(self) -> None:
        """Wait for nothing."""
        for fd in self.held:
            self.loop.forget(fd)
        self.held = {}
        pause, self.pause = self.pause, None
        if pause is not None:
            pause.cancel()

    def call(self, function: Callable[[], Any]) -> None:
        """Call *function* in a thread, for it may wait for what no epoll(7) sees."""
        waiting = self.pause = Timer(lambda: None)  # stands for this very call

        def answer(result: Any, error: Exception | None) -> None:
            if self.pause is not waiting:  # nobody waits for it any more
                return
            self.release()
            if error is not None:
                self.raise_in_it(error)
            else:
                self.go_on(result)

        def call() -> None:
            try:
                result, error = function(), None
            except Exception as failure:
                result, error = None, failure
            with contextlib.suppress(OSError):  # the loop was closed meanwhile
                self.loop.call_soon_threadsafe(lambda: answer(result, error))

        threading.Thread(target=call, name="fildes-call", daemon=True).start()

    def finish(self, result: T | None, error: Exception | None) -> None:
        """Say how it ended."""
        done = self.done
        self.end()
        done(result, error)

    def cancel(self) -> None:
        """End it where it waits; nobody is told."""
        if not self.ended:
            self.end()
            self.protocol.close()

    def end(self) -> None:
        """Leave the loop."""
        self.ended = True
        self.done = tell_nobody  # who is told often knows the task: a circle
        self.loop.tasks.discard(self)
        self.release()
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()


def tell_nobody(result: Any, error: Exception | None) -> None:
    """Stand for whoever was told, once that is done."""
