"""Asking a known site for a small document under asyncio and trio; as `fildes.http.again` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.http.again import HEAD_SIZE, MAX_LATE

if TYPE_CHECKING:
    from fildes.drivers.tasks import TaskDriver
    from fildes.http.again import Exchange
    from fildes.http.pool import Pool


async def answered(
    exchange: Exchange, driver: TaskDriver, pool: Pool, timeout: float | None
) -> Exchange | None:
    """Wait for the answer; as `Site.exchange`.

    Cancelled, it has given the connection up.
    """
    connection = exchange.connection
    wants = connection.stream.recv_wants()
    try:
        # The answer takes its time, so there is no look for it before.
        ready = await driver.wait(wants, timeout)
        more = connection.receive_now(HEAD_SIZE) if ready else None
        while more and exchange.take(more, pool):
            ready = await driver.wait(wants, MAX_LATE)
            more = connection.receive_now(HEAD_SIZE) if ready else None
    except BaseException:
        exchange.abort()
        raise
    return exchange.so_far(more)
