"""zip: members by name, and every way in which an archive can be wrong."""

from __future__ import annotations

import errno
import gzip
import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from loops import LOOPS, RunLoop
from pictures import dot
from programs import need
from ways import WAYS, Way
from zips import MEMBERS, NOISE, archive, held, member

import fildes
from fildes import aio


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2], ids=str
)
@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_what_zipfile_reads(method: int, name: str) -> None:
    """A member by its name, which is only a name, is what the standard library reads."""
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    assert member(archive(method=method), escaped) == MEMBERS[name]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_read(way: Way) -> None:
    """A member is read like any other document."""
    got = bytearray()
    with held(archive()) as place, fildes.open(f"zip:noise::{place}") as file:
        way(file, got)
    assert got == NOISE


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(loop: RunLoop) -> None:
    """The asynchronous face reads and lists the same."""

    async def read(place: str) -> bytes:
        async with aio.open(f"zip:noise::{place}") as file:
            got: bytes = await file.read()
        return got

    with held(archive()) as place:
        assert loop(read(place)) == NOISE
        assert loop(aio.ls(f"zip::{place}")) == fildes.ls(f"zip::{place}")


def test_picture_in_an_archive() -> None:
    """Layers stand on a member as on anything else."""
    content = archive({"page.html": b"<html>" + dot()})
    with held(content) as place, fildes.open(f"png::zip:page.html::{place}") as file:
        assert file.read() == dot()


def test_archive_of_a_program(tmp_path: Path) -> None:
    """What zip(1) writes is read, from a pipe too: with descriptors of data behind."""
    (tmp_path / "x").write_bytes(NOISE)
    done = subprocess.run([need("zip"), "-", "x"], cwd=tmp_path, capture_output=True, check=True)
    assert member(done.stdout, "x") == NOISE


@pytest.mark.slow
def test_zip64() -> None:
    """Sizes and offsets of 64 bits are read where they are."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w") as writer,
        writer.open(zipfile.ZipInfo("big"), "w", force_zip64=True) as file,
    ):
        file.write(NOISE)
    assert member(buffer.getvalue(), "big") == NOISE
    many = archive({f"{number}": b"x" for number in range(66000)}, zipfile.ZIP_STORED)
    assert many.count(b"PK\6\6") == 1
    assert member(many, "65999") == b"x"


@pytest.mark.parametrize("prefix", [b"#!/bin/sh\n", archive({"other": b"x"})])
def test_what_stands_before_the_archive(prefix: bytes) -> None:
    """A program that extracts itself, or another archive, may stand before."""
    assert member(prefix + archive()) == MEMBERS["a/b.txt"]


def test_missing_member_is_named() -> None:
    """A name that is not there is ENOENT, and close names are told."""
    with pytest.raises(FileNotFoundError, match=r"did you mean 'a/b\.txt'"):
        member(archive(), "a/b.text")
    with pytest.raises(FileNotFoundError, match="among 6 members"):
        member(archive(), "zzz")


@pytest.mark.parametrize(
    "content", [archive(), archive({"a/": b""}), archive({"a/": b"", "a/x": b""})]
)
@pytest.mark.parametrize("name", ["a", "a/"])
def test_directory_is_no_file(content: bytes, name: str) -> None:
    """A directory, in the archive or only implied, is EISDIR."""
    with pytest.raises(IsADirectoryError, match="fildes ls"):
        member(content, name)


def test_member_must_be_named() -> None:
    """Without the name of a member there is nothing to open."""
    with pytest.raises(fildes.AddressError, match="zip://NAME"):
        fildes.open("zip::./x.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names() -> None:
    """Of several members of one name somebody has to choose."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as writer:
        for content in (b"first", b"second"):
            writer.writestr("x", content)
    with pytest.raises(OSError, match="index=0 to 1") as caught:
        member(buffer.getvalue(), "x")
    assert caught.value.errno == errno.ENOTUNIQ
    assert member(buffer.getvalue(), "x", "?index=0") == b"first"
    assert member(buffer.getvalue(), "x", "?index=1") == b"second"
    with pytest.raises(FileNotFoundError):
        member(buffer.getvalue(), "x", "?index=2")


def test_carrier_without_positions() -> None:
    """An archive that comes only in order is refused, with what to do."""
    with (
        held(gzip.compress(archive())) as place,
        pytest.raises(OSError, match="fildes get") as caught,
    ):
        fildes.open(f"zip:noise::gzip::{place}")
    assert caught.value.errno == errno.ESPIPE
