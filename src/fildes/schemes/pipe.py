"""pipe: a named pipe, or one without a name that gives back what it is given; fifo(7)."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.opening.modes import permissions
from fildes.opening.named_pipes import QUIET, open_now, open_with_reader, wait_for_writer
from fildes.opening.owners import NOBODY_ELSE, OWNER, Owner, owner_of
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.kernel import DescriptorStream
from fildes.streams.unwritten import UnwrittenStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="pipe",
    shape=Shape.PATH,
    summary="a named pipe of this machine",
    options=(
        Option("create", "flag", "make the pipe if there is none", False),
        Option("nonblock", "flag", "wait for no other end; ENXIO, nobody reads it", False),
        Option("mode", "text", "who may open a pipe that is made, in octal", "600"),
        *OWNER,
    ),
    examples=(
        Example("pipe:///run/ours/events?create=on", "made if it is not there, and kept"),
        Example("pipe:", "without a name: what is written is read again"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Open the pipe at the path, for both directions by itself.

    To read it waits for a writer, and to write for a reader; the end of file is when the
    last writer has closed. Opened for both directions, nobody else is waited for, and
    half-close gives up our own writing. With ``nonblock`` it is open at once: what is read
    waits for the first writer, and what is to be written needs a reader.
    """
    path, mode = address.path, permissions(opening.option(address, "mode"))
    owner = owner_of(opening, address)
    if not path:
        if opening.option(address, "create"):
            raise AddressError("option create of pipe is for one with a path")
        with opening.step("connect", "a pipe without a name"):
            return stream_over(*os.pipe2(os.O_CLOEXEC))
    with opening.step("connect", path):
        if opening.option(address, "create"):
            create(path, mode, owner)
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, f"no pipe: open it as file:{path}")
        if opening.option(address, "nonblock") and opening.mode != "r+b":
            return now(path, opening.mode, owner)
        return stream_over(*await ends(path, opening.mode), owner)


def now(path: str, mode: str, owner: Owner) -> Stream:
    """Return the stream over one end, whoever has the other one; see `UnwrittenStream`."""
    if mode == "wb":
        return stream_over(-1, open_now(path, os.O_WRONLY), owner)
    return stream_over(open_now(path, os.O_RDONLY), -1, owner, UnwrittenStream)


def stream_over(
    source: int,
    sink: int,
    owner: Owner = NOBODY_ELSE,
    kind: type[DescriptorStream] = DescriptorStream,
) -> Stream:
    """Return the stream over one descriptor to read and one to write, -1 for none.

    They are closed if there can be none.
    """
    held = {source, sink} - {-1}
    try:
        for fd in held:
            owner.give(fd)  # of one that was there, too
            os.set_blocking(fd, True)
        return kind(source, sink)
    except BaseException:
        for fd in held:
            os.close(fd)
        raise


def create(path: str, mode: int, owner: Owner) -> None:
    """Make a pipe at *path* unless there is something already."""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0)  # for nobody, until it is its owner's
        try:
            owner.give(path)
            os.chmod(path, mode)
        except BaseException:
            os.unlink(path)
            raise


async def ends(path: str, mode: str) -> tuple[int, int]:
    """Return the descriptors to read and to write that *mode* asks for, -1 for none."""
    if mode == "wb":
        return -1, await open_with_reader(path, os.O_WRONLY)
    if mode == "rb":
        return await reading_end(path), -1
    return both_ends(path)


async def reading_end(path: str) -> int:
    """Return a descriptor to read, once there is something to wait for."""
    fd = os.open(path, os.O_RDONLY | QUIET)
    try:
        await wait_for_writer(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def both_ends(path: str) -> tuple[int, int]:
    """Return one descriptor to read and one to write; open together, neither waits."""
    first = os.open(path, os.O_RDONLY | QUIET)
    try:
        return first, os.open(path, os.O_WRONLY | QUIET)
    except BaseException:
        os.close(first)
        raise
