"""Patterns of names in archives and directories, in Python and in the shell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import RunMain
from commands import fildes as run_main
from counting import CountingServer
from loops import LOOPS, RunLoop
from tars import archive as tar
from zips import archive as make_zip

import fildes
from fildes import aio

run = run_main  #: the fixture, under a name that is not the package's

NAMES = ["a/b.png", "a/c.txt", "d.png", "a/e/f g.png", "100%.png", "é?.png"]
MEMBERS = {name: name.encode() for name in NAMES}


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("pattern", ["**/*.png", "*.png", "a", ""])
def test_what_is_found_can_be_opened(tmp_path: Path, kind: str, pattern: str) -> None:
    """Each address that matches opens the file of its name, whatever is in that."""
    (tmp_path / "x").write_bytes(make_zip(MEMBERS) if kind == "zip" else tar(MEMBERS))
    address = f"{kind}{pattern and f':{pattern}'}::{tmp_path}/x"
    found = fildes.glob(address)
    assert [each.path for each in found] == [entry.name for entry in fildes.ls(address)]
    for each in found:
        with fildes.open(each) as file:
            assert file.read() == each.path.encode()
        with fildes.open(str(each)) as file:
            assert file.read() == each.path.encode()


def test_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a directory, and of a pattern of paths, the files and nothing else."""
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "b.txt", "c"):
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    for address in (tmp_path, f"{tmp_path}/*", "./*", "."):
        found = fildes.glob(Path(address))
        assert [os.path.basename(each.path) for each in found] == ["a.txt", "b.txt", "c"]
        for each in found:
            with fildes.open(each) as file:
                assert file.read().decode() == os.path.basename(each.path)
    with pytest.raises(FileNotFoundError):
        fildes.glob("./q*")


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(loop: RunLoop, tmp_path: Path) -> None:
    """The asynchronous face finds the same."""
    (tmp_path / "x").write_bytes(make_zip(MEMBERS))
    address = f"zip://*.png::{tmp_path}/x"
    assert loop(aio.glob(address)) == fildes.glob(address)


def test_get_of_a_pattern(run: RunMain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fildes get` receives every member that matches, into the folder."""
    monkeypatch.chdir(tmp_path)
    with CountingServer(make_zip(MEMBERS)) as server:
        done = run("get", "-d", "out", f"zip://**/*.png::{server.address('/x.zip')}")
    assert done == (0, "", "")
    found = {place.name: place.read_text() for place in Path("out").iterdir()}
    assert found == {os.path.basename(name): name for name in NAMES if name.endswith("png")}


def test_names_that_meet(run: RunMain, tmp_path: Path) -> None:
    """Two members that would be one file are an error before anything is written."""
    (tmp_path / "x").write_bytes(make_zip({"a/x": b"1", "b/x": b"2"}))
    done = run("get", "-d", str(tmp_path / "out"), f"zip://*/x::{tmp_path}/x")
    assert done.status == 2
    assert "two files would be" in done.err


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [("n\nl", 3, "'n\\nl' can be no part of an address"), ("x/.hid", 2, ".hid::file:")],
)
def test_name_that_cannot_be(
    run: RunMain, tmp_path: Path, name: str, status: int, message: str
) -> None:
    """A member with a name that no file gets is named, and nothing is written."""
    (tmp_path / "x").write_bytes(make_zip({"a": b"1", name: b"2"}))
    done = run("get", "-d", str(tmp_path / "out"), f"zip://**::{tmp_path}/x")
    assert (done.status, os.listdir(tmp_path)) == (status, ["x"])
    assert message in done.err


def test_nothing_matches(run: RunMain, tmp_path: Path) -> None:
    """A pattern without a match is an error."""
    (tmp_path / "x").write_bytes(make_zip(MEMBERS))
    done = run("get", f"zip://*.gif::{tmp_path}/x")
    assert done.status != 0
    assert "no member '*.gif'" in done.err


def test_tar_is_not_received_again_and_again(run: RunMain) -> None:
    """A pattern in a tar archive says what to do instead."""
    done = run("get", "tar://*.png::http://localhost:1/x.tar")
    assert done.status == 2
    assert "tar x --wildcards" in done.err
