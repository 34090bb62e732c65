"""What several tasks may do with one file, and what a cancellation leaves."""

from __future__ import annotations

import socket

import pytest
from loops import LOOPS, RunLoop
from tasks import Pair, a_turn, buffered, cancelled, describe, fill, together

from fildes.aio import AsyncBufferedFile, AsyncRawFile

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def test_a_line_in_many_pieces(loop: RunLoop, ends: Pair) -> None:
    """A line is whole however the peer cuts it."""
    left, right = ends

    async def main() -> None:
        async def write() -> None:
            for piece in (b"a", b"b", b"c\nd", b"\n"):
                right.send(piece)
                await a_turn()
            right.shutdown(socket.SHUT_WR)

        async def read() -> None:
            async with buffered(left) as f:
                assert [line async for line in f] == [b"abc\n", b"d\n"]

        await together(read, write)

    loop(main())


def test_a_read_goes_on_sending(loop: RunLoop, ends: Pair) -> None:
    """What the kernel did not take at once is sent while the answer is awaited."""
    left, right = ends

    async def main() -> None:
        async with buffered(left) as f:
            filled = fill(left)
            await f.write(b"question")

            async def answer() -> None:
                other = buffered(right)
                await other.read(filled)
                assert await other.read(8) == b"question"
                await other.write(b"answer")
                await other.close()

            async def ask() -> None:
                assert await f.read() == b"answer"

            await together(ask, answer)

    loop(main())


def test_one_task_reads_while_another_writes(loop: RunLoop, ends: Pair) -> None:
    """Both directions of one file move at once, far beyond what the kernel holds."""
    left, right = ends
    data = bytes(range(256)) * 8192

    async def main() -> None:
        async def echo_all() -> None:
            async with buffered(right) as f:
                while some := await f.read1():
                    await f.write(some)

        async with buffered(left) as f:

            async def write() -> None:
                assert await f.write(data) == len(data)
                await f.half_close()

            async def read() -> None:
                assert await f.read() == data

            await together(echo_all, write, read)

    loop(main())


def test_tasks_share_whole_lines(loop: RunLoop, ends: Pair) -> None:
    """Several tasks that read and write at once get and send whole lines."""
    left, right = ends
    lines = [b"%d\n" % number for number in range(200)]
    got: list[bytes] = []

    async def main() -> None:
        f, other = buffered(left), buffered(right)

        async def read() -> None:
            while line := await f.readline():
                got.append(line)

        async def write(own: list[bytes]) -> None:
            for line in own:
                await other.write(line)
                await other.flush()

        async def write_all() -> None:
            await together(lambda: write(lines[::2]), lambda: write(lines[1::2]))
            await other.close()

        async with f:
            await together(read, read, write_all)

    loop(main())
    assert sorted(got) == sorted(lines)


def test_a_cancelled_read_loses_nothing(loop: RunLoop, ends: Pair) -> None:
    """What a cancelled read had received is there for the next one."""
    left, right = ends

    async def main() -> None:
        async with buffered(left) as f:
            right.send(b"begin")
            for read in (lambda: f.read(100), f.readline, f.read):
                await cancelled(read)
            right.send(b"ning\n")
            assert await f.readline() == b"beginning\n"

    loop(main())


def test_a_cancelled_write_has_taken_everything(loop: RunLoop, ends: Pair) -> None:
    """What a cancelled write had not sent yet is sent by the next flush."""
    left, right = ends
    data = bytes(range(256)) * 8192

    async def main() -> None:
        f, other = buffered(left), buffered(right)
        await cancelled(lambda: f.write(data))

        async def read() -> None:
            assert await other.read() == data
            await other.close()

        await together(read, f.close)

    loop(main())


def test_a_cancelled_close_releases_everything(loop: RunLoop, ends: Pair) -> None:
    """A close that is cancelled while it sends has aborted."""
    left, _ = ends

    async def main() -> None:
        f = buffered(left)
        fill(left)
        await f.write(b"never sent")
        await cancelled(f.close)
        assert (f.closed, left.fileno()) == (True, -1)
        await f.close()

    loop(main())


@pytest.mark.parametrize("end", ["close", "abort"])
def test_closing_ends_the_waits_of_other_tasks(loop: RunLoop, ends: Pair, end: str) -> None:
    """A task that waits for a file which another one closes gets a ValueError."""
    left, _ = ends

    async def main() -> None:
        f = buffered(left)

        async def read() -> None:
            with pytest.raises(ValueError, match="closed"):
                await f.read()

        async def finish() -> None:
            await a_turn()
            await f.close() if end == "close" else f.abort()

        await together(read, read, finish)

    loop(main())


def test_a_closed_descriptor_number_can_be_used_again(loop: RunLoop) -> None:
    """The loop forgets the descriptors of an aborted file at once."""

    async def main() -> None:
        for _ in range(3):
            left, right = socket.socketpair()
            f, other = buffered(left), buffered(right)

            async def read(f: AsyncBufferedFile = f) -> None:
                with pytest.raises(ValueError, match="closed"):
                    await f.read()

            async def finish(f: AsyncBufferedFile = f, other: AsyncBufferedFile = other) -> None:
                await a_turn()
                f.abort()
                other.abort()

            await together(read, finish)

    loop(main())


def test_a_peer_that_never_pauses_starves_nobody(loop: RunLoop, ends: Pair) -> None:
    """Other tasks get their turn although there is always something to read."""
    left, right = ends

    async def main() -> None:
        f = AsyncRawFile(describe(left))
        turns: list[int] = []

        async def read() -> None:
            for count in range(100):
                right.send(b"x")
                await f.read(1)
                if turns:
                    assert count < 50
                    return
            raise AssertionError("the other task never ran")

        async def other() -> None:
            turns.append(1)

        await together(read, other)
        f.abort()

    loop(main())
