"""gzip, bzip2, xz, zstd and br written: a member that is whole, or nothing."""

from __future__ import annotations

import errno
import gzip
import io
import os
import subprocess
from pathlib import Path

import pytest
from compressed import Library, every_format, every_format_of_members
from peers import Conversation, StartPeer
from programs import need

import fildes

TEXT = b"".join(b"line %d\n" % number for number in range(3000))


@every_format
def test_others_read_what_was_written(library: Library, tmp_path: Path) -> None:
    """What is written is there, complete, when close has returned."""
    place = tmp_path / "x"
    with fildes.open(f"{library.name}::{place}", "wb") as file:
        file.write(TEXT)
        assert not place.exists()
    assert library.decompress(place.read_bytes()) == TEXT


@every_format
def test_program_reads_what_was_written(library: Library, tmp_path: Path) -> None:
    """The format's own program takes our file for sound, and we take its."""
    program = need(library.program)
    place = tmp_path / "x"
    with fildes.open(f"{library.name}:?level=2::{place}", "wb") as file:
        file.write(TEXT)
    done = subprocess.run(
        [program, "-dc"], input=place.read_bytes(), capture_output=True, check=True
    )
    assert done.stdout == TEXT
    done = subprocess.run([program, "-c"], input=TEXT, capture_output=True, check=True)
    place.write_bytes(done.stdout)
    with fildes.open(f"{library.name}::{place}") as file:
        assert file.read() == TEXT


def through(argv: list[str], content: bytes) -> bytes:
    """Return what a program makes of *content*."""
    return subprocess.run(argv, input=content, capture_output=True, check=True).stdout


@every_format
def test_nothing_written_is_a_member_too(library: Library, tmp_path: Path) -> None:
    """Nothing, compressed, is read as nothing, which is more than no file."""
    fildes.open(f"{library.name}::{tmp_path}/x", "wb").close()
    assert library.decompress((tmp_path / "x").read_bytes()) == b""
    with fildes.open(f"{library.name}::{tmp_path}/x") as file:
        assert file.read() == b""


@every_format_of_members
def test_append_adds_a_member(library: Library, tmp_path: Path) -> None:
    """Appending adds a member; all of them are read as one."""
    for text in (b"one ", b"two"):
        with fildes.open(f"{library.name}::{tmp_path}/x", "ab") as file:
            file.write(text)
    with fildes.open(f"{library.name}::{tmp_path}/x") as file:
        assert file.read() == b"one two"


@every_format
@pytest.mark.parametrize("how", ["exception", "abort"])
def test_abort_commits_nothing(library: Library, tmp_path: Path, how: str) -> None:
    """A file that was not written to its end leaves the old one as it was."""
    place = tmp_path / "x"
    place.write_bytes(b"old")
    file = fildes.open(f"{library.name}::{place}", "wb")
    file.write(TEXT)
    if how == "abort":
        file.abort()
    else:
        file.__exit__(KeyError, KeyError(), None)
    assert place.read_bytes() == b"old"


def test_written_through_a_descriptor(tmp_path: Path) -> None:
    """A program's output is compressed through the descriptor, and committed by close."""
    with fildes.open(f"gzip::{tmp_path}/x", "wb") as file:
        file.write(b"first ")
        subprocess.run(["echo", "second"], stdout=file.fileno(), check=True)
    assert gzip.decompress((tmp_path / "x").read_bytes()) == b"first second\n"


@every_format
def test_compressed_conversation(peer: StartPeer, library: Library) -> None:
    """Into a connection goes one member, then the end of file."""
    got: list[bytes] = []

    def take(talk: Conversation) -> None:
        got.append(talk.recv_all())

    server = peer(take)
    with fildes.open(f"{library.name}::{server.address()}", "wb") as file:
        file.write(TEXT)
    server.wait()
    assert library.decompress(got[0]) == TEXT


def test_large_writes_wait_for_room(tmp_path: Path) -> None:
    """A reader that is slower than the writer is waited for, and gets everything."""
    noise = os.urandom(1 << 20)
    place = tmp_path / "x"
    with fildes.open(f"gzip::exec:sh?arg=-c&arg=gzip%20-dc%20%3E{place}", "wb") as file:
        file.write(noise)
    assert place.read_bytes() == noise


def test_half_close_completes_the_member(tmp_path: Path) -> None:
    """After half_close the member is complete and nothing more is taken."""
    with fildes.open(f"gzip::{tmp_path}/x", "wb", buffering=0) as file:
        file.write(b"all")
        file.half_close()
        with pytest.raises(BrokenPipeError):
            file.write(b"more")
    assert gzip.decompress((tmp_path / "x").read_bytes()) == b"all"


@pytest.mark.parametrize("mode", ["wb", "xb", "ab"])
def test_carrier_must_take_the_mode(mode: str) -> None:
    """What cannot be written cannot be written compressed."""
    with pytest.raises(io.UnsupportedOperation):
        fildes.open("gzip::data:,x", mode)


def test_full_disk_is_said() -> None:
    """An error of the last bytes is an error of close."""
    file = fildes.open("gzip::/dev/full", "wb")
    file.write(b"x")
    with pytest.raises(OSError) as caught:
        file.close()
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("name", "module"), [("br", "brotli"), ("zstd", "backports.zstd"), ("ws", "wsproto")]
)
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    """Without the package, the error says which one to install."""
    import importlib

    def missing(wanted: str) -> None:
        raise ModuleNotFoundError(name=wanted)

    monkeypatch.setattr(importlib, "import_module", missing)
    from fildes.opening.requiring import require

    with pytest.raises(OSError, match=rf"fildes\[{name}\]") as caught:
        require(module, name)
    assert caught.value.errno == errno.ENOPKG
