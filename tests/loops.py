"""Every way to run protocol code, and the event loops to run a coroutine in."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
import trio

from fildes.drivers import asyncio as asyncio_driver
from fildes.drivers import blocking, loop
from fildes.drivers import trio as trio_driver
from fildes.drivers.loop import Loop
from fildes.waiting import Protocol

T = TypeVar("T")

#: Runs a coroutine of one event loop to its end.
RunLoop = Callable[[Coroutine[Any, Any, Any]], Any]

#: Runs protocol code, up to a deadline.
RunProtocol = Callable[..., Any]


def run_asyncio(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine* in asyncio's own loop."""
    return asyncio.run(coroutine)


def run_uvloop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine* in uvloop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def run_trio(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine* in trio."""

    async def main() -> T:
        return await coroutine

    return trio.run(main)


def with_asyncio(protocol: Protocol[T], deadline: float | None = None) -> T:
    return run_asyncio(asyncio_driver.run(protocol, deadline))


def with_uvloop(protocol: Protocol[T], deadline: float | None = None) -> T:
    return run_uvloop(asyncio_driver.run(protocol, deadline))


def with_trio(protocol: Protocol[T], deadline: float | None = None) -> T:
    return run_trio(trio_driver.run(protocol, deadline))


HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None

if HAS_UVLOOP:
    run_uvloop(asyncio.sleep(0))  # libuv keeps the pipe that its first loop made for signals

uvloop_is_here = pytest.mark.skipif(not HAS_UVLOOP, reason="uvloop is not installed")

DRIVERS = [
    pytest.param(blocking.run, id="blocking"),
    pytest.param(with_asyncio, id="asyncio"),
    pytest.param(with_uvloop, id="uvloop", marks=uvloop_is_here),
    pytest.param(with_trio, id="trio"),
    pytest.param(loop.run, id="loop"),
]

LOOPS = [
    pytest.param(run_asyncio, id="asyncio"),
    pytest.param(run_uvloop, id="uvloop", marks=uvloop_is_here),
    pytest.param(run_trio, id="trio"),
]


def rounds(loop: Loop, count: int) -> None:
    """Let *loop* do so many rounds, none of which waits."""
    left = iter(range(count))

    def ended() -> bool:
        loop.call_soon(lambda: None)
        return next(left, None) is None

    loop.run(ended)
    loop.soon.pop()
