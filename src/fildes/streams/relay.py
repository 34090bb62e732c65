"""Copying between two streams, one way or both ways.

Protocol code, so any driver runs it. Each direction is a `Half`, which does what
can be done now and says what it waits for; one wait covers both. An end of file is
passed on as a half-close, and the other direction goes on. An error is not an end
of file. Where sending fails, what that stream has still to say is delivered: a server
may answer and close without reading the whole question. Standard input knows nothing of
standard output, and is not waited for then. Where receiving fails, the
stream is lost in both directions. Once each peer has what was sent to it, the error is
raised, and the caller aborts both.
"""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING

from fildes.patterns import pattern
from fildes.streams.buffers import buffers_here
from fildes.streams.delivering import NOTHING, delivered
from fildes.streams.departed import Departed
from fildes.streams.half import Half
from fildes.streams.parting import hear_out
from fildes.streams.shaped import LimitedStream, OpenEndedStream
from fildes.waiting import Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Stream


#: Rounds without a wait before the other tasks of an event loop get their turn.
FAIR_ROUNDS = 16  # arbitrary


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
    try:
        await copy_now(halves, idle_timeout, until, alarm)
    finally:
        for half in halves:
            half.stop_passing()


async def copy_now(
    halves: list[Half], idle_timeout: float | None, until: Callable[[], bool], alarm: Interest
) -> None:
    """Do what `copy` does, and leave the halves as they are."""
    rounds, since = 0, time.monotonic()
    buffers = buffers_here()
    while not until() and (running := [half for half in halves if half.running]):
        moved = [half for half in running if half.advance(buffers)]
        for half in moved:
            if half.ended:
                await half.pass_on_end()
        if any(half.lost for half in moved) or leaves_nothing(halves, moved):
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


def leaves_nothing(halves: list[Half], moved: list[Half]) -> bool:
    """Tell whether one of those *moved* has failed, and no end is waited for of what goes on.

    It has none, or it does not come from where sending has failed.
    """
    failed = [half.sink for half in moved if half.error is not None]
    if not failed:
        return False
    if any(layer.apart for sink in failed for layer in sink.layers()):
        return True
    return all(half.source.endless for half in halves if half.running)


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
) -> list[Half]:
    """Run *halves* as `copy` does, up to the end that a policy names.

    What leads to a program ends with the program.

    Args:
      eof: ``"propagate"`` waits until each direction has ended; ``"first"`` for one of
        them; ``"linger:5"`` for one, and then as long as bytes come within 5 seconds.
        ``"ignore"`` waits for each, too: the sinks are such that are not told, as
        `half_between` makes them.

    Returns:
      Directions from who was told the end, and has not been waited for.
    """
    if eof in ("propagate", "ignore"):
        departed = Departed(halves)
        await copy(halves, idle_timeout, departed.look, departed.alarm)
        return departed.unheard
    await copy(halves, idle_timeout, lambda: any(half.ended for half in halves))
    left = [half for half in halves if half.running]
    if eof == "first":
        return left
    if left:
        with contextlib.suppress(TimeoutError):
            await copy(left, float(eof.removeprefix("linger:")))
    return []


async def copy_and_leave(halves: list[Half], eof: str, idle_timeout: float | None) -> None:
    """Copy as `copy_until`; hear out who was not waited for, but was told of our end."""
    for half in await copy_until(halves, eof, idle_timeout):
        await hear_out(half.source)


def half_between(
    source: Stream,
    sink: Stream,
    eof: str,
    max_bytes: int | None,
    left: Buffer = b"",
    kind: type[Half] = Half,
) -> Half:
    """Return the direction from *source* to *sink* under an end-of-file policy.

    Args:
      max_bytes: how many are copied at most, *left* included; then it has ended.
      left: what was received already.
      kind: of direction.
    """
    view = memoryview(left)
    if max_bytes is not None:
        source = LimitedStream(source, max_bytes - len(view))
    half = kind(source, OpenEndedStream(sink) if eof == "ignore" else sink)
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
    if not any(half.waits_for_source and half.source.stalled(stall) for half in halves):
        raise stall
    return time.monotonic()
