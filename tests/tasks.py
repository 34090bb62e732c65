"""Several tasks of whichever event loop runs, and files for them."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from fildes import drivers
from fildes.aio import AsyncBufferedFile
from fildes.files.async_description import AsyncDescription
from fildes.streams.kernel import SocketStream
from fildes.trace import Trace

Pair = tuple[socket.socket, socket.socket]
Task = Callable[[], Awaitable[Any]]


async def together(*tasks: Task) -> None:
    """Run *tasks* at once in the loop that is running, up to the end of all."""
    if trio.lowlevel.in_trio_task():
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task)
    else:
        await asyncio.gather(*(task() for task in tasks))


async def a_turn() -> None:
    """Let every other task that can run go on until it waits."""
    for _ in range(5):  # arbitrary, more than it takes
        if trio.lowlevel.in_trio_task():
            await trio.testing.wait_all_tasks_blocked()
        else:
            await asyncio.sleep(0)


async def cancelled(task: Task) -> None:
    """Run *task* until it waits, then cancel it."""
    if trio.lowlevel.in_trio_task():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task)
            await a_turn()
            nursery.cancel_scope.cancel()
    else:
        running = asyncio.ensure_future(task())
        await a_turn()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def describe(sock: socket.socket, **how: Any) -> AsyncDescription:
    return AsyncDescription(drivers.here(), SocketStream(sock), "test:", Trace(), **how)


def buffered(sock: socket.socket, **how: Any) -> AsyncBufferedFile:
    """Return a buffered file that owns *sock*."""
    return AsyncBufferedFile(describe(sock, pending_size=8192, **how))


def fill(sock: socket.socket) -> int:
    """Send until the kernel takes no more; return how much."""
    sent = 0
    try:
        while True:
            sent += sock.send(bytes(65536), socket.MSG_DONTWAIT)
    except BlockingIOError:
        return sent


def count_calls(loop: asyncio.AbstractEventLoop, *names: str) -> Counter[str]:
    """Count from now on how often the methods *names* of *loop* are called."""
    counts: Counter[str] = Counter()

    def counted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return method(*args, **options)

        return call

    for name in names:
        setattr(loop, name, counted(name, getattr(loop, name)))
    return counts


def count_timers(loop: asyncio.AbstractEventLoop) -> list[int]:
    """Note from now on, each time that a timer of *loop* is set, how many are running."""
    handles: list[asyncio.TimerHandle] = []
    running: list[int] = []
    call_at = loop.call_at

    def call(when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
        handles.append(call_at(when, *args, **options))
        now = loop.time()
        running.append(sum(not each.cancelled() and each.when() > now for each in handles))
        return handles[-1]

    setattr(loop, "call_at", call)  # noqa: B010  # mypy knows it as a method
    return running
