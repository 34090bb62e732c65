"""Protocol coroutines that run together wait for all at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from fildes.drivers import blocking
from fildes.waiting import Protocol, call_blocking, together, wait_any, wait_readable

Pair = tuple[socket.socket, socket.socket]


def test_each_goes_on_when_it_can(ends: Pair) -> None:
    """One that waits does not keep another from running to its end."""
    left, right = ends
    said: list[str] = []

    async def listen() -> None:
        await wait_readable(left.fileno())
        said.append(left.recv(10).decode())

    async def speak() -> None:
        said.append(await call_blocking(lambda: "called"))
        await wait_any({}, 0)
        right.send(b"heard")

    blocking.run(together([listen(), speak()]))
    assert said == ["called", "heard"]


def test_nothing_to_run() -> None:
    """Nothing at all is done at once."""
    blocking.run(together([]))


def test_error_ends_the_others(ends: Pair) -> None:
    """The error of one is raised, and the others are ended where they wait."""
    ended: list[str] = []

    async def wait() -> None:
        try:
            await wait_readable(ends[0].fileno())
        finally:
            ended.append("waiting")

    async def fail() -> None:
        await wait_any({}, 0)
        raise OSError("failed")

    with pytest.raises(OSError, match="failed"):
        blocking.run(together([wait(), fail()]))
    assert ended == ["waiting"]


def test_deadline_holds_for_all(ends: Pair) -> None:
    """A deadline of the driver ends all of them."""
    fd = ends[0].fileno()
    run: Callable[[Protocol[Any], float], Any] = blocking.run
    with pytest.raises(TimeoutError):
        run(together([wait_readable(fd), wait_any({}, 60)]), 0.0)  # type: ignore[list-item]  # results do not matter


def test_idle_limit(ends: Pair) -> None:
    """A single wait that takes longer than the idle limit is an error, a timed one is not."""
    with pytest.raises(TimeoutError, match=r"no byte for 0\.001 s"):
        blocking.run(wait_readable(ends[0].fileno()), idle_timeout=0.001)
    assert blocking.run(wait_any({ends[0].fileno(): 1}, 0), idle_timeout=60) == {}
