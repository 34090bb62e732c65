"""What flows between two open sides, up to their ends; protocol code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from fildes.cli.errors import LocalWriteError
from fildes.cli.output import STDOUT_NAME
from fildes.cli.relaying.gathering import Gathering, gathers
from fildes.cli.relaying.taps import Count
from fildes.errors import AddressError, add_context
from fildes.streams.departed import Departed
from fildes.streams.half import Half, LoneHalf
from fildes.streams.parting import hear_out
from fildes.streams.relay import copy
from fildes.streams.shaped import CountedStream, LimitedStream, OpenEndedStream, TappedStream

if TYPE_CHECKING:
    from fildes.cli.relaying.dump import Direction
    from fildes.cli.relaying.plan import Manner, Plan
    from fildes.cli.relaying.side import Side
    from fildes.cli.relaying.taps import Tap
    from fildes.streams.stream import Stream

#: Seconds that the close of a side may take whose end the policy did not wait for: a
#: program that goes on is killed then.
CUT_TIMEOUT = 0.25  # arbitrary

#: Seconds of silence after which it is over where an end of file cannot be passed on, to
#: a terminal or a datagram socket say.
LINGER = 2.0  # arbitrary; whoever computes for longer says --eof linger:SECONDS

#: How long a session that was escaped, or that shares its other side with the next one,
#: waits for a peer that does not end; socat's default for -t.
SHORT_LINGER = "linger:0.5"


class Flow:
    """The bytes between *left* and *right*, which it neither opens nor closes.

    Attributes:
      number: of the connection, for the taps.
      alone: nothing else is done in this thread meanwhile.
      halves: the directions that there are.
      missed: called with the reason and the count when datagrams are lost to which it goes on.
    """

    missed: Callable[[OSError, int], object] = staticmethod(lambda error, count: None)

    def __init__(
        self,
        plan: Plan,
        left: Stream,
        right: Stream,
        number: int,
        taps: list[Tap],
        *,
        alone: bool = False,
    ) -> None:
        self.plan = plan
        self.number = number
        self.taps = taps
        self.manner = own_manner(plan)
        self.sides: dict[Direction, Stream] = {
            ">": self.prepared(left, ">"),
            "<": self.prepared(right, "<"),
        }
        pairs: dict[Direction, tuple[Stream, Stream]] = {
            ">": (self.sides[">"], self.sides["<"]),
            "<": (self.sides["<"], self.sides[">"]),
        }
        ways = {
            direction: (source, sink)
            for direction, (source, sink) in pairs.items()
            if source.readable and sink.writable
        }
        if not ways:
            raise AddressError(
                "nothing can flow: neither side can be read where the other can be written"
            )
        lone = alone and len(ways) == 1 and self.manner.idle_timeout is None
        kind = LoneHalf if lone else Half
        self.halves = {direction: kind(*ends) for direction, ends in ways.items()}
        if alone:
            self.gather(left, right)

    def gather(self, left: Stream, right: Stream) -> None:
        """Let what everybody sends outlive a datagram that the other side does not take."""
        directions: tuple[tuple[Direction, Stream, Stream, Side], ...] = (
            (">", left, right, self.plan.right),
            ("<", right, left, self.plan.left),
        )
        for direction, source, sink, side in directions:
            half = self.halves.get(direction)
            if half is not None and not side.listening and gathers(source, sink):
                self.halves[direction] = Gathering(half.source, half.sink, partial(self.miss, side))

    def miss(self, side: Side, error: OSError, count: int) -> None:
        """Tell that *side* has not taken *count* datagrams, the last one for an *error*."""
        add_context(error, "write", side.address.display())
        self.missed(error, count)

    def prepared(self, stream: Stream, direction: Direction) -> Stream:
        """Return *stream* with its taps and limits."""
        if stream.longest is not None:
            stream.longest = self.manner.block or stream.longest
        for tap in self.taps:
            if isinstance(tap, Count):
                stream = CountedStream(stream, tap.count)
            else:
                stream = TappedStream(stream, self.tapped(tap, direction))
        if self.manner.max_bytes is not None:
            stream = LimitedStream(stream, self.manner.max_bytes)
        if self.manner.eof == "ignore":
            stream = OpenEndedStream(stream)
        return stream

    def tapped(self, tap: Tap, direction: Direction) -> Callable[[memoryview], None]:
        """Return what shows *tap* the pieces of one direction."""
        return lambda data: tap(self.number, direction, data)

    @property
    def ends(self) -> tuple[Stream, Stream]:
        """The left and the right side, as they are copied between."""
        return self.sides[">"], self.sides["<"]

    @property
    def both(self) -> tuple[Half, Half]:
        """Both directions; one that there is not has copied nothing."""
        left, right = self.ends
        return (
            self.halves.get(">") or Half(left, right),
            self.halves.get("<") or Half(right, left),
        )

    def copied(self, direction: Direction) -> int:
        """Return how many bytes were copied in *direction*."""
        return self.halves[direction].copied if direction in self.halves else 0

    @property
    def cut_short(self) -> bool:
        """Whether a direction has not ended, because the policy did not wait for it."""
        return any(half.running for half in self.halves.values())

    async def run(self) -> None:
        """Copy until all directions have ended, as the end-of-file policy has it.

        Raises:
          TimeoutError: nothing moved for the idle timeout.
          OSError, EOFError: a direction was cut short.
        """
        with self.blamed():
            await self.run_halves()
            if self.manner.max_bytes is not None:
                await self.tell_ends()
            sources = [half.source for half in self.halves.values()]
            for stream in self.ends:
                if stream not in sources:
                    await hear_out(untapped(stream))

    async def run_halves(self) -> None:
        """Copy until the policy says that it is over."""
        halves = list(self.halves.values())
        policy, _, seconds = self.manner.eof.partition(":")
        until = UNTIL[policy]
        departed = Departed(halves)

        def over() -> bool:
            if policy == "propagate":
                departed.look()
            return any(map(until, halves))

        await copy(halves, self.manner.idle_timeout, over, departed.alarm)
        left = [half for half in halves if half.running]
        for half in left if policy == "first" else departed.unheard:
            await hear_out(untapped(half.source))
        if left and policy != "first":
            with contextlib.suppress(TimeoutError):
                await copy(left, float(seconds or LINGER))

    async def tell_ends(self) -> None:
        """Half-close what was only read: it may have more to say, and a close would reset it.

        After the end of file a reset is none to who reads (RFC 1122 section 4.2.2.13).
        """
        sinks = [half.sink for half in self.halves.values()]
        for half in self.halves.values():
            if half.ended and half.source not in sinks and half.source.half_closes:
                with contextlib.suppress(OSError):
                    await half.source.half_close()

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Say of an error of the copying to which side it belongs.

        Raises:
          LocalWriteError: what came could not be written here.
        """
        try:
            yield
        except (OSError, EOFError) as error:
            left, right = self.plan.left, self.plan.right
            blame(error, self.halves.get(">"), left, right)
            blame(error, self.halves.get("<"), right, left)
            add_context(error, "read", right.address.display())
            raise


