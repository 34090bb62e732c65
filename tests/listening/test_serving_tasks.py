"""Serving in tasks: fildes.aio.serve, and fildes.serve with a coroutine function."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import pytest
from loops import LOOPS, RunLoop, run_uvloop, uvloop_is_here
from tasks import together

import fildes
import fildes.aio


async def answer_async(f: Any) -> None:
    await f.write((await f.readline()).upper())


@pytest.mark.parametrize("loop", LOOPS)
def test_tasks(loop: RunLoop) -> None:
    """Under event loops each connection has a task; closing the listener ends in order."""

    async def main() -> list[bytes]:
        answers = []
        listener = await fildes.aio.listen("tcp://127.0.0.1:0")

        async def ask_all() -> None:
            async with (
                fildes.aio.open(listener.address) as first,
                fildes.aio.open(listener.address) as second,
            ):
                for f in (second, first):
                    await f.write(b"hello\n")
                    await f.flush()
                    answers.append(await f.readline())
            await listener.close()

        await together(ask_all, lambda: fildes.aio.serve(listener, answer_async))
        return answers

    assert loop(main()) == [b"HELLO\n", b"HELLO\n"]


@pytest.mark.parametrize("loop", LOOPS)
def test_tasks_fail_alone_and_are_cancelled(loop: RunLoop) -> None:
    """An error is of one connection; a handler that takes too long is cancelled."""

    async def main() -> list[str]:
        listener = await fildes.aio.listen("tcp://127.0.0.1:0")
        failures: list[str] = []

        async def handle(f: Any) -> None:
            if await f.readline() == b"fail\n":
                raise KeyError("a mistake")
            await f.read()

        async def ask_all() -> None:
            async with fildes.aio.open(listener.address) as f:
                await f.write(b"fail\n")
                with pytest.raises(ConnectionResetError):
                    await f.read()
            f = await fildes.aio.open(listener.address)
            await f.write(b"stay\n")
            await f.flush()
            await listener.close()
            with pytest.raises(ConnectionResetError):
                await f.read()
            f.abort()

        def failed(file: Any, error: Exception) -> None:
            failures.append(type(error).__name__)

        await together(
            ask_all,
            lambda: fildes.aio.serve(listener, handle, drain_timeout=0.02, failed=failed),
        )
        return failures

    assert loop(main()) == ["KeyError"]


@pytest.mark.parametrize("kind", ["asyncio", pytest.param("uvloop", marks=uvloop_is_here)])
def test_coroutine_functions_run_in_asyncio(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """fildes.serve awaits a handler that is a coroutine function; signals end it.

    One that another thread gets ends no wait of the main one, as one that comes just before.
    """
    if kind == "uvloop":
        monkeypatch.setattr(asyncio, "run", run_uvloop)
    answers = []

    def client(address: str) -> None:
        with fildes.open(address) as f:
            f.write(b"hello\n")
            answers.append(f.readline())
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    threads = []

    def ready(address: str) -> None:
        threads.append(threading.Thread(target=client, args=(address,)))
        threads[0].start()

    async def handle(f: Any) -> None:
        assert asyncio.current_task() is not None
        await answer_async(f)

    fildes.serve("tcp://127.0.0.1:0", handle, ready=ready)
    threads[0].join()
    assert answers == [b"HELLO\n"]
