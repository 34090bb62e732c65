"""Writing to a descriptor that others share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.waiting import WRITE

if TYPE_CHECKING:
    from typing_extensions import Buffer


def write_some(fd: int, data: Buffer) -> int:
    """Write what the descriptor *fd* takes of *data*; return how much."""
    try:
        return os.write(fd, data)
    except BlockingIOError:  # whoever shares it has set O_NONBLOCK
        wait({fd: WRITE})
        return 0
