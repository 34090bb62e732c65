"""zip: a member of a zip archive, by name; only what is needed is read."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.opening import registry
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream
    from fildes.wire.entries import Entry
    from fildes.wire.members import Format
    from fildes.wire.zip import Directory, Member

SCHEME = Scheme(
    name="zip",
    shape=Shape.PATH,
    summary="a member of a zip archive",
    mode="rb",
    carried_by="bytes",
    confined=True,
    options=(
        Option(
            "index",
            "integer",
            "which of several members of that name, from 0",
            confined=True,
            least=0,
        ),
    ),
    examples=(
        Example("zip://logo.png::./site.zip", "a member by its name"),
        Example("zip:docs/a.txt?index=1::./site.zip", "the second of two of the same name"),
    ),
)

#: Compression methods of APPNOTE.TXT section 4.4.5, by the scheme that reads such data.
SCHEMES = {12: "bzip2", 93: "zstd", 95: "xz"}
STORED, DEFLATED = 0, 8


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Find the member, and return its data once that begins as it should.

    Raises:
      FileNotFoundError, IsADirectoryError: there is no such file in the archive.
      OSError: ENOTUNIQ, there are several; EOPNOTSUPP, it cannot be read.
      ProtocolError: the archive is corrupt.
    """
    if not address.path:
        raise AddressError("zip needs the name of a member, as in zip://NAME::ADDRESS")
    index = opening.option(address, "index")
    inner = await open_archive(opening, address)
    try:
        with opening.step("decode", f"zip {address.path}") as step:
            directory, members = await read_members(inner)
            member = find(members, address.path, index)
            step.detail = f"zip {member.name!a}, {member.size} bytes, of {len(members)} members"
            format = format_of(member)
            check_offset(member, directory)
            inner.seek(member.offset, os.SEEK_SET)
            inner = await one_way(inner)
            await skip_header(inner, member, members, directory)
            return await decode(inner, member, format)
    except BaseException:
        inner.abort()
        raise


async def decode(inner: Stream, member: Member, format: Format | None) -> Stream:
    """Return the data of *member*, at which *inner* is, once that begins as it should."""
    from fildes.streams.decoding import DecodedStream
    from fildes.streams.section import Section
    from fildes.wire.zip_member import ZipMember

    stream = DecodedStream(Section(inner, member.compressed), ZipMember(member, format))
    await stream.begin(1)
    return stream


async def list_(opening: Opening, address: Address) -> list[Entry]:
    """Return what the archive holds, as its directory says."""
    from fildes.wire.entries import select

    inner = await open_archive(opening, address)
    try:
        with opening.step("decode", "zip"):
            _, members = await read_members(inner)
            return select([member.entry for member in members], address.path)
    finally:
        inner.abort()


async def open_archive(opening: Opening, address: Address) -> Stream:
    """Open what carries *address*; it must have positions."""
    assert address.inner is not None, "the parser requires what it is a member of"
    opening.positioned, opening.hint, opening.sequential = address.inner, "tail", False
    inner = await opening.open(address.inner)
    try:
        nested = address.inner.scheme in {"zip", "tar"}
        if nested and inner.seek(0, os.SEEK_CUR) is None:
            from fildes.opening.spooling import spooled

            with opening.step("decode", f"archive in {address.inner.scheme}"):
                inner = await spooled(inner)
        with opening.blame("decode"):
            check_positions(inner, address.inner)
    except BaseException:
        inner.abort()
        raise
    return inner


def check_positions(stream: Stream, address: Address) -> None:
    """Raise `OSError` unless *stream*, which *address* has opened, has positions."""
    if stream.seek(0, os.SEEK_CUR) is None:
        words = f"a zip archive is read from its end, and {address.scheme} comes only in order"
        raise OSError(errno.ESPIPE, f"{words}: save it first, with fildes get")


