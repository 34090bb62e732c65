"""Relays that serve any number of connections, as a plan says, in one loop.

The loop, the accepting and the fast way between two sockets are those of
`fildes.relaying`. Here each side is shaped as its settings want it, opened again where
that fails, shown to taps, and told of.
"""

from __future__ import annotations

import contextlib
import errno
import select
import time
from typing import TYPE_CHECKING, NamedTuple

from fildes.cli.errors import LocalWriteError
from fildes.cli.relaying.flow import CUT_TIMEOUT, Flow, blame
from fildes.cli.relaying.opening import MODES, Means, open_side
from fildes.cli.relaying.shaping import shape
from fildes.cli.relaying.shared import SharedStream
from fildes.cli.relaying.side import DEFAULT
from fildes.cli.relaying.within import within
from fildes.cli.reporting import shortage_of
from fildes.errors import AddressError, add_context
from fildes.relaying.connection import Connection, Observer, close_both
from fildes.relaying.dialing import short_opener
from fildes.relaying.service import CLOSE_TIMEOUT, Service
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.relaying.taps import Tap
    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.relaying.service import Opener
    from fildes.streams.stream import Stream


class Surroundings(NamedTuple):
    """What all relays of a process share.

    Attributes:
      numbers: of connections, whichever relay they are of.
      changed: called when something was counted.
    """

    loop: Loop
    means: Means
    reporter: Reporter
    taps: list[Tap]
    numbers: Iterator[int]
    changed: Callable[[], None] | None = None


class Relay(Service):
    """One relay that listens.

    Attributes:
      front, other: the side at which connections are accepted, and the one that is
        opened for each.
      flows: what is copied, of connections that need more than the fast way.
      shared: the other side, where it is opened once for all connections.
    """

    shared: SharedStream | None = None

    def __init__(self, plan: Plan, acceptor: Acceptor, around: Surroundings) -> None:
        self.plan, self.around = plan, around
        self.left_is_front = plan.left_is_front
        self.front, self.other = plan.front, plan.right if plan.left_is_front else plan.left
        modes = MODES[plan.directions]
        self.near_mode, self.far_mode = modes if self.left_is_front else modes[::-1]
        self.flows: dict[Connection, Flow] = {}
        tries, _ = plan.tries(self.other)
        manner = plan.manner
        own = dict(self.front.address.options)
        super().__init__(
            around.loop,
            acceptor,
            self.short_way() or self.open_other,
            Teller(self),
            timeout=None if tries else self.open_timeout,
            # What the listener's address says is said of this very listener.
            idle_timeout=None if "idle-timeout" in own else manner.idle_timeout,
            eof=manner.eof,
            plain=(
                plan.directions == "both"
                and not around.taps
                and self.front.settings._replace(fork=False) == DEFAULT
                and manner.max_bytes is None
            ),
            numbers=around.numbers,
        )

    @property
    def name(self) -> str:
        """What it is called; empty for the one of the command line."""
        return self.plan.name

    @property
    def open_timeout(self) -> float | None:
        """The seconds that one open of the other side may take."""
        return self.other.settings.connect_timeout or self.plan.manner.timeout

    @property
    def moved_so_far(self) -> tuple[int, int]:
        """The bytes left to right, and right to left, of all connections."""
        there, back = self.totals
        return (there, back) if self.left_is_front else (back, there)

    def moved_by(self, connection: Connection) -> tuple[int, int]:
        """Return the bytes of one connection left to right, and right to left."""
        there, back = connection.copied
        return (there, back) if self.left_is_front else (back, there)

    def ends_of(self, connection: Connection) -> tuple[str, str]:
        """Return what the left and the right end of a connection are called."""
        near, far = connection.near.peer or "?", self.other.address.display()
        return (near, far) if self.left_is_front else (far, near)

    def short_way(self) -> Opener | None:
        """Return what opens a plain address in the fewest steps; None for any other one."""
        other, means = self.other, self.around.means
        plain = other.sink is None and other.settings == DEFAULT and not self.plan.tries(other)[0]
        if not plain or self.plan.directions != "both":
            return None
        return short_opener(other.address, means.policy, means.options)

    async def open_other(self, near: Stream) -> Stream:
        """Open the other side for the client *near*, or take the one that all share."""
        if not self.other.settings.end_close:
            return await self.open_with_retries(self.around.means.serving(near), near)
        if self.shared is None:
            self.shared = SharedStream(await self.open_with_retries(self.around.means))
        return self.shared

    async def open_with_retries(self, means: Means, near: Stream | None = None) -> Stream:
        """Open the other side, and try again as often as it says, while the client is there."""
        tries, interval = self.plan.tries(self.other)
        if not tries:
            return await open_side(self.other, self.far_mode, means)
        while True:
            try:
                attempt = open_side(self.other, self.far_mode, means)
                return await within(attempt, self.open_timeout)
            except OSError as error:
                if not tries or isinstance(error, PermissionError):
                    raise
                tries -= 1
                self.around.reporter.retrying(error, interval, self.plan.name)
            await wait_any({}, interval)
            if near is not None and has_left(near):
                raise ConnectionResetError(errno.ECONNRESET, "the client did not wait for it")

    def flow(self, connection: Connection, near: Stream, far: Stream) -> None:
        """Let bytes flow both ways, with all that is wanted beside."""
        near.restrict(self.near_mode)
        near = connection.near = shape(near, self.front.settings)
        left, right = (near, far) if self.left_is_front else (far, near)
        try:
            manner = self.plan.manner._replace(idle_timeout=self.sweeper.limit)
            flow = Flow(
                self.plan._replace(manner=manner), left, right, connection.number, self.around.taps
            )
        except AddressError as error:
            self.finish(connection, error)
            return
        self.flows[connection] = flow
        connection.near, connection.far = flow.ends if self.left_is_front else flow.ends[::-1]
        connection.halves = flow.both if self.left_is_front else flow.both[::-1]

        def copied(_: None, error: Exception | None) -> None:
            self.finish(connection, self.sweeper.excused(connection, error))

        self.run(connection, flow.run(), copied)

    def finish(self, connection: Connection, error: Exception | None) -> None:
        """End both sides; one that the policy did not wait for may not end by itself."""
        flow = self.flows.pop(connection, None)
        if error is not None or flow is None or not flow.cut_short:
            super().finish(connection, error)
            return

        def closed(_: None, failure: Exception | None) -> None:
            connection.abort()
            self.over(connection, None)

        limit = time.monotonic() + CUT_TIMEOUT
        self.run(connection, close_both(connection), closed, limit)

    def blamed(self, connection: Connection, error: Exception) -> Exception:
        """Return *error*, which says to which side it belongs."""
        if not isinstance(error, OSError | EOFError):
            return error
        there, back = connection.halves or (None, None)
        try:
            blame(error, there, self.front, self.other)
            blame(error, back, self.other, self.front)
        except LocalWriteError as local:
            return local
        add_context(error, "close", self.other.address.display())
        return error

    async def close_shared(self) -> None:
        """Close what outlives connections, in order, for there will be none any more."""
        if self.shared is not None:
            with contextlib.suppress(OSError, EOFError):  # nobody is there to be told of it
                await within(self.shared.inner.close(), CLOSE_TIMEOUT)

    def release(self) -> None:
        """End what outlives connections."""
        if self.shared is not None:
            self.shared.release()
            self.shared = None


