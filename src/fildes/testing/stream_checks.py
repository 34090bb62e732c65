"""What every stream must do, one function for each promise of the contract."""

from __future__ import annotations

import array
import contextlib
import os
import time
from collections.abc import Callable, Container, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from fildes.drivers import blocking
from fildes.testing.both import both
from fildes.testing.transfer import expect_pattern, send_now, send_pattern, transfer
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol

#: Protocol code that returns the stream under test and the stream of its peer.
MakePair = Callable[[], Coroutine[Any, Any, tuple["Stream", "Stream"]]]

#: Protocol code that checks one promise.
Check = Callable[["Stream", "Stream"], Coroutine[Any, Any, None]]

#: Each way in the transfer of both ways at once; far beyond what the kernel queues.
LARGE = 16 << 20


def check_stream(
    make_pair: MakePair,
    *,
    run: Callable[[Protocol[None], float], None] = blocking.run,
    timeout: float = 30.0,  # arbitrary
    checks: Iterable[Check] | None = None,
    without: Container[str] = (),
) -> None:
    """Check that a stream keeps its contract.

    Args:
      make_pair: protocol code that returns the stream under test and its peer's.
      run: what runs protocol code up to a deadline; it may run it in an event loop.
      timeout: seconds for each check, so that a wait for lost bytes ends.
      checks: some of `STREAM_CHECKS` or `MESSAGE_CHECKS`; the first are the default.
      without: names of checks that this kind of stream cannot pass.

    Raises:
      AssertionError, OSError, EOFError: it does not.
    """
    for check in STREAM_CHECKS if checks is None else checks:
        if check.__name__ not in without:
            run(checked(check, make_pair), time.monotonic() + timeout)


async def checked(check: Check, make_pair: MakePair) -> None:
    """Make a pair, run *check*, release the pair; no descriptor may be left."""
    await wait_any({}, 0)  # a driver may wait by a descriptor of its own, from then on
    before = descriptors()
    left, right = await make_pair()
    try:
        await check(left, right)
    finally:
        left.abort()
        right.abort()
    assert descriptors() == before, "descriptors are left open"


def descriptors() -> list[str]:
    """Return the open descriptors of this process."""
    return sorted(os.listdir("/proc/self/fd"))


async def echo(left: Stream, right: Stream) -> None:
    """Bytes travel both ways, unchanged."""
    for source, sink in ((left, right), (right, left)):
        await source.send_all(b"question")
        assert await sink.recv_exactly(8) == b"question"


async def nothing_there(left: Stream, right: Stream) -> None:
    """A receive with nothing to receive returns None, and says what to wait for."""
    assert left.try_recv_into(memoryview(bytearray(1))) is None
    assert left.recv_wants()


async def empty_send(left: Stream, right: Stream) -> None:
    """Sending nothing sends nothing: no end of file, no byte."""
    await left.send_all(b"")
    await left.send_all(b"x")
    assert await right.recv(9) == b"x"


async def partial_send(left: Stream, right: Stream) -> None:
    """A send that cannot wait takes what there is room for; nothing of it is lost."""
    taken = send_now(left, 1 << 30)
    assert taken < 1 << 30, "the stream takes bytes without an end"
    end = taken + 100_000  # arbitrary
    await both(send_pattern(left, end, taken), expect_pattern(right, end))


async def buffers(left: Stream, right: Stream) -> None:
    """Every kind of buffer can be sent from and received into."""
    numbers = array.array("I", [1, 2, 3])
    for data in (b"abcd", bytearray(b"abcd"), memoryview(b"xabcdx")[1:5], numbers):
        await left.send_all(data)
        wanted = bytes(memoryview(data).cast("B"))
        assert await right.recv_exactly(len(wanted)) == wanted
        for buffer in (bytearray(20), array.array("I", bytes(20))):
            await left.send_all(data)
            view = memoryview(buffer).cast("B")
            received = 0
            while received < len(wanted):
                received += await right.recv_into(view[received : len(wanted)])
            assert view[: len(wanted)] == wanted
            assert not any(view[len(wanted) :]), "bytes behind what was received"


async def end_of_file_stays(left: Stream, right: Stream) -> None:
    """The end of file comes after all bytes, and again each time."""
    await left.send_all(b"last")
    await left.half_close()
    assert await right.recv_exactly(4) == b"last"
    for _ in range(3):
        assert await right.recv(1) == b""


async def half_close_ours_first(left: Stream, right: Stream) -> None:
    """After our half-close the peer's answer still comes, then its end of file."""
    await answer_after_half_close(left, right)


async def half_close_theirs_first(left: Stream, right: Stream) -> None:
    """After the peer's half-close our answer still goes out, then our end of file."""
    await answer_after_half_close(right, left)


