"""A proxy that does harm: it passes bytes on, and faults at exact places among them.

A `Plan` says what becomes of a connection, direction by direction: *there* goes
from whoever connects to the target, *back* is the answer::

    def test_it(fault_proxy: StartProxy) -> None:
        proxy = fault_proxy(server.name, Plan(back=Faults(cut_at=10, reset=True)))
        fildes.open(proxy.address("http", "/x"))

Each connection takes the next plan, and the last one is for all that follow. A place
is a number of bytes, so a test does the same on every machine; only *latency* and
*bandwidth* take time, by name.

All connections are tasks of one event loop in one thread, because a task that waits
can be called off: a connection that is to be reset must not be in the hands of a
thread that waits for it, or close(2) would send no RST.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import itertools
import socket
import struct
import termios
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import pytest
from faults import RECV_SIZE, Faults, Plan, Records
from peers import LIMIT, listening_socket

#: Seconds between two looks at what has no event: the peer's acknowledgement.
LOOK_AGAIN = 0.001  # arbitrary


class Reset(Exception):
    """This is where the connection is reset."""


@dataclass(eq=False)
class Direction:
    """One direction of a connection.

    Attributes:
      passed: bytes that have gone on, in so many *segments*.
      stalled: it has come to the place where it stalls.
    """

    source: socket.socket
    sink: socket.socket
    faults: Faults
    proxy: FaultProxy
    passed: int = 0
    segments: int = 0
    stalled: bool = False
    records: Records = field(default_factory=Records)

    def __post_init__(self) -> None:
        self.sizes = itertools.cycle(self.faults.slices or (RECV_SIZE,))

    async def run(self) -> None:
        """Pass bytes on, then the end of file."""
        if await self.cut():
            return
        while data := await self.receive():
            while data:
                size = min(next(self.sizes), self.faults.room(self.passed))
                await self.send(data[:size])
                if await self.cut():
                    return
                data = data[size:]
        self.end()

    async def receive(self) -> bytes:
        """Return what may go on next; ``b""`` at the end of file."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self.source, RECV_SIZE):
            if not self.faults.drop_close_notify:
                return data
            if passing := self.records.feed(data):
                return passing
        rest = bytes(self.records.unread)
        self.records.unread.clear()
        return rest

    async def send(self, segment: bytes) -> None:
        pause = self.faults.latency + len(segment) / self.faults.bandwidth
        if pause:
            await asyncio.sleep(pause)
        await asyncio.get_running_loop().sock_sendall(self.sink, segment)
        self.passed += len(segment)
        self.segments += 1

    async def cut(self) -> bool:
        """Do what happens at this place; return whether it was the end."""
        if self.passed == self.faults.stall_at and not self.stalled:
            self.stalled = True
            self.proxy.stalled.release()
            await self.proxy.over.wait()
        if self.passed != self.faults.cut_at:
            return False
        if self.faults.reset:
            await self.delivered()
            raise Reset
        self.end()
        while await asyncio.get_running_loop().sock_recv(self.source, RECV_SIZE):
            pass
        return True

    def end(self) -> None:
        with contextlib.suppress(OSError):  # the sink is gone: it is told by its own direction
            self.sink.shutdown(socket.SHUT_WR)

    async def delivered(self) -> None:
        """Wait until the sink's kernel has all, of which no event tells; a reset loses the rest."""
        while self.sink.family != socket.AF_UNIX and unsent(self.sink):  # noqa: ASYNC110  # see above
            await asyncio.sleep(LOOK_AGAIN)


def unsent(sock: socket.socket) -> int:
    """Return the number of bytes not yet acknowledged; SIOCOUTQ of tcp(7)."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return count[0]


def reset(sock: socket.socket) -> None:
    """Close *sock* by RST; SO_LINGER with a time of zero, socket(7)."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class FaultProxy:
    """A listener whose connections go to *target*, each by the next of *plans*.

    Attributes:
      connections: the two directions of each connection so far, there and back.
    """

    def __init__(self, target: Any, *plans: Plan, path: Path | None = None) -> None:
        self.target = target
        self.plans = itertools.chain(plans, itertools.repeat(plans[-1] if plans else Plan()))
        self.connections: list[tuple[Direction, Direction]] = []
        self.mistakes: list[BaseException] = []
        self.stalled = threading.Semaphore(0)
        self.listener = listening_socket(socket.AF_UNIX if path else socket.AF_INET, path)
        self.name = self.listener.getsockname()
        self.listener.setblocking(False)
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()
        self.main = self.loop.create_task(self.accept_all())
        self.thread = threading.Thread(target=self.run, name="fault proxy")
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.name[1])

    def address(self, scheme: str = "tcp", path: str = "") -> str:
        """Return the address of the proxy under *scheme*."""
        if isinstance(self.name, str):
            return f"{scheme}://{self.name}{path}"
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def release(self) -> None:
        """Let every stalled direction go on, now and later."""
        self.loop.call_soon_threadsafe(self.over.set)

    def wait_stalled(self) -> None:
        """Wait until one more direction has come to the place where it stalls."""
        assert self.stalled.acquire(timeout=LIMIT), "nothing stalled"

    def finish(self) -> None:
        """End all connections and the listener; raise a mistake of our own."""
        self.loop.call_soon_threadsafe(self.main.cancel)
        self.thread.join(LIMIT)
        assert not self.thread.is_alive(), "the fault proxy did not end"
        if self.mistakes:
            raise self.mistakes[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.finish()

    def run(self) -> None:
        ended = contextlib.suppress(asyncio.CancelledError)
        with self.listener, contextlib.closing(self.loop), ended:
            self.loop.run_until_complete(self.main)

    async def accept_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                client, _ = await self.loop.sock_accept(self.listener)
                group.create_task(self.watch(self.connect(client, next(self.plans))))

    async def watch(self, connection: Coroutine[Any, Any, None]) -> None:
        """Let a connection fail alone; an OSError is the ordinary fate of one."""
        try:
            with contextlib.suppress(OSError):
                await connection
        except Exception as error:  # raised by finish() in the test's thread
            self.mistakes.append(error)

    async def connect(self, client: socket.socket, plan: Plan) -> None:
        """Connect *client* to the target and let *plan* have its way."""
        unix = isinstance(self.target, str | Path)
        with client, socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as server:
            for sock in (client, server):
                sock.setblocking(False)
                if sock.family != socket.AF_UNIX:  # segments of a plan stay segments
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.loop.sock_connect(server, str(self.target) if unix else self.target)
            there = Direction(client, server, plan.there, self)
            back = Direction(server, client, plan.back, self)
            self.connections.append((there, back))
            try:
                await both(there.run(), back.run())
            except (Reset, OSError):
                reset(client)
                reset(server)


async def both(*directions: Coroutine[Any, Any, None]) -> None:
    """Run both directions; call the other one off when one fails, and raise what it raised."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class StartProxy(Protocol):
    """The `fault_proxy` fixture: start a proxy that lasts until the test ends."""

    def __call__(self, target: Any, *plans: Plan, path: Path | None = None) -> FaultProxy: ...


@pytest.fixture
def fault_proxy(nothing_left_behind: None) -> Iterator[StartProxy]:
    """Start proxies that do harm as planned, and end with the test."""
    with contextlib.ExitStack() as proxies:

        def start(target: Any, *plans: Plan, path: Path | None = None) -> FaultProxy:
            return proxies.enter_context(FaultProxy(target, *plans, path=path))

        yield start
