"""tar: members by name, out of whatever brings the archive."""

from __future__ import annotations

import errno
import gzip
import io
import tarfile
from pathlib import Path

import pytest
from compressed import Library, every_format
from http_script import CHUNKED_HEAD, answering, chunks, document
from loops import LOOPS, RunLoop
from peers import StartPeer
from tars import MEMBERS, archive, info, special
from ways import WAYS, Way

import fildes
from fildes import aio


def member(content: bytes, name: str, place: Path) -> bytes:
    """Return what the member called *name* holds."""
    (place / "x.tar").write_bytes(content)
    with fildes.open(f"tar:{name}::{place}/x.tar") as file:
        return file.read()


@pytest.mark.parametrize("name", MEMBERS)
def test_member_by_its_name(tmp_path: Path, name: str) -> None:
    """A member is found by its name, which is only a name."""
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    assert member(archive(), escaped, tmp_path) == MEMBERS[name]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_read(peer: StartPeer, way: Way) -> None:
    """A member of a compressed archive on a server is read like any other document."""
    server = peer(answering(document(gzip.compress(archive()))))
    got = bytearray()
    with fildes.open(f"tar://a/b.txt::gzip::{server.address('http', '/x.tgz')}") as file:
        way(file, got)
    assert got == MEMBERS["a/b.txt"]


@every_format
def test_compressed(tmp_path: Path, library: Library) -> None:
    """An archive may be compressed in any format."""
    (tmp_path / "x").write_bytes(library.compress(archive()))
    with fildes.open(f"tar://noise::{library.name}::{tmp_path}/x") as file:
        assert file.read() == MEMBERS["noise"]
        assert file.trace[-1].detail == "tar 'noise', 768 bytes"


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(loop: RunLoop, tmp_path: Path) -> None:
    """The asynchronous face reads and lists the same."""
    (tmp_path / "x").write_bytes(archive())

    async def read() -> bytes:
        async with aio.open(f"tar:noise::{tmp_path}/x") as file:
            got: bytes = await file.read()
        return got

    assert loop(read()) == MEMBERS["noise"]
    assert loop(aio.ls(f"tar::{tmp_path}/x")) == fildes.ls(f"tar::{tmp_path}/x")


def test_what_follows_does_not_matter(peer: StartPeer) -> None:
    """A member that is complete is complete, though the archive breaks off behind it."""
    content = archive({"a": b"x" * 700, "b": b"y" * 9000})
    server = peer(answering(CHUNKED_HEAD + chunks(content[:3000])))
    with fildes.open(f"tar:a::{server.address('http', '/x.tar')}") as file:
        assert file.read() == b"x" * 700


def test_truncated_member_is_an_error(tmp_path: Path) -> None:
    """A member that is cut is an error, wherever."""
    content = archive({"a": b"x" * 700})
    for size in range(0, 512 + 700, 50):
        with pytest.raises(fildes.IncompleteError):
            member(content[:size], "a", tmp_path)


@pytest.mark.parametrize("name", ["a", "./a"])
def test_dot_before_the_name(tmp_path: Path, name: str) -> None:
    """Names that differ by "./" are the same, in the archive and in the address."""
    for inside in ("a", "./a", "././a"):
        assert member(archive({inside: b"x"}), name, tmp_path) == b"x"


def test_index_picks_of_several(tmp_path: Path) -> None:
    """Of several members of one name the first is meant, or the one at the index."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as writer:
        for content in (b"first", b"second"):
            writer.addfile(info("x", size=len(content)), io.BytesIO(content))
    assert member(buffer.getvalue(), "x", tmp_path) == b"first"
    assert member(buffer.getvalue(), "x?index=1", tmp_path) == b"second"
    with pytest.raises(FileNotFoundError):
        member(buffer.getvalue(), "x?index=2", tmp_path)


def test_missing_member_is_named(tmp_path: Path) -> None:
    """A name that is not there is ENOENT, and close names are told."""
    with pytest.raises(FileNotFoundError, match=r"did you mean 'a/b\.txt'"):
        member(archive(), "a/b.text", tmp_path)


def test_directory_is_no_file(tmp_path: Path) -> None:
    """A directory, in the archive or only implied, is EISDIR."""
    for content in (archive(), special(info("a", type=tarfile.DIRTYPE))):
        with pytest.raises(IsADirectoryError):
            member(content, "a", tmp_path)


@pytest.mark.parametrize(
    ("type", "number", "message"),
    [
        (tarfile.SYMTYPE, errno.ELOOP, "'x' is a link to 'target'"),
        (tarfile.LNKTYPE, errno.ELOOP, "'x' is a link to 'target'"),
        (tarfile.FIFOTYPE, errno.EOPNOTSUPP, "device or a pipe"),
        (b"S", errno.EOPNOTSUPP, "sparse"),
        (b"M", errno.EOPNOTSUPP, "another volume"),
    ],
)
def test_what_has_no_data(tmp_path: Path, type: bytes, number: int, message: str) -> None:
    """What is no file is told as what it is; of a link, its target."""
    with pytest.raises(OSError, match=message) as caught:
        member(special(info("x", type=type, linkname="target")), "x", tmp_path)
    assert caught.value.errno == number


def test_member_must_be_named() -> None:
    """Without the name of a member there is nothing to open."""
    with pytest.raises(fildes.AddressError, match="tar://NAME"):
        fildes.open("tar::./x.tar")
