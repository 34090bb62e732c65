"""Measures of many small documents over connections that are kept, against other clients."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from measuring import Missing, Run, measure, per_second, rate_ratio, timed
from servers import nginx

import fildes
import fildes.aio

DOCUMENTS = 512  # for each of the tasks the same number
TASKS = 64
SIZE = 1024  # bytes
REPEATS = 11

by_count = per_second("documents", DOCUMENTS)


def peer(name: str) -> Any:
    """Return the module of another client, which only benchmarks need."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Missing(f"{name} is not installed") from None


@contextlib.contextmanager
def one_after_the_other() -> Iterator[tuple[str, Run]]:
    """Yield the address of a document, and how we read it again and again."""
    with nginx(body=SIZE) as (port, _, _), fildes.Opener() as opener:
        address = f"http://127.0.0.1:{port}/body"

        def ours() -> None:
            for _ in range(DOCUMENTS):
                with opener.open(address) as file:
                    assert len(file.read()) == SIZE

        yield address, timed(ours)


@measure(
    "1 KiB documents one after the other on one `Opener`, against pycurl with one handle",
    rate_ratio(1.0),
    repeats=REPEATS,
    show=by_count,
)
def kept_pycurl() -> Iterator[tuple[Run, Run]]:
    pycurl = peer("pycurl")
    with one_after_the_other() as (address, ours), contextlib.closing(pycurl.Curl()) as handle:

        def theirs() -> None:
            for _ in range(DOCUMENTS):
                buffer = io.BytesIO()
                handle.setopt(pycurl.URL, address)
                handle.setopt(pycurl.WRITEDATA, buffer)
                handle.perform()
                assert len(buffer.getvalue()) == SIZE

        yield ours, timed(theirs)


@measure(
    "the same, against one `aiohttp.ClientSession`",
    rate_ratio(1.5),
    repeats=REPEATS,
    show=by_count,
)
def kept_aiohttp() -> Iterator[tuple[Run, Run]]:
    with one_after_the_other() as (address, ours), session_of_aiohttp() as (runner, get):

        async def theirs() -> None:
            for _ in range(DOCUMENTS):
                await get(address)

        yield ours, timed(lambda: runner.run(theirs()))


@measure(
    "the same, against one `httpx.Client`",
    rate_ratio(3),
    repeats=REPEATS,
    show=by_count,
)
def kept_httpx() -> Iterator[tuple[Run, Run]]:
    httpx = peer("httpx")
    with one_after_the_other() as (address, ours), httpx.Client() as client:

        def theirs() -> None:
            for _ in range(DOCUMENTS):
                assert len(client.get(address).content) == SIZE

        yield ours, timed(theirs)


@measure(
    f"1 KiB documents, {TASKS} at once on one `aio.Opener`, against `aiohttp.ClientSession`",
    rate_ratio(1.2),
    repeats=REPEATS,
    show=by_count,
)
def at_once_aiohttp() -> Iterator[tuple[Run, Run]]:
    with (
        nginx(body=SIZE) as (port, _, _),
        session_of_aiohttp() as (runner, get),
        contextlib.ExitStack() as undo,
    ):
        address = f"http://127.0.0.1:{port}/body"
        opener = fildes.aio.Opener()
        undo.callback(lambda: runner.run(opener.close()))

        async def read(address: str) -> None:
            async with opener.open(address) as file:
                assert len(await file.read()) == SIZE

        def run(get: Callable[[str], Awaitable[None]]) -> Run:
            return timed(lambda: runner.run(at_once(get, address)))

        yield run(read), run(get)


async def at_once(get: Callable[[str], Awaitable[None]], address: str) -> None:
    """Let `TASKS` tasks *get* what is at *address*, again and again."""

    async def work() -> None:
        for _ in range(DOCUMENTS // TASKS):
            await get(address)

    await asyncio.gather(*(work() for _ in range(TASKS)))


@contextlib.contextmanager
def session_of_aiohttp() -> Iterator[tuple[asyncio.Runner, Callable[[str], Awaitable[None]]]]:
    """Yield an event loop, and what reads one document in it by aiohttp."""
    aiohttp = peer("aiohttp")
    with asyncio.Runner() as runner:

        async def begin() -> Any:
            return aiohttp.ClientSession()

        session = runner.run(begin())

        async def get(address: str) -> None:
            async with session.get(address) as response:
                assert len(await response.read()) == SIZE

        try:
            yield runner, get
        finally:
            runner.run(session.close())
