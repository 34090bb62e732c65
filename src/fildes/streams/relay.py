"""Copying between two streams: one way (pipe), and both ways (relay).

Protocol code, so any driver runs it. Each direction is a `Half`, which does what
can be done now and says what it waits for; one wait covers both. An end of file is
passed on as a half-close, and the other direction goes on. An error is not an end
of file. Where sending fails, what that stream has still to say is delivered: a server
may answer and close without reading the whole question. Where receiving fails, the
stream is lost in both directions. Once each peer has what was sent to it, the error is
raised, and the caller aborts both.
"""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING

from fildes.patterns import pattern
from fildes.streams.buffers import Buffers, buffers_here
from fildes.streams.delivering import NOTHING, delivered
from fildes.streams.shaped import LimitedStream, OpenEndedStream
from fildes.waiting import Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Stream


#: Rounds without a wait before the other tasks of an event loop get their turn.
FAIR_ROUNDS = 16  # arbitrary


class Half:
    """One direction: from *source* to *sink*.

    Attributes:
      left: what was received and not yet sent; None for nothing.
      copied: bytes that the sink has taken.
      ended: the source has reached its end of file and all of it was sent.
      passed_on: and the sink was told.
      error: what cut this direction short.
      lost: it was cut short by the source, to which nothing can be sent, either.
    """

    __slots__ = ("copied", "ended", "error", "left", "lost", "passed_on", "sink", "source")

    def __init__(self, source: Stream, sink: Stream) -> None:
        self.source, self.sink = source, sink
        self.left: memoryview | None = None
        self.copied = 0
        self.ended = self.passed_on = False
        self.error: OSError | EOFError | None = None
        self.lost = False

    @property
    def running(self) -> bool:
        """Whether there is more to copy."""
        return not self.ended and self.error is None

    def advance(self, buffers: Buffers) -> bool:
        """Do what can be done now; return whether anything happened."""
        if self.left is not None:
            return self.send_left(self.left, buffers)
        view = buffers.view
        try:
            received = self.source.try_recv_into(view)
        except (OSError, EOFError) as error:
            self.error, self.lost = error, True
            return True
        if received is None:
            return False
        if received == 0 and not self.source.endless:
            self.ended = True
            return True
        data = view[:received]
        sent = self.send(data)
        if sent is None:
            self.left = buffers.keep(data)
        elif sent < received:
            self.left = buffers.keep(data[sent:])
        return True

    def send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*, return how many bytes were taken; None for a wait."""
        try:
            sent = self.sink.try_send(data)
        except (OSError, EOFError) as error:
            self.error = error
            return len(data)  # it is lost
        self.copied += sent or 0
        return sent

    def send_left(self, left: memoryview, buffers: Buffers) -> bool:
        """Send what is left of the last receive; return whether anything happened."""
        sent = self.send(left)
        if sent is None:
            return False
        self.left = left[sent:]
        if not self.left:
            self.left = None
            buffers.give_back(left)
        return True

    async def pass_on_end(self) -> None:
        """Half-close the sink, after the last byte."""
        self.passed_on = True
        try:
            await self.sink.half_close()
        except (OSError, EOFError) as error:
            self.error = error

    def wants(self) -> Interest:
        """Return what this direction waits for."""
        return self.source.recv_wants() if self.left is None else self.sink.send_wants()


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
    buffers = buffers_here()
    while (running := [half for half in halves if half.running]) and not until():
        moved = [half for half in running if half.advance(buffers)]
        for half in moved:
            if half.ended:
                await half.pass_on_end()
        if any(half.lost for half in moved):
            break
        rounds = rounds + 1 if moved else 0
        if moved:
            since = time.monotonic()
        else:
            since = await wait_for(running, idle_timeout, since, alarm)
        if rounds % FAIR_ROUNDS == FAIR_ROUNDS - 1:
            await wait_any({}, 0)
    error = first_error(halves)
    if error is not None:
        with contextlib.suppress(TimeoutError):  # of a deadline; the error is the older one
            await delivered([half.sink for half in halves], idle_timeout, until, alarm)
        raise error


def first_error(halves: list[Half]) -> OSError | EOFError | None:
    """Return what cut *halves* short, None if nothing did.

    What a lost source says is the cause of what its sender met.
    """
    for half in sorted(halves, key=lambda half: not half.lost):
        if half.error is not None:
            return half.error
    return None


_LINGER = pattern(r"linger:[0-9]{1,9}(\.[0-9]{1,9})?")


def check_eof(eof: str) -> None:
    """Raise `ValueError` unless `copy_until` knows the policy."""
    if eof not in ("propagate", "first", "ignore") and not _LINGER.fullmatch(eof):
        raise ValueError(f"eof is propagate, first, ignore or linger:SECONDS, not {eof!r}")


async def copy_until(
    halves: list[Half], eof: str = "propagate", idle_timeout: float | None = None
) -> None:
    """Run *halves* as `copy` does, up to the end that a policy names.

    Args:
      eof: ``"propagate"`` waits until each direction has ended; ``"first"`` for one of
        them; ``"linger:5"`` for one, and then as long as bytes come within 5 seconds.
        ``"ignore"`` waits for each, too: the sinks are such that are not told, as
        `half_between` makes them.
    """
    if eof in ("propagate", "ignore"):
        await copy(halves, idle_timeout)
        return
    await copy(halves, idle_timeout, lambda: any(half.ended for half in halves))
    left = [half for half in halves if half.running]
    if left and eof != "first":
        with contextlib.suppress(TimeoutError):
            await copy(left, float(eof.removeprefix("linger:")))


def half_between(
    source: Stream,
    sink: Stream,
    eof: str,
    max_bytes: int | None,
    left: Buffer = b"",
) -> Half:
    """Return the direction from *source* to *sink* under an end-of-file policy.

    Args:
      max_bytes: how many are copied at most, *left* included; then it has ended.
      left: what was received already.
    """
    view = memoryview(left)
    if max_bytes is not None:
        source = LimitedStream(source, max_bytes - len(view))
    half = Half(source, OpenEndedStream(sink) if eof == "ignore" else sink)
    half.left = view or None
    return half


async def wait_for(
    halves: list[Half], idle_timeout: float | None, since: float, alarm: Interest
) -> float:
    """Wait until one of *halves* can go on, or for *alarm*.

    A stream may wake this wait and still have nothing, so the silence is measured
    *since* the last byte, or since a source that stalled is tried once more: that moment is
    returned.
    """
    interest = dict(alarm)
    for half in halves:
        for fd, events in half.wants().items():
            interest[fd] = interest.get(fd, 0) | events
    left = None if idle_timeout is None else max(0.0, since + idle_timeout - time.monotonic())
    if await wait_any(interest, left):
        return since
    stall = TimeoutError(errno.ETIMEDOUT, f"nothing moved for {idle_timeout:g} s")
    if not any(half.left is None and half.source.stalled(stall) for half in halves):
        raise stall
    return time.monotonic()


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
