"""What goes to standard error, when it comes at a bad moment."""

from __future__ import annotations

import array
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
from typing import IO

import pytest
from commands import ENVIRONMENT, LIMIT

#: Writes more than a pipe holds, and something else when a signal comes.
WRITING = """
import signal
from fildes.cli.reporting import write

signal.signal(signal.SIGUSR1, lambda *_: write("heard"))
write(100_000 * ".")
"""


@pytest.mark.slow
@pytest.mark.parametrize("blocking", [True, False])
def test_written_meanwhile(*, blocking: bool) -> None:
    """A signal handler writes while something is being written, and all of it arrives."""
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    with (
        open(reader, "rb") as err,
        subprocess.Popen([sys.executable, "-c", WRITING], stderr=writer, env=ENVIRONMENT) as child,
    ):
        os.close(writer)
        capacity = fcntl.fcntl(err, fcntl.F_GETPIPE_SZ)
        while unread(err) < capacity:
            select.select([], [], [], 0)
            assert child.poll() is None
        child.send_signal(signal.SIGUSR1)
        told = err.read()
        assert child.wait(LIMIT) == 0
    assert told.count(b".") == 100_000
    assert told.replace(b".", b"") == b"heard"


def unread(file: IO[bytes]) -> int:
    """Return how many bytes wait in a pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(file, termios.FIONREAD, count)
    return count[0]
