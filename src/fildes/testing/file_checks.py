"""What every file must do, blocking or not, over whatever stream."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from fildes import drivers
from fildes.aio import opening
from fildes.drivers import blocking
from fildes.files import modes
from fildes.files.async_description import AsyncDescription
from fildes.files.description import Description
from fildes.testing.stream_checks import descriptors
from fildes.trace import Trace

if TYPE_CHECKING:
    from fildes.streams.stream import Stream
    from fildes.testing.stream_checks import MakePair

T = TypeVar("T")

#: Awaits protocol code of the peer in the middle of a check.
Wait = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]

#: Checks one promise: of a file, with the stream of its peer.
FileCheck = Callable[[Any, "Stream", Wait], Coroutine[Any, Any, None]]

BINARY = modes.Mode("r+b", text=False)


def check_file(
    make_pair: MakePair,
    *,
    checks: Iterable[FileCheck] | None = None,
    without: Container[str] = (),
) -> None:
    """Check that a blocking file over a stream is a file.

    Args:
      make_pair, without: as of `check_stream`.
      checks: some of `FILE_CHECKS`; all if left out.
    """

    async def wait(protocol: Coroutine[Any, Any, T]) -> T:
        return await protocol

    def make_file(stream: Stream) -> Any:
        size = modes.PENDING_SIZE
        return modes.make_file(Description(stream, "test:", Trace(), pending_size=size), BINARY)

    for check in FILE_CHECKS if checks is None else checks:
        if check.__name__ not in without:
            blocking.run(checked(check, make_pair, make_file, wait))


async def check_async_file(
    make_pair: MakePair,
    *,
    checks: Iterable[FileCheck] | None = None,
    without: Container[str] = (),
) -> None:
    """Check that an asynchronous file is one, in the event loop that runs; see `check_file`."""

    async def wait(protocol: Coroutine[Any, Any, T]) -> T:
        return await drivers.here().run(protocol)

    def make_file(stream: Stream) -> Any:
        driver, size = drivers.here(), modes.PENDING_SIZE
        description = AsyncDescription(driver, stream, "test:", Trace(), pending_size=size)
        return opening.make_file(description, BINARY)

    for check in FILE_CHECKS if checks is None else checks:
        if check.__name__ not in without:
            await checked(check, make_pair, make_file, wait)


async def checked(
    check: FileCheck, make_pair: MakePair, make_file: Callable[[Stream], Any], wait: Wait
) -> None:
    """Make a file and its peer, run *check*, release both; no descriptor may be left."""
    before = descriptors()
    left, right = await wait(make_pair())
    file = make_file(left)
    try:
        await check(file, right, wait)
    finally:
        file.abort()
        right.abort()
    assert descriptors() == before, "descriptors are left open"


async def use(result: Any) -> Any:
    """Return the result of a method of either kind of file."""
    return await result if isinstance(result, Awaitable) else result


async def question_before_answer(file: Any, peer: Stream, wait: Wait) -> None:
    """What was written is sent by a read at the latest."""
    await wait(peer.send_all(b"answer\n"))
    await use(file.write(b"question\n"))
    assert await use(file.readline()) == b"answer\n"
    assert await wait(peer.recv_exactly(9)) == b"question\n"


async def ways_to_read(file: Any, peer: Stream, wait: Wait) -> None:
    """Each way to read returns as much as the io module says, then the end of file."""
    await wait(peer.send_all(b"one\ntwo\nabcdefghi\nlast"))
    await wait(peer.half_close())
    assert await use(file.readline()) == b"one\n"
    assert await use(file.readline(2)) == b"tw"
    assert await use(file.read(5)) == b"o\nabc"
    assert await use(file.read1(2)) == b"de"
    buffer = bytearray(3)
    assert await use(file.readinto(buffer)) == 3
    assert buffer == b"fgh"
    assert await use(file.read(0)) == b""
    assert await use(file.read()) == b"i\nlast"
    for _ in range(2):
        assert await use(file.read()) == b""


async def lines(file: Any, peer: Stream, wait: Wait) -> None:
    """A file is its lines."""
    await wait(peer.send_all(b"one\n\ntwo\nend"))
    await wait(peer.half_close())
    assert await use(file.readlines()) == [b"one\n", b"\n", b"two\n", b"end"]


async def ways_to_write(file: Any, peer: Stream, wait: Wait) -> None:
    """Every kind of buffer can be written, and flush sends it."""
    for data in (b"ab", bytearray(b"cd"), memoryview(b"xefx")[1:3]):
        assert await use(file.write(data)) == 2
    await use(file.writelines([b"g", b"h"]))
    await use(file.flush())
    assert await wait(peer.recv_exactly(8)) == b"abcdefgh"


async def half_close(file: Any, peer: Stream, wait: Wait) -> None:
    """After half-close the peer has everything and its end of file; we read, but write no more."""
    await use(file.write(b"question"))
    await use(file.half_close())
    try:
        await use(file.write(b"more"))
    except BrokenPipeError:
        pass
    else:
        raise AssertionError("write after half_close did not raise BrokenPipeError")
    assert await wait(peer.recv_exactly(8)) == b"question"
    assert await wait(peer.recv(1)) == b""
    await wait(peer.send_all(b"answer"))
    await wait(peer.half_close())
    assert await use(file.read()) == b"answer"


async def close_sends(file: Any, peer: Stream, wait: Wait) -> None:
    """Close sends what is pending, then the end of file; it may be repeated."""
    await wait(peer.half_close())
    await use(file.write(b"last words"))
    await use(file.close())
    await use(file.close())
    assert file.closed
    assert await wait(peer.recv_exactly(10)) == b"last words"
    assert await wait(peer.recv(1)) == b""


async def closed(file: Any, peer: Stream, wait: Wait) -> None:
    """Using a closed file is a ValueError, as everywhere in Python."""
    await wait(peer.half_close())
    await use(file.close())
    for name, *arguments in (
        ("read",), ("readline",), ("read1",), ("readinto", bytearray(1)), ("write", b"x"),
        ("flush",), ("half_close",), ("fileno",),
    ):  # fmt: skip
        try:
            await use(getattr(file, name)(*arguments))
        except ValueError:
            continue
        raise AssertionError(f"{name} of a closed file did not raise")


async def exception_aborts(file: Any, peer: Stream, wait: Wait) -> None:
    """An exception inside `with` shows the peer an error, never a clean end of file."""
    await use(file.write(b"half of "))
    await use(file.flush())
    assert await wait(peer.recv_exactly(8)) == b"half of "
    leave = getattr(file, "__aexit__", None) or file.__exit__
    await use(leave(RuntimeError, RuntimeError("half way"), None))
    assert file.closed
    try:
        data = await wait(peer.recv(1))
    except (OSError, EOFError):
        return
    raise AssertionError(f"the peer received {data!r} instead of an error")


async def genuine_descriptor(file: Any, peer: Stream, wait: Wait) -> None:
    """The descriptor can be read by who knows nothing of us, up to the end of file."""
    fd = file.fileno()
    assert os.get_blocking(fd)
    assert not os.get_inheritable(fd)
    await wait(peer.send_all(b"bytes"))
    await wait(peer.half_close())
    with contextlib.closing(os.fdopen(fd, "rb", closefd=False)) as other:
        assert other.read() == b"bytes"
    await use(file.close())


#: The promises of every file of a conversation.
FILE_CHECKS: tuple[FileCheck, ...] = (
    question_before_answer,
    ways_to_read,
    lines,
    ways_to_write,
    half_close,
    close_sends,
    closed,
    exception_aborts,
    genuine_descriptor,
)
