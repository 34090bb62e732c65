"""The directory of a zip archive, read strictly.

APPNOTE.TXT, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, has the
format. The directory lies at the end, so that bytes before the archive do not matter
(a program that extracts itself). What two readers could understand differently is an
error: two ends, a directory that is not where its end says, members that overlap, a
local header that contradicts the directory.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.entries import Entry, Kind

_END = struct.Struct("<4s4H2LH")  # section 4.3.16
_END_MARK = b"PK\5\6"
_END64 = struct.Struct("<4sQ2H2L4Q")  # section 4.3.14
_LOCATOR = struct.Struct("<4sLQL")  # section 4.3.15
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")  # section 4.3.12
_LOCAL = struct.Struct("<4s2B4HL2L2H")  # section 4.3.7
LOCAL_SIZE = _LOCAL.size

#: All that can stand behind the directory: its ends, and a comment of 64 KiB.
MAX_TAIL_SIZE = _END64.size + _LOCATOR.size + _END.size + 0xFFFF

#: Looked at first; what a document on a web server brings when its end is asked for.
TAIL_SIZE = 1 << 16

#: Largest directory that is read into memory; half a million members need about as much.
MAX_DIRECTORY = 1 << 26  # arbitrary

ENCRYPTED = 1 | 1 << 6 | 1 << 13  #: flags of section 4.4.4: encrypted, strongly, directory too
PATCHED = 1 << 5  #: flag: the data is what changes another file
UTF8 = 1 << 11  #: flag: the name is UTF-8
_UNIX = 3  # section 4.4.2.2: attributes are those of stat(2)


class Directory(NamedTuple):
    """Where the directory of an archive lies.

    Attributes:
      start: offset in the file.
      members: how many it says to have.
      shift: bytes before the archive, from whose beginning offsets are counted.
    """

    start: int
    size: int
    members: int
    shift: int


class Member(NamedTuple):
    """What the directory says of one member; *offset* is that of its local header."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    mtime: float | None
    kind: Kind

    @property
    def entry(self) -> Entry:
        return Entry(self.name, self.size, self.compressed, self.mtime, self.kind)


def find_directory(tail: bytes, size: int) -> Directory:
    """Return where the directory of a file of *size* bytes lies, given its *tail*.

    Raises:
      IncompleteError: the file does not end as an archive does.
      ProtocolError: it ends as two do, or as one that cannot be.
    """
    found = []
    at = len(tail)
    while (at := tail.rfind(_END_MARK, 0, at + len(_END_MARK) - 1)) >= 0:
        if len(tail) - at >= _END.size and _comment_ends(tail, at):
            directory = _read_end(tail, at, size)
            if 0 <= directory.shift <= directory.start:
                found.append(directory)
    if not found:
        raise IncompleteError("no zip archive, or it was cut short: it has no end of directory")
    if len(found) > 1:
        raise ProtocolError("the zip archive has two ends: its comment looks like another one")
    if found[0].size > MAX_DIRECTORY:
        raise ProtocolError(f"the zip directory has {found[0].size} bytes; too much to be read")
    return found[0]


def _comment_ends(tail: bytes, at: int) -> bool:
    """Return whether the comment of the end record *at* ends with the file."""
    length: int = _END.unpack_from(tail, at)[-1]
    return at + _END.size + length == len(tail)


def _read_end(tail: bytes, at: int, size: int) -> Directory:
    _, disk, first_disk, here, count, length, offset, _ = _END.unpack_from(tail, at)
    start_of_tail = size - len(tail)
    if tail[max(0, at - _LOCATOR.size) :].startswith(b"PK\6\7"):
        at -= _LOCATOR.size + _END64.size
        if at < 0 or not tail.startswith(b"PK\6\6", at):
            raise ProtocolError("the zip64 end of directory is not where it should be")
        disk, first_disk, here, count, length, offset = _END64.unpack_from(tail, at)[4:]
    if disk or first_disk or here != count:
        raise ProtocolError("the zip archive is one of several volumes")
    start = start_of_tail + at - length
    return Directory(start, length, count, start - offset)


def read_directory(data: bytes, directory: Directory) -> list[Member]:
    """Return the members that the *data* of the *directory* names, in its order.

    Raises:
      ProtocolError: it is corrupt.
    """
    try:
        members = list(_members(memoryview(data), directory))
    except (struct.error, ValueError) as error:
        raise ProtocolError(f"the zip directory is corrupt: {error}") from error
    # The count has 16 bits, which writers that know no zip64 let wrap around.
    if (len(members) - directory.members) & 0xFFFF:
        raise ProtocolError(f"the zip directory has {len(members)} of {directory.members} members")
    return members


