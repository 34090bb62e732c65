"""Who answers the requests of protocol code: one driver for each way of waiting."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.drivers.tasks import TaskDriver


def here() -> TaskDriver:
    """Return a new driver for the event loop that runs the calling task.

    Raises:
      RuntimeError: there is none.
    """
    # A program that does not import trio does not run in it.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        from fildes.drivers.trio import Driver

        return Driver()
    from fildes.drivers import asyncio

    return asyncio.Driver()
