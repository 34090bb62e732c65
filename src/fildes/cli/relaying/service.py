"""Relays that serve any number of connections: accepted, opened, copied, counted.

A relay has a front, the listener, and opens its other side for each connection. All
of it is protocol code in the tasks of one event loop, so the other side may be any
address, and one slow handshake delays nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import TYPE_CHECKING

from fildes.cli.relaying.counts import Connection, Counts
from fildes.cli.relaying.flow import LAST_WORDS, Flow
from fildes.cli.relaying.opening import MODES, Means, open_side
from fildes.cli.relaying.shaping import shape
from fildes.cli.relaying.shared import SharedStream
from fildes.drivers import asyncio as asyncio_driver
from fildes.errors import AddressError, add_context, failure_of
from fildes.opening.opening import Opening

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.relaying.side import Side
    from fildes.cli.relaying.taps import Tap
    from fildes.listening.accepting import Acceptor
    from fildes.streams.stream import Stream


class Relay:
    """One relay that listens.

    Attributes:
      left_is_front: whether connections are accepted at the left side.
      shared: the other side, where it is opened once for all connections.
    """

    task: asyncio.Task[None]
    shared: SharedStream | None = None

    def __init__(self, plan: Plan, acceptor: Acceptor) -> None:
        self.plan = plan
        self.acceptor = acceptor
        self.counts = Counts()
        self.connections: dict[asyncio.Task[None], Connection] = {}
        self.left_is_front = front_is_left(plan)
        acceptor.refused = self.refused

    @property
    def other(self) -> Side:
        """The side that is opened for each connection."""
        return self.plan.right if self.left_is_front else self.plan.left

    def refused(self, peer: str | None, reason: Exception) -> None:
        """Count a client that was not let in."""
        self.counts.refused += 1


def front_is_left(plan: Plan) -> bool:
    """Tell whether the left side of *plan* is the one that serves many."""
    return plan.left.listening and plan.left.settings.fork


class Service:
    """The relays of one process.

    Attributes:
      relays: those that listen, by name.
      retired: those that listen no more, and still have connections.
    """

    def __init__(self, means: Means, reporter: Reporter, taps: list[Tap]) -> None:
        self.means = means
        self.reporter = reporter
        self.taps = taps
        self.started = time.monotonic()
        self.numbers = itertools.count(1)
        self.relays: dict[str, Relay] = {}
        self.retired: list[Relay] = []

    async def add(self, plan: Plan) -> None:
        """Let the relay of *plan* listen.

        Raises:
          OSError: as bind(2).
        """
        front = plan.left if front_is_left(plan) else plan.right
        opening = Opening(front.address, "r+b", self.means.policy, self.means.options)
        acceptor = await asyncio_driver.run(opening.listen())
        relay = Relay(plan, acceptor)
        self.relays[plan.name] = relay
        relay.task = asyncio.create_task(self.serve(relay))
        self.reporter.listening(str(acceptor.address), plan.name)

    async def remove(self, name: str) -> None:
        """Let the relay called *name* listen no more; its connections go on."""
        relay = self.relays.pop(name)
        self.retired.append(relay)
        await cancel([relay.task])
        relay.acceptor.close()
        if relay.shared is not None:
            relay.shared.release()

    async def serve(self, relay: Relay) -> None:
        """Accept connections until cancelled."""
        while True:
            stream = await asyncio_driver.run(relay.acceptor.accept_stream())
            number = next(self.numbers)
            connection = Connection(number, relay.plan.name, *labels(relay, stream))
            relay.counts.accepted += 1
            self.reporter.accepted(number, stream.peer, relay.plan.name)
            task = asyncio.create_task(self.handle(relay, connection, stream))
            relay.connections[task] = connection
            task.add_done_callback(relay.connections.pop)

    async def handle(self, relay: Relay, connection: Connection, stream: Stream) -> None:
        """Relay between an accepted connection and the other side; never raises."""
        try:
            with contextlib.ExitStack() as ends:
                ends.callback(stream.abort)
                await self.relay(relay, connection, stream, ends)
        except (OSError, EOFError, AddressError) as error:
            failure = failure_of(error)
            relay.counts.failed[failure.step if failure else "connect"] += 1
            self.reporter.failed(error, connection.number, relay.plan.name)
        finally:
            relay.counts.there += connection.there
            relay.counts.back += connection.back
            seconds = time.monotonic() - connection.started
            self.reporter.closed(
                connection.number, connection.there, connection.back, seconds, relay.plan.name
            )
            for tap in self.taps:
                getattr(tap, "forget", lambda number: None)(connection.number)

    async def relay(
        self, relay: Relay, connection: Connection, stream: Stream, ends: contextlib.ExitStack
    ) -> None:
        """Open the other side, copy, and close both; *ends* aborts what is not closed."""
        plan = relay.plan
        front = plan.left if relay.left_is_front else plan.right
        modes = MODES[plan.directions]
        stream.restrict(modes[0] if relay.left_is_front else modes[1])
        accepted = shape(stream, front.settings)
        other = await self.open_other(relay, modes[1] if relay.left_is_front else modes[0])
        ends.callback(other.abort)
        left, right = (accepted, other) if relay.left_is_front else (other, accepted)
        connection.flow = flow = Flow(plan, left, right, connection.number, self.taps)
        self.reporter.opened(connection.number, plan.name, left=left.peer, right=right.peer)
        await asyncio_driver.run(flow.run())
        for end, side in ((flow.sides[">"], plan.left), (flow.sides["<"], plan.right)):
            await close(end, side, cut_short=flow.cut_short)

    async def open_other(self, relay: Relay, mode: str) -> Stream:
        """Open the other side, or take the one that all connections share."""
        if not relay.other.settings.end_close:
            return await self.open_with_retries(relay, mode)
        if relay.shared is None:
            relay.shared = SharedStream(await self.open_with_retries(relay, mode))
        return relay.shared

    async def open_with_retries(self, relay: Relay, mode: str) -> Stream:
        """Open the other side, and try again as often as it says."""
        tries, interval = relay.plan.tries(relay.other)
        limit = relay.other.settings.connect_timeout or relay.plan.manner.timeout
        while True:
            deadline = None if limit is None else time.monotonic() + limit
            try:
                protocol = open_side(relay.other, mode, self.means)
                return await asyncio_driver.run(protocol, deadline)
            except OSError as error:
                if not tries or isinstance(error, PermissionError):
                    raise
                tries -= 1
                self.reporter.retrying(error, interval, relay.plan.name)
            await asyncio.sleep(interval)

    async def reload(self, plans: Iterable[Plan]) -> list[tuple[str, Exception]]:
        """Serve *plans* from now on; return which could not be started, and why.

        A relay that has not changed keeps its listener, and reads its certificates
        again. One that has gets a new one. Old connections go on as they were.
        """
        wanted = {plan.name: plan for plan in plans}
        failures: list[tuple[str, Exception]] = []
        for name, relay in list(self.relays.items()):
            if wanted.get(name) == relay.plan:
                del wanted[name]
                failures += self.reload_certificates(name, relay)
            else:
                await self.remove(name)
        for name, plan in wanted.items():
            try:
                await self.add(plan)
            except (OSError, ValueError) as error:
                failures.append((name, error))
        return failures

    def reload_certificates(self, name: str, relay: Relay) -> list[tuple[str, Exception]]:
        """Let a listener read its files again; it keeps the old ones if that fails."""
        try:
            relay.acceptor.reload()
        except (OSError, ValueError) as error:
            return [(name, error)]
        return []

    def all_relays(self) -> list[Relay]:
        """Return the relays that listen, and those that still have connections."""
        self.retired = [relay for relay in self.retired if relay.connections]
        return [*self.relays.values(), *self.retired]

    async def stop_listening(self) -> None:
        """Accept no more; connections go on."""
        for name in list(self.relays):
            await self.remove(name)

    async def drain(self) -> bool:
        """Let what is open end; return whether all of it did, within the limits."""
        relays = self.all_relays()
        pending = [task for relay in relays for task in relay.connections]
        if not pending:
            return True
        limits = [relay.plan.manner.drain_timeout for relay in relays]
        known = [limit for limit in limits if limit is not None]
        _, cut = await asyncio.wait(
            pending, timeout=max(known) if len(known) == len(limits) else None
        )
        await cancel(cut)
        return not cut

    async def abort(self) -> None:
        """End everything at once."""
        tasks = [relay.task for relay in self.relays.values()]
        tasks += [task for relay in self.all_relays() for task in relay.connections]
        await cancel(tasks)
        for relay in self.relays.values():
            relay.acceptor.close()
        self.relays.clear()


def labels(relay: Relay, stream: Stream) -> tuple[str, str]:
    """Return what the two ends of a connection are called."""
    peer, other = stream.peer or "?", relay.other.address.display()
    return (peer, other) if relay.left_is_front else (other, peer)


async def close(stream: Stream, side: Side, *, cut_short: bool) -> None:
    """Close *stream*, as `Session.close` does."""
    deadline = time.monotonic() + LAST_WORDS if cut_short else None
    try:
        await asyncio_driver.run(stream.close(), deadline)
    except (OSError, EOFError) as error:
        if not cut_short:
            add_context(error, "close", side.address.display())
            raise


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel *tasks* and wait until they have cleaned up."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
