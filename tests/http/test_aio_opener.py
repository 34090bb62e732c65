"""The Opener of asyncio and trio: one connection after the other, or many at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from counting import CountingServer, answer, whole
from loops import LOOPS, RunLoop
from tasks import count_calls, count_timers, together

from fildes import aio

DATA = bytes(range(256)) * 40

every_loop = pytest.mark.parametrize("loop", LOOPS)


async def read(opener: aio.AsyncOpener, address: str, **how: Any) -> bytes:
    async with opener.open(address, **how) as file:
        data: bytes = await file.read()
    return data


@every_loop
def test_documents_share_a_connection(loop: RunLoop) -> None:
    """Documents read to their ends one after the other come over one connection."""

    async def several(server: CountingServer) -> None:
        async with aio.Opener() as opener:
            for number in range(3):
                assert await read(opener, server.address(f"/{number}")) == DATA

    with CountingServer(DATA, whole) as server:
        loop(several(server))
        assert (server.count, server.connections) == (3, 1)


@every_loop
def test_tasks_share_an_opener(loop: RunLoop) -> None:
    """Any number of tasks get right bytes, over no more connections than tasks."""

    async def many(server: CountingServer) -> None:
        async with aio.Opener() as opener:

            async def task() -> None:
                for number in range(5):
                    assert await read(opener, server.address(f"/{number}")) == DATA

            await together(*[task] * 20)

    with CountingServer(DATA, whole) as server:
        loop(many(server))
        assert server.count == 100
        assert server.connections <= 20


def test_asyncio_hears_of_an_opener_once() -> None:
    """All documents of an Opener together are one descriptor and one timer to asyncio's loop."""

    async def many(server: CountingServer) -> None:
        async with aio.Opener() as opener:

            async def task() -> None:
                for number in range(5):
                    assert await read(opener, server.address(f"/{number}")) == DATA

            await together(*[task] * 4)

    with CountingServer(DATA, whole) as server, asyncio.Runner() as runner:
        counts = count_calls(runner.get_loop(), "add_reader", "add_writer")
        running = count_timers(runner.get_loop())
        runner.run(many(server))
    assert counts <= Counter(add_reader=1)
    # It is set again for an answer of which a piece has come: less time is left for the rest.
    assert set(running) == {1}


@every_loop
def test_random_access(loop: RunLoop) -> None:
    """Ranges of one document, and the next document, come over connections that are kept."""

    async def ranges(server: CountingServer) -> None:
        async with aio.Opener() as opener:
            for _ in range(2):
                async with opener.open(server.address()) as file:
                    assert await file.pread(10, 5000) == DATA[5000:5010]
                    assert await file.read() == DATA

    with CountingServer(DATA) as server:
        loop(ranges(server))
        assert server.connections == 1


@every_loop
def test_defaults_are_merged(loop: RunLoop) -> None:
    """Options of the Opener hold for each open, which may say otherwise, name by name."""

    async def open_with(server: CountingServer) -> None:
        defaults = {"headers": {"X-One": "1"}, "retries": 1}
        async with aio.Opener(http=defaults, timeout=20) as opener:
            await read(opener, server.address())
            await read(opener, server.address(), http={"headers": {"X-Two": "2"}})

    with CountingServer(DATA, whole) as server:
        loop(open_with(server))
        first, second = (asked.head for asked in server.asked)
    assert (b"X-One: 1" in first, b"X-Two" in first) == (True, False)
    assert (b"X-One" in second, b"X-Two: 2" in second) == (False, True)


@every_loop
def test_closed_opener(loop: RunLoop) -> None:
    """A closed Opener opens nothing, and has closed what it kept."""

    async def close_first(server: CountingServer) -> None:
        opener = aio.Opener()
        assert await read(opener, server.address()) == DATA
        await opener.close()
        with pytest.raises(ValueError, match="the Opener is closed"):
            await opener.open(server.address())

    with CountingServer(DATA, whole) as server:
        loop(close_first(server))


@every_loop
def test_failed_open_keeps_nothing(loop: RunLoop) -> None:
    """An error of one open is no trouble of the next."""

    async def fail_first(server: CountingServer) -> None:
        async with aio.Opener() as opener:
            with pytest.raises(FileNotFoundError):
                await opener.open(server.address("/missing"))
            server.reply = whole
            assert await read(opener, server.address()) == DATA

    with CountingServer(DATA, lambda *_: (answer("404 Not Found"), False)) as server:
        loop(fail_first(server))


def test_arguments_are_checked_like_those_of_open() -> None:
    """Defaults that make no sense are errors at once."""
    with pytest.raises(ValueError, match="timeout"):
        aio.Opener(timeout=-1)
    with pytest.raises(TypeError, match="no option"):
        aio.Opener(http={"no-such": 1})
