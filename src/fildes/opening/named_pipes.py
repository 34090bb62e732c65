"""Waiting for the other end of a named pipe, without waiting in open(2); fifo(7).

open(2) in non-blocking mode does not wait for the other end. A writer is then told that
there is no reader. A reader is told nothing, and would take it for the end of file that
nobody has opened the pipe for writing yet; nor does poll(2) tell that somebody has. But
tee(2) does, and takes nothing out of the pipe: it finds an end of file, or that there
would be something to wait for.
"""

from __future__ import annotations

import errno
import os
import stat

from fildes.waiting import READ, wait_any

#: open(2) never waits, and a terminal does not become ours.
QUIET = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

#: Nothing tells when the other end is opened, so it is looked for after so many seconds.
RETRY_DELAY = 0.010  # arbitrary

SPLICE_F_NONBLOCK = 2  #: of fcntl.h, splice(2)


async def open_with_reader(path: str, flags: int, mode: int = 0o666) -> int:
    """Return a descriptor for *path*; if it is a pipe to be written, once it has a reader.

    Args:
      mode: of what is created, less the umask.
    """
    while (fd := try_open(path, flags | QUIET, mode)) < 0:
        await wait_any({}, RETRY_DELAY)
    return fd


def open_now(path: str, flags: int, mode: int = 0o666) -> int:
    """Return a descriptor for *path* at once.

    Raises:
      OSError: ENXIO, it is a pipe to be written that nobody reads.
    """
    fd = try_open(path, flags | QUIET, mode)
    if fd < 0:
        raise OSError(errno.ENXIO, "nobody reads this pipe, and nonblock waits for nobody")
    return fd


def try_open(path: str, flags: int, mode: int) -> int:
    """Return a descriptor for *path*, or -1 while it is a pipe that nobody reads."""
    try:
        return os.open(path, flags, mode)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        kind = os.stat(path).st_mode
        if stat.S_ISSOCK(kind):
            raise OSError(errno.ENXIO, f"a socket: open it as unix:{path}") from None
        if not stat.S_ISFIFO(kind):
            raise
    return -1


async def wait_for_writer(fd: int) -> None:
    """Wait until somebody has opened the pipe for writing, or has done so and closed it."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    copy, to_copy = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        while not await wait_any({fd: READ}, 0):  # neither bytes, nor a writer that has left
            if libc.tee(fd, to_copy, ctypes.c_size_t(1), SPLICE_F_NONBLOCK) != 0:
                return
            await wait_any({fd: READ}, RETRY_DELAY)
    finally:
        os.close(copy)
        os.close(to_copy)
