"""file: what is no document is opened as it is."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

import fildes


def test_device_is_a_stream() -> None:
    """A device is opened as it is: /dev/null takes all, /dev/full nothing."""
    with fildes.open("/dev/null", "wb") as f:
        f.write(b"x" * 100_000)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    f = fildes.open("/dev/full", "wb")
    f.write(b"x")
    with pytest.raises(OSError) as caught:
        f.close()
    assert caught.value.errno == errno.ENOSPC


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_named_pipe(fifo: Path) -> None:
    """A named pipe waits for its other end, and is a stream; its name stays."""

    def write() -> None:
        with fildes.open(fifo, "wb", timeout=20) as f:
            f.write(b"through" * 10_000)

    writer = threading.Thread(target=write)
    writer.start()
    with fildes.open(fifo, timeout=20) as f:
        assert f.read() == b"through" * 10_000
        assert not f.seekable()
    writer.join()
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_named_pipe_without_other_end(fifo: Path, mode: str) -> None:
    """A named pipe that nobody opens ends with the deadline."""
    with pytest.raises(TimeoutError):
        fildes.open(fifo, mode, timeout=0.02)


def test_socket_is_said(tmp_path: Path) -> None:
    """The path of a unix socket is not openable as a file; the error says what is."""
    with fildes.listen(f"unix:{tmp_path}/s"), pytest.raises(OSError, match="unix:") as caught:
        fildes.open(tmp_path / "s")
    assert caught.value.errno == errno.ENXIO