def _members(data: memoryview, directory: Directory) -> Iterator[Member]:
    at = 0
    while at < len(data):
        mark, _, system, _, _, flags, method, clock, day, crc, *rest = _CENTRAL.unpack_from(
            data, at
        )
        compressed, size, name_size, extra_size, comment_size, *rest = rest
        _, _, attributes, offset = rest
        if mark != b"PK\1\2":
            raise ValueError(f"no member at its offset {at}")
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if at > len(data):
            raise ValueError("its last member is cut short")
        raw_name = bytes(data[name_at:extra_at])
        extra = _extra_fields(bytes(data[extra_at : extra_at + extra_size]))
        size, compressed, offset = _in_64_bits(extra.get(1, b""), size, compressed, offset)
        name = _decode(raw_name, flags)
        yield Member(
            name, raw_name, flags, method, crc, compressed, size, offset + directory.shift,
            _mtime(extra.get(0x5455, b""), day, clock), _kind(name, system, attributes),
        )  # fmt: skip


def _decode(raw_name: bytes, flags: int) -> str:
    """Return a name as text; section 4.4.4, bit 11, and appendix D."""
    if flags & UTF8 or raw_name.isascii():
        return raw_name.decode("utf-8", "surrogateescape")
    return raw_name.decode("cp437")


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields by number; section 4.5. What is no field is left alone."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, size = struct.unpack_from("<2H", extra, at)
        fields.setdefault(number, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _in_64_bits(extra: bytes, *values: int) -> list[int]:
    """Return *values*, those that do not fit 32 bits from *extra*; section 4.5.3."""
    words = iter(struct.unpack(f"<{len(extra) // 8}Q", extra[: len(extra) // 8 * 8]))
    wide = [next(words, -1) if value == 0xFFFFFFFF else value for value in values]
    if -1 in wide:
        raise ValueError("a size of more than 32 bits is missing")
    return wide


def _mtime(extended: bytes, day: int, clock: int) -> float | None:
    """Return when a member was modified: in UTC if that is told, else in local time."""
    if len(extended) >= 5 and extended[0] & 1:  # the Info-ZIP field 0x5455
        return float(struct.unpack_from("<l", extended, 1)[0])
    year, month, date = (day >> 9) + 1980, day >> 5 & 15, day & 31
    moment = (year, month, date, clock >> 11, clock >> 5 & 63, (clock & 31) * 2, 0, 0, -1)
    try:
        return time.mktime(moment) if month and date else None
    except (OverflowError, ValueError):
        return None


def _kind(name: str, system: int, attributes: int) -> Kind:
    if name.endswith("/"):
        return "directory"
    file_type = attributes >> 28 if system == _UNIX else 0  # S_IFMT of stat(2), shifted
    return {0o12: "link", 0o10: "file", 0: "file"}.get(file_type, "other")  # type: ignore[return-value]  # of Kind


def check_local(header: bytes, member: Member) -> int:
    """Return how far behind its local *header* the data of *member* begins.

    Raises:
      ProtocolError: the header is none, or is not that of the member.
    """
    mark, _, _, flags, method, _, _, _, _, _, name_size, extra_size = _LOCAL.unpack_from(header)
    if mark != b"PK\3\4" or header[_LOCAL.size :] != member.raw_name:
        raise ProtocolError(f"the local header of {member.name!a} is not where the directory says")
    if (method, name_size) != (member.method, len(member.raw_name)):
        raise ProtocolError(f"the local header of {member.name!a} contradicts the directory")
    if (flags ^ member.flags) & (ENCRYPTED | PATCHED):
        raise ProtocolError(f"the local header of {member.name!a} contradicts the directory")
    return _LOCAL.size + int(name_size) + int(extra_size)


def check_room(member: Member, begin: int, members: list[Member], directory: Directory) -> None:
    """Check that the data of *member*, which begins at *begin*, is its own.

    Raises:
      ProtocolError: it reaches into another member or into the directory.
    """
    offsets = [each.offset for each in members]
    following = [offset for offset in offsets if offset > member.offset]
    shared = offsets.count(member.offset) > 1
    if shared or begin + member.compressed > min([*following, directory.start]):
        raise ProtocolError(f"the data of {member.name!a} overlaps with what follows it")
