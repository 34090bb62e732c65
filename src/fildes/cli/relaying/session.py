"""One relay between two sides that are opened once: what socat does without ``fork``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fildes.cli.relaying.opening import Means, open_side
from fildes.cli.relaying.shaping import shape
from fildes.cli.relaying.terminal_modes import terminal_in_modes
from fildes.drivers import blocking
from fildes.errors import AddressError, add_context
from fildes.opening.opening import Opening
from fildes.streams.relay import Half, copy
from fildes.streams.shaped import LimitedStream, OpenEndedStream, TappedStream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.cli.relaying.dump import Direction
    from fildes.cli.relaying.plan import Manner, Plan
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.relaying.side import Side
    from fildes.cli.relaying.taps import Tap
    from fildes.streams.stream import Stream

#: The modes of the left and the right side, by direction.
MODES = {"both": ("r+b", "r+b"), "there": ("rb", "wb"), "back": ("wb", "rb")}

#: Seconds that whoever was only written to may take to say its end, so that a close
#: with bytes of its unread does not reset the connection under what it has not read.
LAST_WORDS = 1.0  # arbitrary

#: Seconds of silence after which it is over where an end of file cannot be passed on, to
#: a terminal or a datagram socket say.
LINGER = 2.0  # arbitrary; whoever computes for longer says --eof linger:SECONDS

#: How long an escaped session waits for a peer that does not end; as socat's -t.
ESCAPE_LINGER = "linger:0.5"


class Session:
    """A relay from its opening to its end.

    Attributes:
      halves: the directions, while they are copied.
    """

    def __init__(self, plan: Plan, means: Means, reporter: Reporter, taps: list[Tap]) -> None:
        self.plan = plan
        self.means = means
        self.reporter = reporter
        self.taps = taps
        self.halves: dict[Direction, Half] = {}
        self.started = time.monotonic()

    def run(self) -> None:
        """Open both sides, copy, and close them.

        Raises:
          OSError, EOFError: something was not complete; both sides were aborted.
        """
        with contextlib.ExitStack() as ends:
            left, right = self.open_sides(ends)
            self.started = time.monotonic()
            self.reporter.opened(1, left=left.peer, right=right.peer)
            try:
                self.copy(left, right)
                self.close(left, self.plan.left)
                self.close(right, self.plan.right)
            finally:
                self.reporter.closed(1, self.copied(">"), self.copied("<"), self.seconds)

    @property
    def seconds(self) -> float:
        """How long it has been copying."""
        return time.monotonic() - self.started

    def copied(self, direction: Direction) -> int:
        """Return how many bytes were copied in *direction*."""
        return self.halves[direction].copied if direction in self.halves else 0

    def open_sides(self, ends: contextlib.ExitStack) -> tuple[Stream, Stream]:
        """Return both sides, opened; *ends* aborts what is not closed by then."""
        opened = []
        for side, mode in zip(
            (self.plan.left, self.plan.right), MODES[self.plan.directions], strict=True
        ):
            ends.enter_context(terminal_modes(side))
            stream = self.open_with_retries(side, mode)
            ends.callback(stream.abort)
            opened.append(stream)
        return opened[0], opened[1]

    def open_with_retries(self, side: Side, mode: str) -> Stream:
        """Open *side*, and try again as often as it says."""
        manner = self.plan.manner
        tries = side.settings.retry or manner.retry
        interval = side.settings.interval if side.settings.retry else manner.interval
        while True:
            try:
                return self.open(side, mode)
            except OSError as error:
                if not tries or isinstance(error, PermissionError):
                    raise
                tries -= 1
                self.reporter.retrying(error, interval)
            blocking.run(wait_any({}, interval))

    def open(self, side: Side, mode: str) -> Stream:
        """Open *side* once."""
        if side.listening:
            return self.accept(side, mode)
        limit = side.settings.connect_timeout or self.plan.manner.timeout
        deadline = None if limit is None else time.monotonic() + limit
        return blocking.run(open_side(side, mode, self.means), deadline)

    def accept(self, side: Side, mode: str) -> Stream:
        """Listen, say where, and return the first connection."""
        opening = Opening(side.address, mode, self.means.policy, self.means.options)
        acceptor = blocking.run(opening.listen())
        try:
            self.reporter.listening(str(acceptor.address))
            limit = side.settings.accept_timeout
            deadline = None if limit is None else time.monotonic() + limit
            try:
                stream = blocking.run(acceptor.accept_stream(), deadline)
            except OSError as error:
                add_context(error, "connect", side.address.display())
                raise
        finally:
            acceptor.close()
        stream.restrict(mode)
        self.reporter.accepted(1, stream.peer)
        return shape(stream, side.settings)

    def copy(self, left: Stream, right: Stream) -> None:
        """Copy in all directions that there are, up to their ends."""
        manner = with_escape(self.plan)
        left, right = self.prepared(left, ">", manner), self.prepared(right, "<", manner)
        pairs: dict[Direction, tuple[Stream, Stream]] = {">": (left, right), "<": (right, left)}
        self.halves = {
            direction: Half(source, sink)
            for direction, (source, sink) in pairs.items()
            if source.readable and sink.writable
        }
        if not self.halves:
            raise AddressError("nothing can flow: neither side can be read where the other one"
                               " can be written")  # fmt: skip
        with self.blamed():
            run_halves(list(self.halves.values()), manner)
            if self.plan.directions != "both":
                hear_out(right if self.plan.directions == "there" else left)

    def prepared(self, stream: Stream, direction: Direction, manner: Manner) -> Stream:
        """Return *stream* with its taps and limits."""
        for tap in self.taps:
            stream = TappedStream(stream, tapped(tap, direction))
        if manner.max_bytes is not None:
            stream = LimitedStream(stream, manner.max_bytes)
        if manner.eof == "ignore":
            stream = OpenEndedStream(stream)
        return stream

    def close(self, stream: Stream, side: Side) -> None:
        """Close *stream*; an error says which side it was.

        A side that has not ended, because the policy did not wait for it, may not end
        when it is closed, either: a program is then killed.
        """
        cut_short = any(half.running for half in self.halves.values())
        deadline = time.monotonic() + LAST_WORDS if cut_short else None
        try:
            blocking.run(stream.close(), deadline)
        except (OSError, EOFError) as error:
            if not cut_short:
                add_context(error, "close", side.address.display())
                raise

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Say of an error of the copying to which side it belongs."""
        try:
            yield
        except (OSError, EOFError) as error:
            for direction, half in self.halves.items():
                if half.error is error:
                    at_left = half.lost == (direction == ">")
                    side = self.plan.left if at_left else self.plan.right
                    add_context(error, "read" if half.lost else "write", side.address.display())
            add_context(error, "read", self.plan.right.address.display())
            raise


