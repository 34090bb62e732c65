"""Opening and moving bytes, as the checks need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.testing.both import both
from fildes.verbs import prepare
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fildes.address import Address
    from fildes.streams.stream import Stream

#: What is transferred, over and over. A prime number of bytes, so that no round
#: number of lost or repeated bytes goes unnoticed.
PATTERN = bytes(number * number % 251 for number in range(65521))


async def open_stream(
    address: str | Address, mode: str | None = None, **options: Mapping[str, Any]
) -> Stream:
    """Open *address* as `fildes.open` would and return the bare stream."""
    return await prepare(address, mode, None, options)[0].run()


def send_now(stream: Stream, size: int, start: int = 0) -> int:
    """Send up to *size* bytes of the pattern, from position *start*, without waiting.

    Returns:
      How many bytes were taken.
    """
    sent = 0
    while sent < size:
        at = (start + sent) % len(PATTERN)
        part = memoryview(PATTERN)[at : at + size - sent]
        if (taken := stream.try_send(part)) is None:
            break
        assert 0 < taken <= len(part), f"try_send of {len(part)} bytes returned {taken}"
        sent += taken
    return sent


async def expect_pattern(stream: Stream, size: int) -> None:
    """Receive *size* bytes; they must be the pattern."""
    buffer = memoryview(bytearray(len(PATTERN)))
    received = 0
    while received < size:
        at = received % len(PATTERN)
        room = buffer[: min(size - received, len(PATTERN) - at)]
        count = await stream.recv_into(room)
        assert count, f"end of file after {received} of {size} bytes"
        assert room[:count] == PATTERN[at : at + count], f"wrong bytes after {received}"
        received += count


async def send_pattern(stream: Stream, end: int, start: int = 0) -> None:
    """Send the pattern from position *start* to *end*, waiting as long as it takes."""
    while start < end:
        start += send_now(stream, end - start, start)
        if start < end:
            await wait_any(stream.send_wants())


async def transfer(source: Stream, sink: Stream, size: int) -> None:
    """Send *size* bytes into *source* and receive exactly them from *sink*."""
    await both(send_pattern(source, size), expect_pattern(sink, size))
