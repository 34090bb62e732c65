"""tar: a member of a tar archive, by name, while the archive comes by."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream
    from fildes.wire.entries import Entry
    from fildes.wire.tar_header import Header

SCHEME = Scheme(
    name="tar",
    shape=Shape.PATH,
    summary="a member of a tar archive",
    mode="rb",
    carried_by="bytes",
    confined=True,
    options=(
        Option(
            "index", "integer", "which of several of that name, from 0", 0, confined=True, least=0
        ),
    ),
    examples=(
        Example("tar://etc/motd::./backup.tar", "a member by its name"),
        Example("tar://a/b::gzip::https://example.com/x.tar.gz", "out of a compressed archive"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the member; what follows it in the archive is not read.

    Raises:
      FileNotFoundError, IsADirectoryError: there is no such file in the archive.
      OSError: ELOOP, it is a link; EOPNOTSUPP, its data is not the file's.
      IncompleteError: the archive was cut short before the member was complete.
      ProtocolError: a header is corrupt.
    """
    if not address.path:
        raise AddressError("tar needs the name of a member, as in tar://NAME::ADDRESS")
    assert address.inner is not None, "the parser requires what it is a member of"
    index = opening.option(address, "index")
    inner = await opening.open(address.inner)
    try:
        with opening.step("decode", f"tar {address.path}") as step:
            stream, header = await find(inner, address.path, index)
            step.detail = f"tar {header.name!a}, {header.size} bytes"
    except BaseException:
        inner.abort()
        raise
    return stream


async def find(inner: Stream, path: str, index: int) -> tuple[Stream, Header]:
    """Return the data of the member at *path* once that has begun, and its header."""
    from fildes.streams.decoding import DecodedStream
    from fildes.wire.entries import missing
    from fildes.wire.tar import TarReader
    from fildes.wire.tar_header import plain

    seen: list[str] = []
    name = plain(path).rstrip("/")
    reader = TarReader(picker(name, index, seen))
    stream = DecodedStream(inner, reader)
    await stream.begin(1)
    if reader.member is None:
        raise missing(name, seen)
    check_readable(reader.member)
    return stream, reader.member


def picker(name: str, index: int, seen: list[str]) -> Callable[[Header], bool]:
    """Return what picks the member number *index* of that *name*, noting what goes by."""
    from fildes.wire.entries import MAX_COMPARED
    from fildes.wire.tar_header import plain

    found = 0

    def choose(header: Header) -> bool:
        nonlocal found
        this = plain(header.name).rstrip("/")
        if len(seen) < MAX_COMPARED:
            seen.append(this)
        found += this == name
        return this == name and found == index + 1

    return choose


def check_readable(header: Header) -> None:
    """Raise unless the data of the member is that of a file."""
    name, target = f"{header.name!a}", f"{header.target!a}"
    if header.kind == "directory":
        raise IsADirectoryError(errno.EISDIR, f"{name} is a directory: fildes ls lists it")
    if header.kind == "link":
        raise OSError(errno.ELOOP, f"{name} is a link to {target}: open that instead")
    if header.kind == "other":
        raise OSError(errno.EOPNOTSUPP, f"{name} is a device or a pipe, and has no data")
    if header.unreadable:
        raise OSError(errno.EOPNOTSUPP, f"{name} {header.unreadable}")


async def list_(opening: Opening, address: Address) -> list[Entry]:
    """Return what the archive holds; all of it is read."""
    from fildes.streams.decoding import DecodedStream
    from fildes.wire.entries import select
    from fildes.wire.tar import TarReader
    from fildes.wire.tar_header import plain

    entries: list[Entry] = []

    def note(header: Header) -> bool:
        entries.append(header.entry)
        return False

    assert address.inner is not None, "the parser requires what it is a member of"
    inner = await opening.open(address.inner)
    try:
        with opening.step("decode", "tar"):
            await DecodedStream(inner, TarReader(note)).begin(1)
    finally:
        inner.abort()
    return select(entries, plain(address.path) if address.path else "")
