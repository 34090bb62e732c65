"""Opening files the way open(2) does, with flags; for addresses that socat spells."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from fildes.schemes.fd import directions
from fildes.streams.kernel import DescriptorStream
from fildes.streams.shaped import ShapedStream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.cli.relaying.side import Settings
    from fildes.streams.stream import Stream

#: Never wait for the other end of a pipe, and take no terminal as ours.
QUIET = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

#: Seconds between two looks whether a pipe has a reader; open(2) does not wait here.
RETRY_DELAY = 0.010  # arbitrary

ACCESS = {"rb": os.O_RDONLY, "wb": os.O_WRONLY, "r+b": os.O_RDWR}


async def open_place(path: str, mode: str, settings: Settings) -> Stream:
    """Open what is at *path* as it is; a document is written in its place.

    Args:
      mode: the directions that are wanted, of those that the settings allow.
    """
    flags = flags_for(path, mode, settings)
    while (fd := try_open(path, flags | QUIET, settings.mode)) < 0:
        await wait_any({}, RETRY_DELAY)
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.set_blocking(fd, True)
        if settings.seek is not None:
            os.lseek(fd, settings.seek, os.SEEK_SET)
        if settings.seek_end is not None:
            os.lseek(fd, settings.seek_end, os.SEEK_END)
        if settings.terminal and os.isatty(fd):
            set_modes(fd, settings.terminal)
        source, sink = directions(fd)
        return DescriptorStream(source, sink)
    except BaseException:
        os.close(fd)
        raise


def open_pipe(path: str, mode: str, settings: Settings) -> Stream:
    """Open the pipe at *path*, which is made if it is not there; an unnamed one without.

    What is written to it is read from it, if both directions are opened.
    """
    if not path:
        source, sink = os.pipe2(os.O_CLOEXEC)
        return DescriptorStream(source, sink)
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o666 if settings.mode is None else settings.mode)
    # Open for both, a pipe has never to wait for its other end; fifo(7).
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    return DescriptorStream(fd if mode != "wb" else -1, fd if mode != "rb" else -1)


class UnlinkedStream(ShapedStream):
    """A stream over what is at *path*, which is removed when it is closed."""

    def __init__(self, inner: Stream, path: str) -> None:
        super().__init__(inner)
        self.path = path

    def remove(self) -> None:
        """Remove what is at the path, the first time."""
        path, self.path = self.path, ""
        if path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    async def close(self) -> None:
        self.remove()
        await self.inner.close()

    def abort(self) -> None:
        self.remove()
        self.inner.abort()


def set_modes(fd: int, modes: Sequence[tuple[str, int]]) -> None:
    """Set the modes of a terminal or a serial line."""
    import termios

    from fildes.cli.relaying.terminal_modes import changed

    termios.tcsetattr(fd, termios.TCSANOW, changed(termios.tcgetattr(fd), modes))


def flags_for(path: str, mode: str, settings: Settings) -> int:
    """Return the flags of open(2): those that were said, and the directions."""
    if not settings.generic:
        flags = settings.open_flags or 0
        access = flags & os.O_ACCMODE
        wanted = ACCESS[mode] if access == os.O_RDWR else access
        return flags & ~os.O_ACCMODE | wanted
    access = ACCESS[mode]
    if access == os.O_RDONLY:
        return access
    # A regular file goes on where it ends; what is not there is made.
    return access | os.O_CREAT | os.O_APPEND | (settings.open_flags or 0)


def try_open(path: str, flags: int, mode: int | None) -> int:
    """Return a descriptor for *path*, or -1 while it is a pipe that nobody reads."""
    try:
        return os.open(path, flags, 0o666 if mode is None else mode)
    except OSError as error:
        if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
    return -1


def is_socket(path: str) -> bool:
    """Tell whether there is a socket at *path*."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
