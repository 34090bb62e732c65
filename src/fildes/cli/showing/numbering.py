"""The numbers of connections, whichever process they are in."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator


@contextlib.contextmanager
def numbers(*, shared: bool) -> Iterator[Iterator[int]]:
    """Yield numbers from 1 on; if they are *shared*, children of fork(2) take them from here.

    The position of an open file description is theirs together, and lseek(2) moves it in
    one step.
    """
    if not shared:
        yield itertools.count(1)
        return
    fd = os.memfd_create("numbers", os.MFD_CLOEXEC)
    try:
        yield iter(lambda: os.lseek(fd, 1, os.SEEK_CUR), 0)
    finally:
        os.close(fd)
