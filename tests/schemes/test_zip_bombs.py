"""zip: archives that are made to expand beyond all measure."""

from __future__ import annotations

import binascii
import io
import struct
import zipfile
import zlib

import pytest
from zips import archive, held, member

import fildes

KERNEL = bytes(100_000)


def local_header(name: bytes, data: bytes, size: int, checksum: int) -> bytes:
    fields = (20, 0, 8, 0, 0x21, checksum, len(data), size, len(name), 0)
    return struct.pack("<4s5H3I2H", b"PK\3\4", *fields) + name


def central_header(name: bytes, data: bytes, size: int, checksum: int, offset: int) -> bytes:
    fields = (20, 20, 0, 8, 0, 0x21, checksum, len(data), size, len(name), 0, 0, 0, 0, 0, offset)
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields) + name


def quoted(header: bytes) -> bytes:
    """Return *header* as a block of DEFLATE that is stored and not the last; RFC 1951."""
    return b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF) + header


def quoted_overlap(count: int) -> bytes:
    """Return Fifield's bomb: each member quotes the header of the next and shares its data."""
    packer = zlib.compressobj(9, wbits=-15)
    data, content, body = packer.compress(KERNEL) + packer.flush(), KERNEL, b""
    members: list[tuple[bytes, bytes, int, int, int]] = []  # the last one first
    for number in reversed(range(count)):
        if members:
            header = body[: len(body) - len(data)]
            data, content = quoted(header) + data, header + content
        name, size, checksum = b"%d" % number, len(content), binascii.crc32(content)
        body = local_header(name, data, size, checksum) + data
        members.append((name, data, size, checksum, len(body)))
    directory = b"".join(
        central_header(name, packed, size, checksum, len(body) - before_end)
        for name, packed, size, checksum, before_end in reversed(members)
    )
    sizes = len(directory), len(body)
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, *sizes, 0)


def test_quoted_overlap_is_refused() -> None:
    """Members that lie inside each other are how a few kilobytes become terabytes (A7)."""
    bomb = quoted_overlap(5)
    with zipfile.ZipFile(io.BytesIO(bomb)) as theirs:
        assert theirs.namelist() == ["0", "1", "2", "3", "4"]
        assert sum(each.file_size for each in theirs.infolist()) > 5 * len(KERNEL)
    for name in ("0", "1", "2", "3"):
        with pytest.raises(fildes.ProtocolError, match="overlaps"):
            member(bomb, name)


def test_members_of_the_bomb_are_sound() -> None:
    """The same bytes without the overlap are an archive like any other."""
    assert member(quoted_overlap(1), "0") == KERNEL


def test_archives_in_archives() -> None:
    """An archive in an archive is opened only by an address that says so, one layer at a time."""
    inner = archive({"bomb": KERNEL})
    for depth in range(3):
        inner = archive({f"{depth}.zip": inner}, zipfile.ZIP_STORED)
    address = "zip://bomb::zip://0.zip::zip://1.zip::zip://2.zip::"
    with held(inner) as place:
        assert [entry.name for entry in fildes.ls(f"zip::{place}")] == ["2.zip"]
        with fildes.open(f"zip://2.zip::{place}") as file:
            assert file.read(4) == b"PK\3\4"
        with fildes.open(f"{address}{place}") as file:
            assert file.read() == KERNEL
