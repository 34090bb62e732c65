"""The headers of a tar archive: POSIX ustar and pax, and what GNU tar adds.

POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar
manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fildes.errors import ProtocolError
from fildes.wire.entries import Entry, Kind

BLOCK_SIZE = 512

_CHECKSUM = slice(148, 156)
#: A NUL before digits would be the end of the number to some readers.
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
#: The pax records that say something of the data; others are not kept.
_KEYS = {"path", "linkpath", "size", "mtime"}
_SPARSE_KEY = "GNU.sparse."

_SIZE = re.compile("[0-9]{1,20}")
_SECONDS = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{0,20})?")
_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ")

#: Kinds by type flag; what is not listed is a file, as POSIX has it.
KINDS: dict[bytes, Kind] = {
    b"1": "link", b"2": "link", b"3": "other", b"4": "other", b"5": "directory", b"6": "other",
    b"D": "directory",
}  # fmt: skip
#: Before POSIX, directories were files too, with a slash behind their names.
OLD_FILES = (b"0", b"\0")
_WITHOUT_DATA = b"123456"  # whatever their size field says; so does GNU tar
_SPARSE, _VOLUMES = b"S", b"MV"


class Header(NamedTuple):
    """What the header block of one member says."""

    name: str
    size: int  #: of its data in the archive
    mtime: float
    type: bytes
    target: str  #: of a link
    unreadable: str = ""  #: why its data is not the file's, if so

    @property
    def kind(self) -> Kind:
        if self.type in OLD_FILES and self.name.endswith("/"):
            return "directory"
        return KINDS.get(self.type, "file")

    @property
    def entry(self) -> Entry:
        return Entry(plain(self.name), self.size, self.size, self.mtime, self.kind)


def plain(name: str) -> str:
    """Return *name* as it is asked for: tar(1) often puts "./" before it."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name or "."


def read_header(block: bytes) -> Header:
    """Return what *block* says.

    Raises:
      ProtocolError: its checksum is wrong, or a number is none.
    """
    summed = bytearray(block)
    summed[_CHECKSUM] = b" " * 8
    signed = sum(byte - (byte > 127) * 256 for byte in summed)  # some old writers
    told = _OCTAL.fullmatch(block[_CHECKSUM])
    if told is None or int(told[1] or b"0", 8) not in (sum(summed), signed):
        raise ProtocolError("the checksum of a tar header is wrong: damaged, or no tar archive")
    type_ = block[156:157]
    name = text(block[:100])
    prefix = text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return Header(
        f"{prefix}/{name}" if prefix else name,
        0 if type_ in _WITHOUT_DATA else number(block[124:136]),
        number(block[136:148]),
        type_,
        text(block[157:257]),
        why_unreadable(type_),
    )


def why_unreadable(type_: bytes) -> str:
    """Return why the data of a member of that type is not the file's; empty if it is."""
    if type_ == _SPARSE:
        return "is a sparse file, which fildes does not read"
    return "continues in another volume" if type_ in _VOLUMES else ""


def text(field: bytes) -> str:
    """Return a field up to its NUL."""
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def number(field: bytes) -> int:
    """Return a number: octal digits, or GNU's base 256."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return int.from_bytes(field, "big", signed=True)
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise ProtocolError(f"a tar header has no number where one belongs: {field!r}")
    return int(match[1] or b"0", 8)


def read_records(data: bytes) -> dict[str, str]:
    """Return the records of a pax extended header.

    Raises:
      ProtocolError: one has not the length that it says.
    """
    records: dict[str, str] = {}
    at = 0
    while at < len(data):
        match = _RECORD.match(data, at)
        end = at + int(match[1]) if match else 0
        key, equals, value = data[match.end() : end - 1].partition(b"=") if match else (b"",) * 3
        if not equals or end > len(data) or data[end - 1 : end] != b"\n":
            raise ProtocolError("a pax header is corrupt")
        name = text(key)
        if name in _KEYS or name.startswith(_SPARSE_KEY):
            # One key stands for all that GNU tar has for sparse files.
            records[name if name in _KEYS else _SPARSE_KEY] = value.decode(
                "utf-8", "surrogateescape"
            )
        at = end
    return records


def with_records(header: Header, records: dict[str, str]) -> Header:
    """Return *header* with what pax *records* say better.

    Raises:
      ProtocolError: a number is none; or it is a directory from before POSIX that has data,
        which some readers skip and others do not.
    """
    size, mtime = records.get("size", str(header.size)), records.get("mtime", str(header.mtime))
    if not (_SIZE.fullmatch(size) and _SECONDS.fullmatch(mtime)):
        raise ProtocolError(f"a tar member has no size or time: {size!a:.40}, {mtime!a:.40}")
    has_data = header.type not in _WITHOUT_DATA
    header = header._replace(size=int(size) if has_data else 0, mtime=float(mtime))
    header = header._replace(
        name=records.get("path", header.name),
        target=records.get("linkpath", header.target),
        unreadable=why_unreadable(_SPARSE) if _SPARSE_KEY in records else header.unreadable,
    )
    if header.size and header.kind == "directory" and header.type in OLD_FILES:
        raise ProtocolError(f"a tar directory has data: {header.name!a:.40}")
    return header
