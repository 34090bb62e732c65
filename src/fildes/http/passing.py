"""Bytes that a forward reader gets straight from the connection, without keeping them.

Who reads on and on gets an answer that goes on to the end of the document. From then on a
large read that begins where this answer is goes into the reader's own buffer: he has the
bytes, so a second copy would cost much and hardly ever be wanted. Who comes back for
some all the same has them kept again, so that being wrong costs one request.

The last bytes of an answer are left to those who keep, and release its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.http.retrying import goes_on

if TYPE_CHECKING:
    from fildes.http.live import Live
    from fildes.http.ranged import RangedStream

#: Reads of this size get their bytes directly; as `fildes.files.binary.BUFFER_SIZE`, so that
#: files with a buffer of the usual size have all their bytes so.
PASS_SIZE = 16384

#: What has to come behind a move before bytes are not kept: much more than a buffer.
SETTLED = 16 * PASS_SIZE


def pass_here(stream: RangedStream, buffer: memoryview) -> int | None:
    """Receive at the position what is here, or has just come; None if there is no such thing."""
    with stream.state():
        copied = stream.extents.read_into(buffer, stream.position)
        stream.position += copied
        if copied or not buffer or stream.position >= stream.size:
            return copied
        live = take_passing(stream, len(buffer))
    if live is None:
        return None
    try:
        received = live.receive_here(buffer)
    except BaseException as error:
        give_up(stream, live, error)
        return None
    return count(stream, live, received)


async def pass_on(stream: RangedStream, buffer: memoryview) -> int | None:
    """Wait for what comes at the position; None if it is kept, or asked for."""
    with stream.state():
        live = take_passing(stream, len(buffer))
    if live is None:
        return None
    try:
        received = await live.receive(buffer)
    except BaseException as error:
        give_up(stream, live, error)
        return None
    return count(stream, live, received)


def take_passing(stream: RangedStream, size: int) -> Live | None:
    """Take the live answer that is at the position and goes on for more than *size* bytes.

    The caller holds the lock.
    """
    if size < PASS_SIZE or stream.returned or stream.came < stream.passes_from:
        return None
    for live in stream.lives:
        if live.position == stream.position and live.endless and live.left > size:
            stream.lives.remove(live)
            stream.taken.append(live)
            return live
    return None


def give_up(stream: RangedStream, live: Live, error: BaseException) -> None:
    """Raise *error*, which ended a live answer, unless asking again may help."""
    stream.give_back(live, broken=True)
    if not isinstance(error, OSError | EOFError) or not goes_on(error, 1):
        raise error
    if stream.closed or not stream.resumes:
        raise error


def count(stream: RangedStream, live: Live, received: int | None) -> int | None:
    """Give *live* back, and go on behind what was *received*."""
    if live.track is not None:
        live.track.high = live.position
    stream.give_back(live)
    if received:
        stream.position += received
        stream.came += received
        stream.passed = max(stream.passed, stream.position)
    return received
