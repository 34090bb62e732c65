"""Asking a known site for a small document under asyncio and trio; as `fildes.http.again` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.http.again import HEAD_SIZE

if TYPE_CHECKING:
    from fildes.drivers.tasks import TaskDriver
    from fildes.http.again import Exchange
    from fildes.http.connection import Connection
    from fildes.http.pool import Pool


async def answered(
    exchange: Exchange, driver: TaskDriver, pool: Pool, timeout: float | None
) -> Exchange | None:
    """Wait for the answer; as `Site.exchange`.

    Cancelled, it has given the connection up.
    """
    connection = exchange.connection
    try:
        # The answer takes its time, so there is no look for it before.
        more = await receive_in(connection, driver, timeout)
        while more and exchange.take(more, pool):
            more = connection.receive_now(HEAD_SIZE)  # which a layer may have by now
            if more is None:
                more = await receive_in(connection, driver, exchange.patience())
    except BaseException:
        exchange.abort()
        raise
    return exchange if more else exchange.so_far(more)


async def receive_in(
    connection: Connection, driver: TaskDriver, timeout: float | None
) -> bytes | None:
    """Wait for bytes; as `Connection.receive_in`."""
    ready = await driver.wait(connection.stream.recv_wants(), timeout)
    return connection.receive_now(HEAD_SIZE) if ready else None
