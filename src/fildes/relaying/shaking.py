"""The handshake of one client, by callbacks of a loop.

As a task it would take twice the time: what waits here is one descriptor, again and again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.waiting import deadline_passed

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.drivers.loop import Loop
    from fildes.drivers.loop_task import Timer
    from fildes.tls.stream import TlsStream


class Shaking:
    """A handshake under way; to `Connection` it is a task.

    Attributes:
      done: called once, with the error that it ended with, if any. The descriptor is
        still watched then, for `forget` or whoever watches it next.
    """

    __slots__ = ("done", "fd", "loop", "stream", "timer", "wanted")

    def __init__(
        self, loop: Loop, stream: TlsStream, done: Callable[[Shaking, Exception | None], None]
    ) -> None:
        self.loop, self.stream, self.done = loop, stream, done
        self.fd = stream.inner.fileno()
        self.wanted = 0
        self.timer: Timer | None = None

    def start(self, deadline: float) -> None:
        """Begin; *deadline* is the moment at which it has taken too long."""
        self.go_on(self.fd, 0)
        if self.wanted:
            self.timer = self.loop.call_at(deadline, self.late)

    def go_on(self, fd: int, events: int) -> None:
        """Take it as far as it goes now."""
        try:
            wanted = self.stream.shake()
        except (OSError, EOFError) as error:
            self.end(error)
            return
        if not wanted:
            self.end(None)
        elif wanted != self.wanted:
            self.wanted = wanted
            self.loop.watch(fd, wanted, self.go_on)

    def late(self) -> None:
        """End it: the deadline has passed."""
        self.end(deadline_passed())

    def end(self, error: Exception | None) -> None:
        """Say how it has ended."""
        timer, self.timer, self.wanted = self.timer, None, 0
        if timer is not None:
            timer.cancel()
        self.done(self, error)

    def forget(self) -> None:
        """Watch the descriptor no longer, unless somebody else does by now."""
        if self.loop.handlers.get(self.fd) == self.go_on:
            self.loop.forget(self.fd)

    def cancel(self) -> None:
        """End it where it waits; nobody is told."""
        if self.timer is not None:
            self.timer.cancel()
        self.forget()
