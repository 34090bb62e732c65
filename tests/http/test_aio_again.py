"""A small document asked for again in an event loop: in few steps, and as the first time."""

from __future__ import annotations

import asyncio
import errno
import sys
from types import FrameType
from typing import Any

import pytest
from authority import Authority
from counting import Asked, CountingServer, answer, ranged
from http_script import END_OF_HEAD
from known import DATA, of_its_own, public
from loops import LOOPS, RunLoop
from peers import Conversation, StartPeer
from tasks import a_turn, cancelled, count_calls

import fildes
from fildes import aio
from fildes.files.async_here import AsyncHereFile

every_loop = pytest.mark.parametrize("loop", LOOPS)

#: Python calls that a request may take, all of the event loop included; it takes 92.
MAX_CALLS = 110


async def read(opener: aio.AsyncOpener, address: str, **how: Any) -> bytes:
    async with opener.open(address, **how) as file:
        data: bytes = await file.read()
    return data


async def known(opener: aio.AsyncOpener, site: CountingServer) -> str:
    """Open the document as often as it takes to be known; return its address."""
    address = site.address()
    for _ in range(2):
        assert await read(opener, address) == DATA
    assert opener.sites[address.rpartition("/")[0]].shapes
    return address


def test_few_calls(site: CountingServer) -> None:
    """A request on a kept connection costs few Python calls, and nothing of asyncio's loop."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def work() -> dict[str, int]:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            counts = count_calls(
                asyncio.get_running_loop(), "add_reader", "remove_reader", "add_writer", "call_at"
            )
            before = sys.getprofile()
            sys.setprofile(count)
            try:
                await read(opener, address)
            finally:
                sys.setprofile(before)
            return dict(counts)

    with asyncio.Runner(debug=False) as runner:
        counts = runner.run(work())
    counts.pop("call_at", None)  # the loop's one timer, if nothing had to be waited for before
    assert (counts, calls <= MAX_CALLS) == ({}, True), calls
    assert (site.count, site.connections) == (3, 1)


@every_loop
def test_a_file_as_any(site: CountingServer, loop: RunLoop) -> None:
    """What was known before is read, sought and described as any other document."""

    async def work() -> None:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            async with opener.open(address) as file:
                assert (await file.readline(), await file.tell()) == (DATA[:17], 17)
                assert await file.read(4) == DATA[17:21]
                assert await file.read() == DATA[21:]
                assert await file.seek(-3, 2) == len(DATA) - 3
                assert (await file.read(), await file.read()) == (DATA[-3:], b"")
                assert await file.pread(5, 17) == DATA[17:22]
                assert (file.address, file.size, file.response.status) == (address, len(DATA), 206)
                assert [step.name for step in file.trace] == ["request", "response"]
            assert file.closed
            with pytest.raises(ValueError, match="closed"):
                await file.read()

    loop(work())
    assert site.connections == 1


@every_loop
def test_another_answer(site: CountingServer, loop: RunLoop) -> None:
    """An answer that differs is read the long way, from there on."""

    async def work() -> None:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            site.data, site.etag = b"another", '"v2"'
            assert [await read(opener, address) for _ in range(2)] == [b"another"] * 2
            site.reply = lambda server, asked: (answer("404 Not Found", b"gone"), False)
            with pytest.raises(FileNotFoundError):
                await read(opener, address)

    loop(work())
    assert (site.count, site.connections) == (5, 1)


@every_loop
def test_ended_connection(site: CountingServer, loop: RunLoop) -> None:
    """A connection that is closed instead of an answer costs a new one."""

    def close_first(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        return (b"", True) if asked.connection == 0 else ranged(server, asked)

    async def work() -> None:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            site.reply = close_first
            assert await read(opener, address) == DATA

    loop(work())
    assert (site.count, site.connections) == (4, 2)


def silent(peer: StartPeer) -> str:
    """Return the address of a document that is given twice, and then not."""
    where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"

    def answer_twice(talk: Conversation) -> None:
        for _ in range(2):
            talk.recv_until(END_OF_HEAD)
            talk.send(answer("206 Partial Content", DATA, Content_Range=where))
        talk.recv_until(END_OF_HEAD)
        talk.stall()

    return peer(answer_twice).address("http", "/")


@every_loop
def test_no_answer(peer: StartPeer, loop: RunLoop) -> None:
    """The time limit of the Opener holds, and names the step and the address."""
    address = silent(peer)

    async def work() -> None:
        async with aio.Opener() as opener:
            assert [await read(opener, address) for _ in range(2)] == [DATA] * 2
            opener.timeout = 0.001
            with pytest.raises(TimeoutError) as caught:
                await read(opener, address)
            assert caught.value.errno == errno.ETIMEDOUT
            failure = fildes.failure_of(caught.value)
            assert failure is not None
            assert (failure.step, failure.address) == ("response", address)
            assert opener.pool.idle == []

    loop(work())


@every_loop
def test_cancelled(peer: StartPeer, loop: RunLoop) -> None:
    """Cancelled while the answer is awaited, the connection is given up."""
    address = silent(peer)

    async def work() -> None:
        async with aio.Opener() as opener:
            assert [await read(opener, address) for _ in range(2)] == [DATA] * 2
            await cancelled(lambda: read(opener, address))
            assert opener.pool.idle == []
            await a_turn()

    loop(work())


@every_loop
def test_under_tls(peer: StartPeer, tls_ca: Authority, loop: RunLoop) -> None:
    """A document under TLS is asked for again on its connection, too."""
    where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"

    def serve(talk: Conversation) -> None:
        for _ in range(4):
            talk.recv_until(END_OF_HEAD)
            talk.send(answer("206 Partial Content", DATA, Content_Range=where))

    address = peer(serve, tls=tls_ca.server_context()).address("https", "/")

    async def work() -> None:
        async with aio.Opener(https={"ca": str(tls_ca.ca_file)}) as opener:
            assert [await read(opener, address) for _ in range(4)] == [DATA] * 4
            assert opener.sites[address.rpartition("/")[0]].shapes

    loop(work())


@every_loop
def test_other_arguments(site: CountingServer, loop: RunLoop) -> None:
    """What one open is told besides is done, though the document is known."""

    async def work() -> None:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            assert await read(opener, address, http={"headers": {"X-Own": "1"}}) == DATA
            assert b"X-Own: 1" in site.asked[-1].head
            async with opener.open(address, "rt", encoding="ascii") as file:
                assert await file.read() == DATA.decode()
            with pytest.raises(PermissionError):
                await opener.open(address, policy=fildes.Policy.untrusted())
            await opener.close()
            with pytest.raises(ValueError, match="closed"):
                await opener.open(address)

    loop(work())


@every_loop
def test_everything_is_the_same(site: CountingServer, loop: RunLoop) -> None:
    """What a file says of itself is what it says where nothing was known."""

    async def work() -> None:
        async with aio.Opener() as opener:
            await known(opener, site)
            site.reply = of_its_own
            address = site.address("/a?b=%3A")
            async with opener.open(address) as file:
                opener.sites.clear()
                async with opener.open(address) as long:
                    assert isinstance(file, AsyncHereFile)
                    assert file.made is None
                    assert public(file) == public(long)
                    assert await file.read() == await long.read() == b"/a?b=%3A"
            assert (file.closed, file.address, file.size) == (True, address, len("/a?b=%3A"))
            with pytest.raises(ValueError, match="closed"):
                await file.tell()

    loop(work())
    assert site.asked[-1].head == site.asked[-2].head
    assert site.connections == 1


@every_loop
def test_closed(site: CountingServer, loop: RunLoop) -> None:
    """However it is used before it is closed, it is closed then."""

    async def work() -> None:
        async with aio.Opener() as opener:
            address = await known(opener, site)
            for described in (True, False):
                for way in (aio.AsyncBufferedFile.close, aio.AsyncBufferedFile.__aenter__):
                    file = await opener.open(address)
                    assert not described or file.size == len(DATA)
                    if way is aio.AsyncBufferedFile.close:
                        await file.close()
                    else:
                        async with file:
                            pass
                    assert (file.closed, file.description.closed) == (True, True)
                    await file.close()
                    with pytest.raises(ValueError, match="closed"):
                        await file.read()
            file = await opener.open(address)
            file.abort()
            assert file.closed
            with pytest.warns(ResourceWarning, match="unclosed file"):
                await opener.open(address)

    loop(work())
