"""data: a document in its address, which is a file like any other."""

from __future__ import annotations

import mmap
import os
import subprocess

import pytest
from ways import WAYS, Way

import fildes


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("data:,one%0Atwo", b"one\ntwo"),
        ("data:;base64,b25lCnR3bw==", b"one\ntwo"),
        ("data:,", b""),
        ("data:text/plain;charset=utf-8,%C3%A9", "é".encode()),
    ],
)
def test_document_is_read(text: str, content: bytes, way: Way) -> None:
    """The bytes that the address stands for come in every way of reading."""
    got = bytearray()
    with fildes.open(text) as file:
        way(file, got)
    assert got == content


def test_seeking() -> None:
    """Any part can be read at any time."""
    with fildes.open("data:,0123456789") as file:
        assert file.seekable()
        assert (file.seek(4), file.read(2), file.tell()) == (4, b"45", 6)
        assert (file.seek(-1, os.SEEK_END), file.read()) == (9, b"9")
        assert (file.seek(0), file.read(3)) == (0, b"012")


def test_text() -> None:
    """It is read as text, too."""
    with fildes.open("data:,caf%C3%A9%0A", "rt", encoding="utf-8") as file:
        assert file.readlines() == ["café\n"]


def test_descriptor_is_a_file() -> None:
    """The descriptor can be mapped and read anywhere, and has the document's size."""
    with fildes.open("data:,0123456789") as file:
        assert os.fstat(file.fileno()).st_size == 10
        assert os.pread(file.fileno(), 3, 5) == b"567"
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert mapped[2:4] == b"23"


def test_nobody_can_change_it() -> None:
    """Whoever gets the descriptor cannot write to it."""
    with fildes.open("data:,0123") as file, pytest.raises(PermissionError):
        os.write(file.fileno(), b"x")


def test_programs_read_it() -> None:
    """A program reads it from its beginning."""
    with fildes.open("data:,hello") as file:
        done = subprocess.run(["cat"], stdin=file, capture_output=True, check=True)
    assert done.stdout == b"hello"


@pytest.mark.parametrize("text", ["data:", "data:x", "data:;base64,x", "data:,%zz", "data:,a b"])
def test_malformed_address(text: str) -> None:
    """What RFC 2397 does not allow is no address."""
    with pytest.raises(fildes.AddressError):
        fildes.open(text)


def test_it_is_not_written() -> None:
    """It is a document: opening it to write is refused."""
    with pytest.raises(OSError):
        fildes.open("data:,x", "wb")
