"""file: a file of this machine.

A document is written beside its place and put there by `close`, in one step: until
then the old one is whole, and if `close` is never reached nothing has happened. A
pipe or device is no document; it is opened as it is, and is a stream.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from fildes.opening.named_pipes import open_with_reader, wait_for_writer
from fildes.scheme import Example, Scheme, Shape
from fildes.streams.kernel import DescriptorStream
from fildes.streams.replacing import Replacement
from fildes.waiting import call_blocking

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream
    from fildes.wire.entries import Entry, Kind

SCHEME = Scheme(
    name="file",
    shape=Shape.PATH,
    summary="a file of this machine",
    mode="rb",
    modes=("rb", "wb", "xb", "ab", "r+b"),
    examples=(
        Example("./notes.txt", "a plain path is a file"),
        Example("file:///etc/motd", "the same with its scheme"),
    ),
)

FLAGS = {
    "rb": os.O_RDONLY,
    "wb": os.O_WRONLY,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "r+b": os.O_RDWR,
}


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Open the file at the path."""
    path, mode = address.path, opening.mode
    with opening.step("connect", path):
        if mode == "xb" or (mode == "wb" and is_document(path)):
            return Replacement.begin(path, exclusive=mode == "xb")
        return await open_in_place(path, mode)


def is_document(path: str) -> bool:
    """Tell whether *path* is a regular file, or not there yet."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


async def open_in_place(path: str, mode: str) -> Stream:
    """Open what is at *path*, waiting for the other end of a pipe."""
    fd = await open_with_reader(path, FLAGS[mode])
    try:
        kind = os.fstat(fd).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISFIFO(kind) and mode == "rb":
            await wait_for_writer(fd)
        os.set_blocking(fd, True)
        source = -1 if mode in ("wb", "ab") else fd
        return DescriptorStream(source, -1 if mode == "rb" else fd)
    except BaseException:
        os.close(fd)
        raise


async def list_(opening: Opening, address: Address) -> list[Entry]:
    """Return what is in the directory at the path, or what matches it as a pattern."""
    with opening.step("connect", address.path):
        return await call_blocking(lambda: entries_at(address.path))


def entries_at(path: str) -> list[Entry]:
    """Return what is at *path*, names sorted; of a directory, what is in it."""
    import glob

    if os.path.isdir(path):
        with os.scandir(path) as found:
            return sorted(entry_of(each.name, each.stat(follow_symlinks=False)) for each in found)
    names = [path] if os.path.lexists(path) else sorted(glob.glob(path, recursive=True))
    if not names:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return [entry_of(name, os.lstat(name)) for name in names]


def entry_of(name: str, status: os.stat_result) -> Entry:
    """Return what stat(2) tells of a file."""
    from fildes.wire.entries import Entry

    kinds: dict[int, Kind] = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "directory",
        stat.S_IFLNK: "link",
    }
    kind = kinds.get(stat.S_IFMT(status.st_mode), "other")
    return Entry(name, status.st_size, status.st_size, status.st_mtime, kind)
