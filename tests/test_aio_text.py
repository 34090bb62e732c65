"""Text files under asyncio and trio."""

from __future__ import annotations

import socket

import pytest
from loops import LOOPS, RunLoop
from peers import StartPeer, echo
from tasks import Pair, a_turn, buffered, cancelled, together

import fildes.aio
from fildes.aio import AsyncTextFile

pytestmark = pytest.mark.parametrize("loop", LOOPS)


@pytest.mark.parametrize(
    ("newline", "lines"),
    [
        (None, ["a\n", "b\n", "é\n", "d"]),
        ("", ["a\r", "b\r\n", "é\n", "d"]),
        ("\n", ["a\rb\r\n", "é\n", "d"]),
        ("\r\n", ["a\rb\r\n", "é\nd"]),
    ],
)
def test_text_lines(
    loop: RunLoop,
    ends: Pair,
    newline: str | None,
    lines: list[str],
) -> None:
    """Line ends mean what they mean for the built-in open, byte by byte too."""
    left, right = ends

    async def main() -> None:
        f = AsyncTextFile(buffered(left), encoding="utf-8", newline=newline)

        async def read() -> None:
            assert [line async for line in f] == lines
            await f.close()

        async def write() -> None:
            for number in "a\rb\r\né\nd".encode():
                right.send(bytes([number]))
                await a_turn()
            right.shutdown(socket.SHUT_WR)

        await together(read, write)

    loop(main())


def test_text_both_ways(loop: RunLoop, peer: StartPeer) -> None:
    """Text is encoded and decoded; writing drops nothing that was read ahead."""
    server = peer(echo)

    async def main() -> None:
        async with fildes.aio.open(server.address(), "r+t", encoding="utf-16", newline="\r\n") as f:
            await f.write("größe\nzwei\n")
            assert await f.readline(3) == "grö"
            await f.write("drei")
            await f.half_close()
            assert await f.read(2) == "ße"
            assert await f.read() == "\r\nzwei\r\ndrei"

    loop(main())


def test_line_buffering(loop: RunLoop, ends: Pair) -> None:
    """With buffering=1 each line is sent at once."""
    left, right = ends

    async def main() -> None:
        async with AsyncTextFile(buffered(left), encoding="utf-8", line_buffering=True) as f:
            await f.writelines(["a", "b\n"])
            assert right.recv(9) == b"ab\n"

    loop(main())


def test_a_cancelled_text_read_loses_nothing(loop: RunLoop, ends: Pair) -> None:
    """Half a character and half a line outlive a cancellation."""
    left, right = ends

    async def main() -> None:
        async with AsyncTextFile(buffered(left), encoding="utf-8") as f:
            right.send("aé".encode()[:2])
            for read in (f.readline, lambda: f.read(9), f.read):
                await cancelled(read)
            right.send("é\n".encode()[1:])
            assert await f.readline() == "aé\n"

    loop(main())
