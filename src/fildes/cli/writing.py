"""Writing to a descriptor that others share, and saying what could not be written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fildes.cli.errors import LocalWriteError
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


@contextlib.contextmanager
def writing(place: str) -> Iterator[None]:
    """Let an error of the body say that *place* could not be written."""
    try:
        yield
    except LocalWriteError:
        raise
    except OSError as error:
        from fildes.trace import describe

        raise LocalWriteError(error.errno, describe(error), place) from error
