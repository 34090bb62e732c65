"""Measures of many small documents over connections that are kept, against other clients."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import io
import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from measuring import Goal, Missing, Run, measure, per_second, rate_ratio, timed
from servers import nginx

import fildes
import fildes.aio

DOCUMENTS = 512  # for each of the tasks the same number
TASKS = 64
#: Bytes of the documents, each of which is called by its size: so no answer is like the other.
SIZES = range(896, 1152)
REPEATS = 11

by_count = per_second("documents", DOCUMENTS)


def peer(name: str) -> Any:
    """Return the module of another client, which only benchmarks need."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Missing(f"{name} is not installed") from None


#: Gives the address of the document that is read next.
Next = Callable[[], str]


def again(place: str) -> Next:
    """Read the same document again and again."""
    address = f"{place}/1024"
    return lambda: address


def another(place: str) -> Next:
    """Read another document each time: of another size and version, at another address."""
    numbers = itertools.count()
    sizes = itertools.cycle(SIZES)
    return lambda: f"{place}/{next(sizes)}?{next(numbers)}"


def documents() -> contextlib.AbstractContextManager[tuple[int, int, Path]]:
    """Serve all of them; as `nginx`."""
    return nginx(**{str(size): size for size in SIZES})


@contextlib.contextmanager
def one_after_the_other(which: Callable[[str], Next]) -> Iterator[tuple[Next, Run]]:
    """Yield what says which document is next, and how we read many of them."""
    with documents() as (port, _, _), fildes.Opener() as opener:
        following = which(f"http://127.0.0.1:{port}")

        def ours() -> None:
            for _ in range(DOCUMENTS):
                with opener.open(following()) as file:
                    assert len(file.read()) in SIZES

        yield following, timed(ours)


def kept_pycurl(which: Callable[[str], Next]) -> Iterator[tuple[Run, Run]]:
    """Compare with one handle of pycurl."""
    pycurl = peer("pycurl")
    with one_after_the_other(which) as (following, ours), contextlib.closing(pycurl.Curl()) as curl:

        def theirs() -> None:
            for _ in range(DOCUMENTS):
                buffer = io.BytesIO()
                curl.setopt(pycurl.URL, following())
                curl.setopt(pycurl.WRITEDATA, buffer)
                curl.perform()
                assert len(buffer.getvalue()) in SIZES

        yield ours, timed(theirs)


def kept_aiohttp(which: Callable[[str], Next]) -> Iterator[tuple[Run, Run]]:
    """Compare with one session of aiohttp."""
    with one_after_the_other(which) as (following, ours), session_of_aiohttp() as (runner, get):

        async def theirs() -> None:
            for _ in range(DOCUMENTS):
                await get(following())

        yield ours, timed(lambda: runner.run(theirs()))


def kept_httpx(which: Callable[[str], Next]) -> Iterator[tuple[Run, Run]]:
    """Compare with one client of httpx."""
    httpx = peer("httpx")
    with one_after_the_other(which) as (following, ours), httpx.Client() as client:

        def theirs() -> None:
            for _ in range(DOCUMENTS):
                assert len(client.get(following()).content) in SIZES

        yield ours, timed(theirs)


def at_once_aiohttp(which: Callable[[str], Next]) -> Iterator[tuple[Run, Run]]:
    """Compare `TASKS` tasks with as many of aiohttp."""
    with (
        documents() as (port, _, _),
        session_of_aiohttp() as (runner, get),
        contextlib.ExitStack() as undo,
    ):
        following = which(f"http://127.0.0.1:{port}")
        opener = fildes.aio.Opener()
        undo.callback(lambda: runner.run(opener.close()))

        async def read(address: str) -> None:
            async with opener.open(address) as file:
                assert len(await file.read()) in SIZES

        def run(get: Callable[[str], Awaitable[None]]) -> Run:
            return timed(lambda: runner.run(at_once(get, following)))

        yield run(read), run(get)


async def at_once(get: Callable[[str], Awaitable[None]], following: Next) -> None:
    """Let `TASKS` tasks *get* documents, one after the other."""

    async def work() -> None:
        for _ in range(DOCUMENTS // TASKS):
            await get(following())

    await asyncio.gather(*(work() for _ in range(TASKS)))


def compare(
    what: str,
    goal: Goal,
    compared: Callable[[Callable[[str], Next]], Iterator[tuple[Run, Run]]],
) -> None:
    """Add two rows: the same document each time, and another one each time."""
    for which, words in ((again, "the same one"), (another, "another one each time")):
        setup = functools.partial(compared, which)
        # By its name a measure is chosen on the command line; a partial has none.
        vars(setup)["__name__"] = f"{compared.__name__}_{which.__name__}"
        measure(f"1 KiB documents, {words}, {what}", goal, repeats=REPEATS, show=by_count)(setup)


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
                assert len(await response.read()) in SIZES

        try:
            yield runner, get
        finally:
            runner.run(session.close())


compare(
    "one after the other on one `Opener`, against pycurl with one handle",
    rate_ratio(1.0),
    kept_pycurl,
)
compare("one after the other, against one `aiohttp.ClientSession`", rate_ratio(1.5), kept_aiohttp)
compare("one after the other, against one `httpx.Client`", rate_ratio(3), kept_httpx)
compare(
    f"{TASKS} at once on one `aio.Opener`, against `aiohttp.ClientSession`",
    rate_ratio(1.2),
    at_once_aiohttp,
)