class Teller(Observer):
    """Tells the reporter of a relay what becomes of its connections."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.reporter = relay.around.reporter
        self.name = relay.plan.name
        self.changed = relay.around.changed
        self.detailed = self.reporter.as_json or self.reporter.statistics
        self.forgets = [tap.forget for tap in relay.around.taps if hasattr(tap, "forget")]
        self.sees_all = bool(self.changed or self.detailed or self.forgets)

    def accepted(self, connection: Connection) -> None:
        if self.changed is not None:
            self.changed()
        if self.reporter.as_json:
            self.reporter.accepted(connection.number, connection.near.peer, self.name)

    def opened(self, connection: Connection) -> None:
        if self.reporter.as_json:
            left, right = self.relay.ends_of(connection)
            self.reporter.opened(connection.number, self.name, left=left, right=right)

    def closed(self, connection: Connection, error: Exception | None) -> None:
        if self.changed is not None:
            self.changed()
        if error is not None:
            self.reporter.failed(error, connection.number, self.name)
        if self.detailed:
            there, back = self.relay.moved_by(connection)
            seconds = time.monotonic() - connection.since
            self.reporter.closed(connection.number, there, back, seconds, self.name)
        for forget in self.forgets:
            forget(connection.number)

    def refused(self, peer: str | None, reason: Exception) -> None:
        if self.changed is not None:
            self.changed()
        self.reporter.refused(peer, reason, self.name)

    def scarce(self, error: OSError) -> None:
        self.reporter.complaint(shortage_of(error), self.name)


def has_left(client: Stream) -> bool:
    """Tell whether *client* was reset; one that has only half-closed waits for an answer."""
    poll = select.poll()
    for fd in client.recv_wants():
        poll.register(fd, 0)  # an error or a hang-up is told all the same; poll(2)
    return not client.messages and bool(poll.poll(0))


async def listen(plan: Plan, around: Surroundings, leaving: Sequence[Acceptor] = ()) -> Acceptor:
    """Listen where *plan* says, and tell it.

    Args:
      leaving: those that give up their places.

    Raises:
      OSError: as bind(2).
    """
    opening = around.means.opening_of(plan.front)
    opening.leaving = leaving
    acceptor = await opening.listen()
    around.reporter.listening(str(acceptor.address), plan.name)
    return acceptor
