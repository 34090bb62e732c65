"""Cancelled at any await of an event loop, a file leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import trio
from leaks import holdings, leftovers
from loops import LOOPS, RunLoop
from torture_servers import CONVERSATIONS, Servers

import fildes.aio
from fildes.drivers import asyncio as asyncio_driver
from fildes.drivers import trio as trio_driver

pytestmark = pytest.mark.slow


class Canceller:
    """Cancels the task that runs `cancellable` when it awaits for the time number *at*."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.cancel: Callable[[], Any] = lambda: None

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be told of everything that the drivers await."""
        for driver in (asyncio_driver.Driver, trio_driver.Driver):
            for name in ("wait", "call"):
                monkeypatch.setattr(driver, name, self.counting(getattr(driver, name)))

    def counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any) -> Any:
            if self.left == 0:
                self.cancel()
            self.left -= 1
            return await method(*args)

        return counted

    async def run(self, address: str, options: dict[str, Any]) -> bool:
        """Converse with *address*; whether it was cancelled."""
        if trio.lowlevel.in_trio_task():
            with trio.CancelScope() as scope:
                self.cancel = scope.cancel
                await converse(address, **options)
            return scope.cancelled_caught
        task = asyncio.ensure_future(converse(address, **options))
        self.cancel = task.cancel
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False


async def converse(address: str, **options: Any) -> None:
    """Ask and get the answer."""
    async with fildes.aio.open(address, **options) as f:
        if f.writable():
            await f.write(b"hello")
            await f.half_close()
        assert await f.read() == b"hello"


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("loop", LOOPS)
def test_every_await_may_be_cancelled(loop: RunLoop, name: str, servers: Servers) -> None:
    """Cancelled wherever it waits, everything is released; the cancellation passes."""
    address, options = CONVERSATIONS[name](servers)
    at, cancelled = 0, True
    while cancelled:
        before = holdings()
        with pytest.MonkeyPatch.context() as monkeypatch:
            canceller = Canceller(at)
            canceller.patch(monkeypatch)
            cancelled = loop(canceller.run(address, options))
        assert cancelled == (canceller.left < 0), "a cancellation was swallowed"
        left = leftovers(before)
        assert not left, f"cancelled at await {at} and left behind:\n{left}"
        at += 1
