"""Opening files the way open(2) does, with flags; for addresses that socat spells."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from fildes.opening.named_pipes import open_now, open_with_reader, wait_for_writer
from fildes.schemes.fd import directions
from fildes.streams.kernel import DescriptorStream
from fildes.streams.shaped import ShapedStream
from fildes.streams.unwritten import UnwrittenStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.cli.relaying.side import Settings
    from fildes.streams.stream import Stream

ACCESS = {"rb": os.O_RDONLY, "wb": os.O_WRONLY, "r+b": os.O_RDWR}


async def open_place(path: str, mode: str, settings: Settings) -> Stream:
    """Open what is at *path* as it is; a document is written in its place.

    Args:
      mode: the directions that are wanted, of those that the settings allow.
    """
    flags = flags_for(path, mode, settings)
    created = 0o666 if settings.mode is None else settings.mode
    nonblock = bool(flags & os.O_NONBLOCK)
    if nonblock:
        fd = open_now(path, flags, created)
    else:
        fd = await open_with_reader(path, flags, created)
    try:
        kind = os.fstat(fd).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        unwritten = stat.S_ISFIFO(kind) and flags & os.O_ACCMODE == os.O_RDONLY
        if unwritten and not nonblock:
            await wait_for_writer(fd)
        os.set_blocking(fd, True)
        settings.owner.give(fd)
        if settings.seek is not None:
            os.lseek(fd, settings.seek, os.SEEK_SET)
        if settings.seek_end is not None:
            os.lseek(fd, settings.seek_end, os.SEEK_END)
        if settings.terminal and os.isatty(fd):
            set_modes(fd, settings.terminal)
        source, sink = directions(fd)
        return (UnwrittenStream if unwritten else DescriptorStream)(source, sink)
    except BaseException:
        os.close(fd)
        raise


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
    flags = ACCESS[mode] | (settings.open_flags or 0)
    if mode == "rb":
        return flags
    # A regular file goes on where it ends; what is not there is made.
    return flags | os.O_CREAT | os.O_APPEND


def is_socket(path: str) -> bool:
    """Tell whether there is a socket at *path*."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
