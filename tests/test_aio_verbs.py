"""Listening, pipe and relay under asyncio and trio."""

from __future__ import annotations

import gc
import socket
from typing import Any

import pytest
from loops import LOOPS, RunLoop
from peers import StartPeer, echo
from tasks import Pair, a_turn, buffered, cancelled, together

import fildes.aio
from fildes.aio import AsyncTextFile

pytestmark = pytest.mark.parametrize("loop", LOOPS)


async def serve_lines(listener: Any) -> None:
    """Answer each connection with the first line it sends."""
    async for f in listener:
        async with f:
            await f.write(await f.readline())


def test_accepted_connections_are_files(loop: RunLoop) -> None:
    """A listener yields files until it is closed; the address says the real port."""

    async def main() -> None:
        async with fildes.aio.listen("tcp://127.0.0.1:0") as listener:

            async def ask() -> None:
                for line in (b"one\n", b"two\n"):
                    async with fildes.aio.open(listener.address) as f:
                        await f.write(line)
                        assert await f.read() == line
                await listener.close()

            await together(lambda: serve_lines(listener), ask)
        assert listener.closed

    loop(main())


def test_accepted_connections_are_opened_as_asked(loop: RunLoop) -> None:
    """Mode and encoding are those of each accepted file."""

    async def main() -> None:
        listening = fildes.aio.listen("tcp://127.0.0.1:0", "r+t", encoding="utf-8")
        async with (
            listening as listener,
            fildes.aio.open(listener.address, "r+t", encoding="utf-8") as f,
            await listener.accept() as accepted,
        ):
            await accepted.write("größe\n")
            await accepted.flush()
            assert await f.readline() == "größe\n"

    loop(main())


def test_an_accept_may_time_out_and_be_cancelled(loop: RunLoop) -> None:
    """Whatever ended an accept, the next one takes the next connection."""

    async def main() -> None:
        async with fildes.aio.listen("tcp://127.0.0.1:0") as listener:
            with pytest.raises(TimeoutError):
                await listener.accept(timeout=0.001)
            await cancelled(listener.accept)
            async with fildes.aio.open(listener.address), await listener.accept():
                pass

    loop(main())


def test_closing_ends_every_accept(loop: RunLoop) -> None:
    """Tasks that accept get a ValueError when the listener is closed."""

    async def main() -> None:
        listener = await fildes.aio.listen("tcp://127.0.0.1:0")

        async def accept() -> None:
            with pytest.raises(ValueError, match="closed"):
                await listener.accept()

        async def close() -> None:
            await a_turn()
            await listener.close()

        await together(accept, accept, close)
        await listener.close()

    loop(main())


def test_an_unclosed_listener_is_reported(loop: RunLoop) -> None:
    """A listener that is collected unclosed stops listening, with a ResourceWarning."""

    async def main() -> None:
        await fildes.aio.listen("tcp://127.0.0.1:0")
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed <fildes.AsyncListener"):
        loop(main())


def test_pipe_sends_what_the_buffers_hold_first(loop: RunLoop, peer: StartPeer, ends: Pair) -> None:
    """What was read ahead and what was written go before what is copied."""
    left, right = ends
    server = peer(echo)

    async def main() -> None:
        source = buffered(left)
        right.sendall(b"line\nahead")
        assert await source.readline() == b"line\n"
        right.shutdown(socket.SHUT_WR)
        async with source, fildes.aio.open(server.address()) as sink:
            await sink.write(b"before ")
            assert await fildes.aio.pipe(source, sink) == 5
            assert await sink.read() == b"before ahead"

    loop(main())


def test_relay_both_ways(loop: RunLoop, peer: StartPeer, ends: Pair) -> None:
    """Bytes go both ways and each end of file is passed on; other kinds of files serve too."""
    left, right = ends
    server = peer(echo)
    data = bytes(range(256)) * 4096

    async def main() -> None:
        async with fildes.aio.open(server.address()) as f:

            async def ask() -> None:
                client = buffered(right)

                async def write() -> None:
                    await client.write(data)
                    await client.half_close()

                async def read() -> None:
                    assert await client.read() == data

                await together(write, read)
                await client.close()

            async def relay() -> None:
                assert await fildes.aio.relay(left, f) == (len(data), len(data))

            await together(ask, relay)

    loop(main())


def test_a_cancelled_relay_has_aborted_both(loop: RunLoop, ends: Pair) -> None:
    """After a cancellation both files are closed."""
    left, right = ends

    async def main() -> None:
        one, other = buffered(left), buffered(right)
        await cancelled(lambda: fildes.aio.relay(one, other))
        assert (one.closed, other.closed) == (True, True)

    loop(main())


def test_closing_a_file_ends_its_relay(loop: RunLoop, ends: Pair) -> None:
    """Who aborts a file from another task ends the relay that waits for it."""
    left, right = ends

    async def main() -> None:
        one, other = buffered(left), buffered(right)

        async def relay() -> None:
            with pytest.raises(OSError):
                await fildes.aio.relay(one, other)

        async def abort() -> None:
            await a_turn()
            other.abort()

        await together(relay, abort)
        assert one.closed

    loop(main())


def test_text_is_not_copied(loop: RunLoop, ends: Pair) -> None:
    """Only bytes are copied."""
    left, right = ends

    async def main() -> None:
        async with AsyncTextFile(buffered(left), encoding="utf-8") as text:
            with pytest.raises(TypeError, match="binary"):
                await fildes.aio.pipe(text, right)

    loop(main())