async def read_members(inner: Stream) -> tuple[Directory, list[Member]]:
    """Return where the directory of the archive lies, and what is in it."""
    from fildes.wire.zip import read_directory

    size = inner.seek(0, os.SEEK_END)
    assert size is not None, "it has positions"
    directory, tail = await find_end(inner, size)
    at = directory.start - (size - len(tail))
    if at >= 0:
        data = tail[at : at + directory.size]
    else:
        data = await read_at(inner, directory.start, directory.size)
    return directory, read_directory(data, directory)


async def find_end(inner: Stream, size: int) -> tuple[Directory, bytes]:
    """Return where the directory of a file of *size* bytes lies, and the end of the file."""
    from fildes.errors import ProtocolError
    from fildes.wire.zip import MAX_TAIL_SIZE, TAIL_SIZE, find_directory

    tail = await read_at(inner, max(0, size - TAIL_SIZE), min(size, TAIL_SIZE))
    try:
        return find_directory(tail, size), tail
    except ProtocolError:
        if size <= TAIL_SIZE:
            raise
    tail = await read_at(inner, max(0, size - MAX_TAIL_SIZE), min(size, MAX_TAIL_SIZE))
    return find_directory(tail, size), tail


async def read_at(inner: Stream, offset: int, size: int) -> bytes:
    """Return *size* bytes at *offset*."""
    inner.seek(offset, os.SEEK_SET)
    return await inner.recv_exactly(size)


def find(members: list[Member], name: str, index: int | None) -> Member:
    """Return the member called *name*, a file that can be read."""
    from fildes.wire.entries import missing, only
    from fildes.wire.zip import ENCRYPTED, PATCHED

    found = [member for member in members if member.name == name]
    if not found:
        raise missing(name, (member.name for member in members))
    member = only(found, name, index)
    if member.kind == "directory":
        raise IsADirectoryError(errno.EISDIR, f"{name!a} is a directory: fildes ls lists it")
    if member.kind == "link":
        raise OSError(errno.ELOOP, f"{name!a} is a symbolic link: open what it names")
    if member.flags & ENCRYPTED:
        raise OSError(errno.EOPNOTSUPP, f"{name!a} is encrypted, which fildes does not read")
    if member.flags & PATCHED:
        raise OSError(errno.EOPNOTSUPP, f"{name!a} is a patch, which fildes does not read")
    return member


def format_of(member: Member) -> Format | None:
    """Return how the data of *member* is compressed; None if it is not."""
    import zlib

    from fildes.wire.inflate import RAW, Inflate
    from fildes.wire.members import Format

    if member.method == STORED:
        return None
    if member.method == DEFLATED:
        return Format("deflate", (b"",), lambda: Inflate(RAW), (zlib.error,), single=True)
    if member.method in SCHEMES:
        format: Format = registry.find_module(SCHEMES[member.method]).codec().format
        return format
    message = f"{member.name!a} is compressed by method {member.method}, which fildes does not read"
    raise OSError(errno.EOPNOTSUPP, message)


def check_offset(member: Member, directory: Directory) -> None:
    """Raise unless the local header of *member* is before the *directory*."""
    from fildes.errors import ProtocolError
    from fildes.wire.zip import LOCAL_SIZE

    if not 0 <= member.offset <= directory.start - LOCAL_SIZE - len(member.raw_name):
        raise ProtocolError(f"the zip directory places {member.name!a} outside the archive")


async def skip_header(
    inner: Stream, member: Member, members: list[Member], directory: Directory
) -> None:
    """Move to the data of *member*, and check that it is where it should be."""
    from fildes.wire.zip import LOCAL_SIZE, check_local, check_room

    header = await inner.recv_exactly(LOCAL_SIZE + len(member.raw_name))
    begin = check_local(header, member)
    check_room(member, member.offset + begin, members, directory)
    await inner.recv_exactly(begin - len(header))


async def one_way(inner: Stream) -> Stream:
    """Return *inner*, from its position on, as a stream that can be tried."""
    sequential = getattr(inner, "sequential", None)  # of a document read at random
    return inner if sequential is None else await sequential()