def tapped(tap: Tap, direction: Direction) -> Callable[[memoryview], None]:
    """Return what shows *tap* the pieces of one direction of the only connection."""
    return lambda data: tap(1, direction, data)


def with_escape(plan: Plan) -> Manner:
    """Return the manner of *plan*: who escapes a session does not wait for its peer."""
    escapes = any(side.settings.escape is not None for side in (plan.left, plan.right))
    if escapes and plan.manner.eof == "propagate":
        return plan.manner._replace(eof=ESCAPE_LINGER)
    return plan.manner


def run_halves(halves: list[Half], manner: Manner) -> None:
    """Copy until *halves* have ended, as the end-of-file policy has it.

    Raises:
      TimeoutError: nothing moved for the idle timeout.
    """
    policy, _, seconds = manner.eof.partition(":")
    until = UNTIL[policy]
    blocking.run(copy(halves, manner.idle_timeout, lambda: any(map(until, halves))))
    left = [half for half in halves if half.running]
    if left and policy != "first":
        with contextlib.suppress(TimeoutError):
            blocking.run(copy(left, float(seconds or LINGER)))


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


def hear_out(stream: Stream) -> None:
    """Let a peer that was only written to end, and throw away what it says."""
    from fildes.streams.kernel import SocketStream

    inner = next((layer for layer in stream.layers() if isinstance(layer, SocketStream)), None)
    if inner is None or stream.messages or not inner.fileno() >= 0:
        return
    with contextlib.suppress(OSError, EOFError):
        deadline = time.monotonic() + LAST_WORDS
        while blocking.run(stream.recv(), deadline):
            pass


@contextlib.contextmanager
def terminal_modes(side: Side) -> Iterator[None]:
    """Set the modes of the terminal that *side* is, during the body."""
    address = side.address
    number = 0 if address.scheme == "stdio" else -1
    if address.scheme == "fd" and address.path.isdecimal():
        number = int(address.path)
    with terminal_in_modes(number, side.settings.terminal):
        yield
