"""Listing: archives, directories and patterns, in Python and by the command."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from pathlib import Path

import pytest
from commands import RunMain
from commands import fildes as run_main
from hypothesis import given
from hypothesis import strategies as st
from tars import archive as tar
from zips import archive as make_zip

import fildes
from fildes.wire.entries import Entry, matcher, missing

run = run_main  #: the fixture, under a name that is not the package's

NAMES = ["a/b.png", "a/c.txt", "d.png", "a/e/f.png"]


@pytest.fixture(params=["zip", "tar"])
def archived(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an archive of `NAMES`, up to the scheme's name."""
    members = {name: name.encode() for name in NAMES}
    (tmp_path / "x").write_bytes(make_zip(members) if request.param == "zip" else tar(members))
    return f"{request.param}%s::{tmp_path}/x"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", NAMES),
        ("a", ["a/b.png", "a/c.txt", "a/e/f.png"]),
        ("a/", ["a/b.png", "a/c.txt", "a/e/f.png"]),
        ("d.png", ["d.png"]),
        ("*.png", ["d.png"]),
        ("*/*.png", ["a/b.png"]),
        ("**/*.png", ["a/b.png", "d.png", "a/e/f.png"]),
        ("a/%5Bbc%5D.*", ["a/b.png", "a/c.txt"]),
        ("%3F.png", ["d.png"]),
    ],
)
def test_archive(archived: str, path: str, names: list[str]) -> None:
    """An archive lists all, one, what is below a directory, or what matches."""
    entries = fildes.ls(archived % (path and f":{path}"))
    assert [entry.name for entry in entries] == names
    assert all(entry.size == len(entry.name) and entry.kind == "file" for entry in entries)


@pytest.mark.parametrize("path", ["q", "*.gif", "a/b"])
def test_nothing_of_that_name(archived: str, path: str) -> None:
    """What is not there is ENOENT."""
    with pytest.raises(FileNotFoundError):
        fildes.ls(archived % f":{path}")


def test_zip_entry_tells_what_zipfile_does(tmp_path: Path) -> None:
    """Sizes and times are those that the standard library tells."""
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(zipfile.ZipInfo("t", (2024, 2, 29, 13, 14, 16)), b"x" * 999)
        writer.writestr(zipfile.ZipInfo("d/", (1980, 0, 0, 0, 0, 0)), b"")
    file, directory = fildes.ls(f"zip::{tmp_path}/x")
    assert (file.size, file.compressed, directory.kind) == (999, 999, "directory")
    assert directory.mtime is None
    assert file.mtime == time.mktime((2024, 2, 29, 13, 14, 16, 0, 0, -1))


def test_directory(tmp_path: Path) -> None:
    """A directory of this machine lists what is in it, by name."""
    (tmp_path / "b").write_bytes(b"xx")
    (tmp_path / "a").mkdir()
    (tmp_path / "c").symlink_to("nowhere")
    entries = fildes.ls(tmp_path)
    assert [(each.name, each.kind) for each in entries] == [
        ("a", "directory"),
        ("b", "file"),
        ("c", "link"),
    ]
    assert fildes.ls(tmp_path / "[b]") == fildes.ls(tmp_path / "b")
    assert entries[1][1:] == fildes.ls(tmp_path / "b")[0][1:]
    with pytest.raises(FileNotFoundError):
        fildes.ls(tmp_path / "q*")


def test_policy(tmp_path: Path) -> None:
    """An untrusted address lists no directory of this machine."""
    with pytest.raises(PermissionError):
        fildes.ls(tmp_path, policy=fildes.Policy.untrusted())


def test_what_cannot_be_listed() -> None:
    """Where nothing can be inside, the error says so, before anything is opened."""
    with pytest.raises(NotADirectoryError, match="archives"):
        fildes.ls("tcp://127.0.0.1:1")


@pytest.mark.slow
@given(st.text(alphabet="ab/*?.[]!-", max_size=8), st.text(alphabet="ab/.-", max_size=8))
def test_any_pattern_can_be_matched(pattern: str, name: str) -> None:
    """No pattern is an error, and one without wildcards matches itself only."""
    found = matcher(pattern).fullmatch(name)
    if not set(pattern) & set("*?["):
        assert bool(found) == (pattern == name)


def test_names_that_are_compared_are_few() -> None:
    """An error names what is close among the first names, and counts all."""
    assert "among 5000 members" in str(missing("zzz", (str(each) for each in range(5000))))


def test_command_lists_names(run: RunMain, tmp_path: Path) -> None:
    """`fildes ls` writes names, which cannot break a line or drive a terminal."""
    members = {"plain": b"", "bad\x1b[31m\nname": b"", "back\\slash": b""}
    (tmp_path / "x").write_bytes(tar(members))
    done = run("ls", f"tar::{tmp_path}/x")
    assert done.out == "plain\nbad\\x1b[31m\\x0aname\nback\\\\slash\n"


def test_command_lists_long(run: RunMain, tmp_path: Path) -> None:
    """With -l come kind, sizes and time, in columns."""
    (tmp_path / "file").write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to("nowhere")
    os.utime(tmp_path / "file", (0, 0))
    first, second = run("ls", "-l", str(tmp_path)).out.splitlines()
    assert first.startswith("- 10 10 19")
    assert first.endswith("  file")
    assert second.startswith("l  7  7 20")


def test_command_lists_json(run: RunMain, tmp_path: Path) -> None:
    """With --json come all fields of all addresses in one array."""
    (tmp_path / "x").write_bytes(tar({"a": b"1"}))
    (tmp_path / "y").write_bytes(make_zip({"b": b""}))
    done = run("ls", "--json", f"tar::{tmp_path}/x", f"zip::{tmp_path}/y")
    entries = [Entry(**each) for each in json.loads(done.out)]
    assert [(each.name, each.size) for each in entries] == [("a", 1), ("b", 0)]


def test_command_says_what_is_wrong(run: RunMain, tmp_path: Path) -> None:
    """What is no archive is an error with its status."""
    (tmp_path / "x").write_bytes(b"no archive")
    done = run("ls", f"zip::{tmp_path}/x")
    assert done.status == 18
    assert "no zip archive" in done.err


def test_empty_archive(run: RunMain, tmp_path: Path) -> None:
    """An archive of nothing lists nothing, and that is no error."""
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    (tmp_path / "x").write_bytes(buffer.getvalue())
    assert run("ls", "-l", f"zip::{tmp_path}/x") == (0, "", "")
