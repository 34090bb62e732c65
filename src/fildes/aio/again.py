"""Asking again for a small document under asyncio and trio; as `fildes.http.again` says."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from fildes.files.async_binary import AsyncBufferedFile
from fildes.files.async_description import AsyncDescription
from fildes.http.again import HEAD_SIZE, Begun

if TYPE_CHECKING:
    from fildes.drivers.tasks import TaskDriver
    from fildes.http.again import Known
    from fildes.http.connection import Connection, Pool
    from fildes.http.received import ReceivedDocument
    from fildes.trace import Trace


async def exchange(
    driver: TaskDriver, known: Known, pool: Pool, timeout: float | None
) -> Begun | None:
    """Send the request on a kept connection, and wait for the answer; as `Known.exchange`.

    Cancelled, it has given the connection up.
    """
    began = monotonic()
    connection = known.ask(pool)
    if connection is None:
        return None
    sent = monotonic()
    try:
        # The answer takes its time, so there is no look for it before.
        ready = await driver.wait(connection.stream.recv_wants(), timeout)
        data = receive(connection) if ready else b""
    except BaseException:
        connection.stream.abort()
        raise
    if data is None:
        connection.stream.abort()
        return None
    return Begun(connection, known.message, began, sent, data)


def receive(connection: Connection) -> bytes | None:
    """Return what came, perhaps nothing yet; None if the connection has ended."""
    try:
        return connection.receive(HEAD_SIZE) or None
    except BlockingIOError:  # a part of a TLS record, say
        return b""
    except (OSError, EOFError):
        return None


def file_again(
    driver: TaskDriver, known: Known, document: ReceivedDocument, trace: Trace
) -> AsyncBufferedFile:
    """Return the file of a *document* that was opened as before."""
    return AsyncBufferedFile(
        AsyncDescription(driver, document, known.address, trace, idle_timeout=known.idle_timeout)
    )