def blame(error: OSError | EOFError, half: Half | None, source: Side, sink: Side) -> None:
    """Say of *error*, if it cut *half* short, which of its sides it belongs to.

    Raises:
      LocalWriteError: it is one of writing what came to a place of this machine.
    """
    if half is None or half.error is not error:
        return
    if not half.lost and isinstance(error, OSError) and is_local(sink):
        place = STDOUT_NAME if sink.address.scheme == "stdio" else sink.address.display()
        raise LocalWriteError(error.errno, error.strerror, place) from error
    side = source if half.lost else sink
    if side.listening and isinstance(error, ConnectionRefusedError):
        error.advice = "the sender has gone, for whom there was an answer"  # type: ignore[attr-defined]  # see `advice_for`
    add_context(error, "read" if half.lost else "write", side.address.display())


def is_local(side: Side) -> bool:
    """Tell whether what is written to *side* stays here, and no peer reads it."""
    return (side.sink or side).address.scheme in ("stdio", "file", "fd", "pipe")


def own_manner(plan: Plan) -> Manner:
    """Return the manner of *plan*, and where nobody waits for the other's end, that."""
    hasty = any(
        side.settings.escape is not None or side.settings.end_close
        for side in (plan.left, plan.right)
    )
    if hasty and plan.manner.eof == "propagate":
        return plan.manner._replace(eof=SHORT_LINGER)
    return plan.manner


def untapped(stream: Stream) -> Stream:
    """Return *stream* without its taps, who are shown what is copied and nothing else."""
    while isinstance(stream, TappedStream):
        stream = stream.inner
    return stream


def is_untold(half: Half) -> bool:
    """Tell whether a direction has ended, and its sink could not be told."""
    return half.ended and not half.sink.half_closes


#: Which direction ends the waiting for the others, by end-of-file policy.
UNTIL: dict[str, Callable[[Half], bool]] = {
    "propagate": is_untold,
    "ignore": lambda half: False,
    "first": lambda half: half.ended,
    "linger": lambda half: half.ended,
}