async def answer_after_half_close(asks: Stream, answers: Stream) -> None:
    """Let *asks* end its direction before *answers* says a word."""
    await asks.send_all(b"question")
    await asks.half_close()
    assert await answers.recv_exactly(8) == b"question"
    assert await answers.recv(1) == b""
    await transfer(answers, asks, 1 << 20)
    await answers.half_close()
    assert await asks.recv(1) == b""


async def large_transfers(left: Stream, right: Stream) -> None:
    """Both directions move at once; neither waits for the other."""
    await both(transfer(left, right, LARGE), transfer(right, left, LARGE))


async def orderly_close(left: Stream, right: Stream) -> None:
    """Close after both ends of file raises nothing; the peer has everything."""
    await left.send_all(b"all of it")
    await left.half_close()
    assert await right.recv_exactly(9) == b"all of it"
    assert await right.recv(1) == b""
    await right.half_close()
    assert await left.recv(1) == b""
    await both(left.close(), right.close())


async def closed_is_an_error(left: Stream, right: Stream) -> None:
    """A closed stream neither receives nor sends."""
    left.abort()
    for use in (left.try_recv_into, left.try_send):
        try:
            result = use(memoryview(bytearray(1)))
        except (OSError, ValueError):
            continue
        raise AssertionError(f"{use.__name__} of a closed stream returned {result}")


async def closed_again(left: Stream, right: Stream) -> None:
    """Close and abort may be repeated and mixed."""
    await right.half_close()
    await both(left.close(), drained(right))
    await released_again(left, right)


async def released_again(left: Stream, right: Stream) -> None:
    """Close and abort may be repeated and mixed; nobody has to end for it."""
    for stream in (left, right):
        for _ in range(2):
            stream.abort()
            await stream.close()


async def drained(stream: Stream) -> None:
    """Receive up to the end, whatever kind of end."""
    try:
        while await stream.recv():
            pass
        await stream.close()
    except (OSError, EOFError):
        stream.abort()


async def aborted_in_every_state(left: Stream, right: Stream) -> None:
    """Abort releases at once although bytes are queued both ways."""
    await right.send_all(b"unread")
    send_now(left, 1 << 30)
    left.abort()
    right.abort()


async def interrupt_wakes(left: Stream, right: Stream) -> None:
    """Who waits to receive goes on when the stream is interrupted; it can be closed."""

    async def receive() -> None:
        with contextlib.suppress(OSError, EOFError):  # anything but an endless wait
            await left.recv(1)

    async def interrupt() -> None:
        left.interrupt()

    await both(receive(), interrupt())
    left.abort()


async def abort_is_seen(left: Stream, right: Stream) -> None:
    """The peer of an aborted stream gets an error, never a clean end of file."""
    await left.send_all(b"half of ")
    assert await right.recv_exactly(8) == b"half of "
    left.abort()
    try:
        data = await right.recv(1)
    except (OSError, EOFError):
        return
    raise AssertionError(f"the peer received {data!r} instead of an error")


async def descriptor_is_a_files(left: Stream, right: Stream) -> None:
    """The descriptor handed out blocks, and no child inherits it."""
    fd = left.fileno()
    if fd >= 0:
        await echo(left, right)
        assert os.get_blocking(fd), "the descriptor is in non-blocking mode"
        assert not os.get_inheritable(fd), "the descriptor is inheritable"


async def boundaries(left: Stream, right: Stream) -> None:
    """Two messages stay two messages, though both are queued."""
    for message in (b"one", b"three", b"x"):
        await left.send_all(message)
    assert [await right.recv() for _ in range(3)] == [b"one", b"three", b"x"]


async def long_message(left: Stream, right: Stream) -> None:
    """A message longer than the buffer is an error, and whole in the next receive."""
    message = bytes(range(256)) * 8
    await left.send_all(message)
    try:
        await right.recv(100)
    except OSError:
        assert await right.recv() == message
    else:
        raise AssertionError("the message was cut without an error")


#: The promises of every conversation.
STREAM_CHECKS: tuple[Check, ...] = (
    echo,
    nothing_there,
    empty_send,
    partial_send,
    buffers,
    end_of_file_stays,
    half_close_ours_first,
    half_close_theirs_first,
    large_transfers,
    orderly_close,
    closed_is_an_error,
    closed_again,
    aborted_in_every_state,
    interrupt_wakes,
    abort_is_seen,
    descriptor_is_a_files,
)

#: The promises of datagrams.
MESSAGE_CHECKS: tuple[Check, ...] = (
    echo,
    nothing_there,
    boundaries,
    long_message,
    closed_is_an_error,
    released_again,
    interrupt_wakes,
    descriptor_is_a_files,
)
