"""Servers whose answers stop in the middle, and waits for them that are over at once.

No clock: a wait for a connection that says no more counts as having been longer than the
idle limit, once all that was sent has been received. Every other wait has no limit.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest
from counting import Asked, CountingServer
from downloads import Sent, part

from fildes.drivers import asyncio as asyncio_driver
from fildes.drivers import blocking
from fildes.drivers import trio as trio_driver
from fildes.waiting import Interest

#: As it is, whatever is patched.
wait = blocking.wait

#: Seconds, so many that nothing but what is scripted takes them.
LIMIT = 20.0

#: Seconds after which a wait looks whether it is over.
LOOK = 0.01


class Stalling:
    """Answers some requests with their beginning only; a reply of `CountingServer`.

    Attributes:
      stalls: the numbers of these answers, from 1.
      size: how many bytes of their bodies are sent; None for nothing at all.
      silent: our ports of the connections on which no more comes.
      count: how many waits were over at once.
    """

    def __init__(self, stalls: range, size: int | None) -> None:
        self.stalls = stalls
        self.size = size
        self.silent: set[int] = set()
        self.count = 0
        self.server: CountingServer | None = None

    def __call__(self, server: CountingServer, asked: Asked) -> Sent:
        self.server = server
        port = server.socks[asked.connection].getpeername()[1]
        sent, closing = part(server, asked)
        if port in self.silent:
            return b"", False
        if server.count not in self.stalls:
            return sent, closing
        self.silent.add(port)
        head, blank, body = sent.partition(b"\r\n\r\n")
        return (b"" if self.size is None else head + blank + body[: self.size]), False

    def is_over(self, interest: Interest) -> bool:
        """Tell whether nothing of *interest* will come: all was sent, and received."""
        server = self.server
        if server is None or server.answered < server.count:
            return False
        over = any(port_of(fd) in self.silent for fd in interest) and not wait(interest, 0)
        self.count += over
        return over

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let waits with a limit be over at once where nothing more comes."""

        def patched(interest: Interest, timeout: float | None = None) -> dict[int, int]:
            if not is_limit(timeout):
                return wait(interest, timeout)
            ready: dict[int, int] = {}
            while not ready and not self.is_over(interest):
                ready = wait(interest, LOOK)
            return ready

        monkeypatch.setattr(blocking, "wait", patched)
        for driver in (asyncio_driver.Driver, trio_driver.Driver):
            monkeypatch.setattr(driver, "wait", self.patched_for_tasks(driver.wait))

    def patched_for_tasks(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(
            driver: Any, interest: Interest, timeout: float | None = None
        ) -> dict[int, int]:
            ready: dict[int, int] = {}
            if not is_limit(timeout):
                ready = await original(driver, interest, timeout)
            while is_limit(timeout) and not ready and not self.is_over(interest):
                ready = await original(driver, interest, LOOK)
            return ready

        return patched


def is_limit(timeout: float | None) -> bool:
    """Tell whether *timeout* is the idle limit, or what is left of it."""
    return timeout is not None and LIMIT / 2 < timeout <= LIMIT


def port_of(fd: int) -> int:
    """Return the port of our end of a connection; 0 for what is none."""
    with contextlib.suppress(OSError):
        sock = socket.socket(fileno=fd)
        try:
            name = sock.getsockname()
            return name[1] if isinstance(name, tuple) else 0
        finally:
            sock.detach()
    return 0
