"""Copying between two streams: one way (pipe), and both ways (relay).

Protocol code, so any driver runs it. Each direction is a `Half`, which does what
can be done now and says what it waits for; one wait covers both. An end of file is
passed on as a half-close, and the other direction goes on. An error is not an end
of file. Where sending fails, what that stream has still to say is delivered: a server
may answer and close without reading the whole question. Where receiving fails, the
stream is lost in both directions. Then the error is raised, and the caller aborts both.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from fildes.waiting import Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.streams.stream import Stream


#: One read of a default socket buffer, and the default capacity of a pipe, pipe(7).
COPY_SIZE = 65536

#: Rounds without a wait before the other tasks of an event loop get their turn.
FAIR_ROUNDS = 16  # arbitrary

NOTHING: Interest = {}


class Half:
    """One direction: from *source* to *sink*.

    Attributes:
      copied: bytes that the sink has taken.
      ended: the source has reached its end of file and all of it was sent.
      error: what cut this direction short.
      lost: it was cut short by the source, to which nothing can be sent, either.
    """

    def __init__(self, source: Stream, sink: Stream) -> None:
        self.source, self.sink = source, sink
        self.buffer = memoryview(bytearray(COPY_SIZE))
        self.left = self.buffer[:0]
        self.copied = 0
        self.ended = False
        self.error: OSError | EOFError | None = None
        self.lost = False

    @property
    def running(self) -> bool:
        """Whether there is more to copy."""
        return not self.ended and self.error is None

    def advance(self) -> bool:
        """Do what can be done now; return whether anything happened."""
        if self.left:
            return self.send()
        try:
            received = self.source.try_recv_into(self.buffer)
        except (OSError, EOFError) as error:
            self.error, self.lost = error, True
            return True
        if received is None:
            return False
        if received == 0 and not self.source.endless:
            self.ended = True
        else:
            self.left = self.buffer[:received]
            self.send()
        return True

    def send(self) -> bool:
        """Send what is left of the last receive; return whether anything happened."""
        try:
            sent = self.sink.try_send(self.left)
        except (OSError, EOFError) as error:
            self.error = error
            return True
        if sent is None:
            return False
        self.left = self.left[sent:]
        self.copied += sent
        return True

    async def pass_on_end(self) -> None:
        """Half-close the sink, after the last byte."""
        try:
            await self.sink.half_close()
        except (OSError, EOFError) as error:
            self.error = error

    def wants(self) -> Interest:
        """Return what this direction waits for."""
        return self.sink.send_wants() if self.left else self.source.recv_wants()


async def copy(
    halves: list[Half],
    idle_timeout: float | None = None,
    until: Callable[[], bool] = lambda: False,
    alarm: Interest = NOTHING,
) -> None:
    """Run *halves* until each has ended or failed; pass on each end of file.

    Args:
      until: asked after each step; true to leave the rest.
      alarm: what ends a wait as well, so that *until* is asked.

    Raises:
      TimeoutError: nothing moved for *idle_timeout* seconds.
      OSError, EOFError: a direction was cut short; the other one went on to its end
        if that was possible.
    """
    rounds, since = 0, time.monotonic()
    while (running := [half for half in halves if half.running]) and not until():
        moved = [half for half in running if half.advance()]
        for half in moved:
            if half.ended:
                await half.pass_on_end()
        if any(half.lost for half in moved):
            break
        rounds = rounds + 1 if moved else 0
        if moved:
            since = time.monotonic()
        else:
            await wait_for(running, idle_timeout, since, alarm)
        if rounds % FAIR_ROUNDS == FAIR_ROUNDS - 1:
            await wait_any({}, 0)
    # What a lost source says is the cause of what its sender met.
    for half in sorted(halves, key=lambda half: not half.lost):
        if half.error is not None:
            raise half.error


async def wait_for(
    halves: list[Half], idle_timeout: float | None, since: float, alarm: Interest
) -> None:
    """Wait until one of *halves* can go on, or for *alarm*.

    A stream may wake this wait and still have nothing, so the silence is measured
    *since* the last byte.
    """
    interest = dict(alarm)
    for half in halves:
        for fd, events in half.wants().items():
            interest[fd] = interest.get(fd, 0) | events
    left = None if idle_timeout is None else max(0.0, since + idle_timeout - time.monotonic())
    if not await wait_any(interest, left):
        raise TimeoutError(errno.ETIMEDOUT, f"nothing moved for {idle_timeout:g} s")


async def pipe_streams(source: Stream, sink: Stream, *, idle_timeout: float | None = None) -> int:
    """Copy *source* to *sink* up to its end of file; half-close *sink*; return the count."""
    half = Half(source, sink)
    await copy([half], idle_timeout)
    return half.copied


async def relay_streams(
    left: Stream, right: Stream, *, idle_timeout: float | None = None
) -> tuple[int, int]:
    """Copy both ways until both have ended; return the counts left to right and back."""
    there, back = Half(left, right), Half(right, left)
    await copy([there, back], idle_timeout)
    return there.copied, back.copied
