"""Files that were cut: opened by their address they never end cleanly (A9, A10)."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compressed import Library, every_format, every_format_of_members
from ways import iterate
from zips import archive

import fildes

TEXT = b"some text, and some more of it\n" * 3


def tar(content: bytes = TEXT) -> bytes:
    """Return a tar archive with two members, the last one called last."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for name in ("first", "last"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pieces(content: bytes, place: Path, step: int = 1) -> Iterator[int]:
    """Let *place* hold each beginning of *content*; yield its size."""
    place.write_bytes(content)
    for size in range((len(content) - 1) // step * step, -1, -step):
        os.truncate(place, size)
        yield size


@every_format
def test_truncated_at_every_byte(library: Library, tmp_path: Path) -> None:
    """Wherever compressed data is cut, reading it is an error, and what came is right (A10)."""
    place = tmp_path / "x"
    for _ in pieces(library.compress(TEXT), place):
        got = bytearray()
        with pytest.raises(OSError), fildes.open(f"{library.name}::{place}") as file:
            iterate(file, got)
        assert TEXT.startswith(got)


@every_format_of_members
def test_members_truncated_at_every_byte(library: Library, tmp_path: Path) -> None:
    """Of several members, only between two of them could a cut go unnoticed."""
    member, place = library.compress(TEXT), tmp_path / "x"
    for size in pieces(member * 2, place):
        if size == len(member):
            continue  # it is a whole file
        with pytest.raises(OSError), fildes.open(f"{library.name}::{place}") as file:
            file.read()


@pytest.mark.slow
@every_format
def test_truncated_descriptor(library: Library, tmp_path: Path) -> None:
    """A program that reads the descriptor of cut data fails too."""
    place = tmp_path / "x"
    content = library.compress(TEXT)
    for _ in pieces(content, place, len(content) // 4):
        try:
            with fildes.open(f"{library.name}::{place}") as file:
                done = subprocess.run(["cat"], stdin=file, capture_output=True, check=False)
                assert done.returncode != 0
                assert TEXT.startswith(done.stdout)
                file.abort()
        except OSError:  # found out by open
            continue


def read_member(address: str) -> bytes:
    with fildes.open(address) as file:
        return file.read()


def list_all(address: str) -> list[str]:
    return [entry.name for entry in fildes.ls(address)]


@pytest.mark.parametrize("look", [lambda at: read_member(f"tar://last::{at}"),
                                  lambda at: list_all(f"tar::{at}")])  # fmt: skip
def test_tar_cut_anywhere(look: Callable[[str], object], tmp_path: Path) -> None:
    """In a header, in data, between members, before the end blocks: an error (A9)."""
    place = tmp_path / "x.tar"
    content = tar()
    end = content.rindex(TEXT) + len(TEXT)
    for size in pieces(content[: end + 512], place, 61):
        try:
            look(str(place))
        except OSError:
            continue
        # The data of the last member was there; that is what was asked for.
        assert size >= end


def test_tar_without_its_end_blocks(tmp_path: Path) -> None:
    """At a member's boundary tarfile sees a clean end; we say that something is missing."""
    place = tmp_path / "x.tar"
    content = tar()
    boundary = content.index(b"last\0")
    place.write_bytes(content[:boundary])
    with tarfile.open(place) as theirs:
        assert theirs.getnames() == ["first"]
    for look in (list_all, read_member):
        with pytest.raises(fildes.IncompleteError):
            look(f"tar://{'last' if look is read_member else ''}::{place}")


def test_zip_cut_anywhere(tmp_path: Path) -> None:
    """A zip archive has its directory at its end: without it there is none (A9)."""
    place = tmp_path / "x.zip"
    for _ in pieces(archive({"a": TEXT}, comment=b"comment"), place):
        for look in (list_all, read_member):
            with pytest.raises(OSError):
                look(f"zip://{'a' if look is read_member else ''}::{place}")
