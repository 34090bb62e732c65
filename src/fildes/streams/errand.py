"""Protocol code that is run from a data path, a piece with each try.

A data path never waits and is no coroutine. Yet a document that was cut has to ask for
its rest: connect, shake hands, send, receive. An errand is such protocol code. Each try
of the stream runs it as far as it gets without waiting, and in between it says what it
waits for, as a stream does. So whoever reads the stream drives it, however he waits, and
no decoder, bridge or relay above has to know.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import math
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from fildes.drivers.blocking import wait
from fildes.streams.timer import Timer
from fildes.waiting import READ, Interest, WaitAny

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.waiting import Protocol, Request


class Errand:
    """Protocol code that whoever tries runs on, and any thread may cancel.

    Attributes:
      request: what it waits for; None before it has begun.
      until: the moment at which it has waited long enough.
      called: the result and the error of the call that it waits for, once it has returned.
      over: it has ended, or was cancelled.
      alarm: an eventfd(2) that ends a wait for it: a call has returned, or it is over.
    """

    def __init__(self, protocol: Protocol[None]) -> None:
        """Prepare; nothing is run before the first `advance`."""
        self.protocol = protocol
        self.request: Request | None = None
        self.until = math.inf
        self.called: tuple[Any, BaseException | None] | None = None
        self.over = False
        self.timer = Timer()
        self.running = threading.Lock()
        self.alarming = threading.Lock()
        self.alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def advance(self) -> bool:
        """Run on as far as that needs no waiting; tell whether it has ended.

        Raises:
          OSError: EBADF, it was cancelled; and whatever the protocol raises.
        """
        try:
            with self.running:
                return self.run_on()
        finally:
            if self.over:
                self.release()

    def run_on(self) -> bool:
        """Do what `advance` promises; the caller holds the lock."""
        while not self.over:
            step = self.next_step()
            if step is None:
                return False
            try:
                self.wait_for(step())
            except StopIteration:
                self.over = True
                return True
            except BaseException:
                self.over = True
                raise
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def next_step(self) -> Callable[[], Request] | None:
        """Return what runs the protocol on, if what it waits for is there."""
        if isinstance(self.request, WaitAny):
            ready = wait(self.request.interest, 0)
            late = time.monotonic() >= self.until
            return functools.partial(self.protocol.send, ready) if ready or late else None
        if self.request is None:
            return functools.partial(self.protocol.send, None)
        if self.called is None:
            return None
        result, error = self.called
        if error is not None:
            return functools.partial(self.protocol.throw, error)
        return functools.partial(self.protocol.send, result)

    def wait_for(self, request: Request) -> None:
        """See to it that *request* will be answered."""
        self.timer.clear()
        with contextlib.suppress(BlockingIOError):  # it has not gone off
            os.eventfd_read(self.alarm)
        self.request, self.called = request, None
        if not isinstance(request, WaitAny):
            call = functools.partial(self.call, request.function)
            # A daemon: getaddrinfo(3) cannot be interrupted; as in `fildes.drivers.blocking`.
            threading.Thread(target=call, name="fildes-call", daemon=True).start()
            return
        self.until = math.inf
        if request.timeout is not None:
            self.until = time.monotonic() + request.timeout
            if request.timeout > 0:
                self.timer.start(request.timeout)

    def call(self, function: Callable[[], Any]) -> None:
        """Call *function*, and say that it has returned."""
        try:
            self.called = function(), None
        except BaseException as error:  # raised in the protocol
            self.called = None, error
        self.ring()

    def ring(self) -> None:
        """End a wait for this."""
        with self.alarming:
            if self.alarm >= 0:
                os.eventfd_write(self.alarm, 1)

    def wants(self) -> Interest:
        """Return what to wait for before the next `advance`."""
        wanted = {self.alarm: READ} if self.alarm >= 0 else {}
        if isinstance(self.request, WaitAny):
            wanted.update(self.request.interest)
            if self.until < math.inf and self.timer.fd >= 0:
                wanted[self.timer.fd] = READ
        return wanted

    @property
    def pauses(self) -> bool:
        """Whether it waits for nothing but a moment."""
        return isinstance(self.request, WaitAny) and not self.request.interest

    def cancel(self) -> None:
        """End it where it waits; whoever waits for it finds that out."""
        self.over = True
        self.ring()
        self.release()

    def release(self) -> None:
        """Release everything, unless a thread runs it, which then does so."""
        if self.running.acquire(blocking=False):
            try:
                self.protocol.close()
                self.timer.close()
                with self.alarming:
                    alarm, self.alarm = self.alarm, -1
                    if alarm >= 0:
                        os.close(alarm)
            finally:
                self.running.release()
