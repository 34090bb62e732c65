"""A deadline inside of protocol code."""

from __future__ import annotations

import socket

import pytest
from loops import DRIVERS, RunProtocol

from fildes.cli.relaying.within import within
from fildes.waiting import READ, call_blocking, wait_any, wait_readable


@pytest.mark.parametrize("run", DRIVERS)
def test_late_waits_fail(run: RunProtocol, ends: tuple[socket.socket, socket.socket]) -> None:
    """After its seconds a wait raises TimeoutError, and clean-up runs."""
    cleaned = []

    async def wait() -> None:
        try:
            await wait_readable(ends[0].fileno())
        finally:
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        run(within(wait(), 0.001))
    assert cleaned == [True]


@pytest.mark.parametrize("seconds", [20.0, None])
@pytest.mark.parametrize("run", DRIVERS)
def test_results_pass(
    run: RunProtocol, ends: tuple[socket.socket, socket.socket], seconds: float | None
) -> None:
    """What ends in time returns its result; shorter waits are as they were."""

    async def talk() -> object:
        assert await wait_any({ends[0].fileno(): READ}, 0.001) == {}
        ends[1].sendall(b"x")
        ready = await wait_any({ends[0].fileno(): READ})
        return await call_blocking(lambda: list(ready.values()))

    assert run(within(talk(), seconds)) == [READ]


@pytest.mark.parametrize("run", DRIVERS)
def test_errors_pass(run: RunProtocol) -> None:
    """An error of the protocol, or of a call that it makes, is what is raised."""

    def fail() -> None:
        raise ConnectionRefusedError("said so")

    async def call() -> None:
        await call_blocking(fail)

    with pytest.raises(ConnectionRefusedError, match="said so"):
        run(within(call(), 20.0))
