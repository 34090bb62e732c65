"""One relay between two sides that are opened once: what socat does without ``fork``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fildes.cli.relaying.flow import CUT_TIMEOUT, Flow
from fildes.cli.relaying.opening import MODES, Means, open_side
from fildes.cli.relaying.shaping import shape
from fildes.cli.relaying.terminal_modes import terminal_in_modes
from fildes.drivers import blocking
from fildes.errors import add_context
from fildes.opening.opening import Opening
from fildes.streams.departed import child_of
from fildes.streams.dual import DualStream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.cli.relaying.dump import Direction
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.relaying.side import Side
    from fildes.cli.relaying.taps import Tap
    from fildes.streams.stream import Stream


class Session:
    """A relay from its opening to its end.

    Attributes:
      flow: what is copied, once both sides are open.
      opened: the sides that are open, and what they are.
    """

    flow: Flow | None = None

    def __init__(self, plan: Plan, means: Means, reporter: Reporter, taps: list[Tap]) -> None:
        self.plan = plan
        self.means = means
        self.reporter = reporter
        self.taps = taps
        self.opened: list[tuple[Side, Stream]] = []
        self.started = time.monotonic()

    def run(self) -> None:
        """Open both sides, copy, and close them.

        Raises:
          OSError, EOFError: something was not complete; both sides were aborted.
        """
        with contextlib.ExitStack() as held:
            left, right = self.open_sides(held)
            self.started = time.monotonic()
            self.reporter.opened(
                1,
                left=left.peer or self.plan.left.address.display(),
                right=right.peer or self.plan.right.address.display(),
            )
            try:
                self.flow = Flow(self.plan, left, right, 1, self.taps, alone=True)
                self.flow.missed = self.reporter.missed
                blocking.run(self.flow.run())
                self.close(self.flow.sides[">"], self.plan.left)
                self.close(self.flow.sides["<"], self.plan.right)
            finally:
                self.reporter.closed(1, self.copied(">"), self.copied("<"), self.seconds)

    @property
    def seconds(self) -> float:
        """How long it has been copying."""
        return time.monotonic() - self.started

    def copied(self, direction: Direction) -> int:
        """Return how many bytes were copied in *direction*."""
        return self.flow.copied(direction) if self.flow is not None else 0

    def open_sides(self, held: contextlib.ExitStack) -> tuple[Stream, Stream]:
        """Return both sides, opened; *held* aborts what is not closed by then."""
        for side, mode in zip(
            (self.plan.left, self.plan.right), MODES[self.plan.directions], strict=True
        ):
            held.enter_context(terminal_modes(side))
            stream = self.open_both(side, mode)
            held.callback(stream.abort)
            self.opened.append((side, stream))
        (_, left), (_, right) = self.opened
        return left, right

    def pass_on(self, number: int) -> bool:
        """Send a signal to the programs that want it; return whether there are any."""
        wanting = [stream for side, stream in self.opened if number in side.settings.signals]
        children = [child for child in map(child_of, wanting) if child is not None]
        for child in children:
            child.process.send_signal(number)
        return bool(children)

    def open_both(self, side: Side, mode: str) -> Stream:
        """Open *side*; of ``A!!B`` both addresses, in so far as *mode* needs them."""
        if side.sink is None:
            return self.open_with_retries(side, mode)
        if mode == "wb":
            return self.open_with_retries(side.sink, mode)
        source = self.open_with_retries(side._replace(sink=None), "rb")
        if mode == "rb":
            return source
        try:
            return DualStream(source, self.open_with_retries(side.sink, "wb"))
        except BaseException:
            source.abort()
            raise

    def open_with_retries(self, side: Side, mode: str) -> Stream:
        """Open *side*, one address, and try again as often as it says."""
        tries, interval = self.plan.tries(side)
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
        self.means = self.means.serving(stream)
        self.reporter.accepted(1, stream.peer)
        return shape(stream, side.settings)

    def close(self, stream: Stream, side: Side) -> None:
        """Close *stream*; an error says which side it was.

        A side that has not ended, because the policy did not wait for it, may not end
        when it is closed, either: a program is then killed.
        """
        cut_short = self.flow is not None and self.flow.cut_short
        deadline = time.monotonic() + CUT_TIMEOUT if cut_short else None
        try:
            blocking.run(stream.close(), deadline)
        except (OSError, EOFError) as error:
            if not cut_short:
                add_context(error, "close", side.address.display())
                raise


@contextlib.contextmanager
def terminal_modes(side: Side) -> Iterator[None]:
    """Set the modes of the terminal that *side* is, during the body."""
    address = side.address
    number = 0 if address.scheme == "stdio" else -1
    if address.scheme == "fd" and address.path.isdecimal():
        number = int(address.path)
    with terminal_in_modes(number, side.settings.terminal):
        yield
