"""file: documents that are whole or not there, and what is no document."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

import fildes

SOURCE = Path(__file__).parents[2] / "src"

#: Where the file system has no O_TMPFILE, and where it has no hard links either.
LACKS = {"nothing": (), "O_TMPFILE": ("O_TMPFILE",), "links": ("O_TMPFILE", "link")}


@pytest.fixture(params=LACKS)
def directory(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return an empty directory, on file systems that lack what some do."""
    lacks = LACKS[request.param]
    genuine_open, genuine_link = os.open, os.link

    def open_without(path: object, flags: int, *args: int, **how: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return genuine_open(path, flags, *args, **how)  # type: ignore[arg-type]  # passed on

    def link_without(source: str, target: str, **how: int) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "open", open_without if "O_TMPFILE" in lacks else genuine_open)
    monkeypatch.setattr(os, "link", link_without if "link" in lacks else genuine_link)
    return tmp_path


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_plain_path_and_scheme_are_the_same(tmp_path: Path) -> None:
    """A file opens by its path, by file: and by a path object, and is seekable."""
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    for address in (str(path), f"file:{path}", f"file://{path}", path):
        with fildes.open(address) as f:
            assert f.seek(8) == 8
            assert f.read() == b"89"


@pytest.mark.parametrize("mode", ["wb", "xb"])
def test_nothing_is_there_before_close(directory: Path, mode: Literal["wb", "xb"]) -> None:
    """A new document appears when it is closed, whole, with the mode of the umask."""
    f = fildes.open(directory / "x", mode)
    f.write(b"whole" * 10_000)
    f.flush()
    assert "x" not in names(directory)
    f.close()
    assert names(directory) == ["x"]
    assert (directory / "x").read_bytes() == b"whole" * 10_000


def test_new_file_obeys_the_umask(directory: Path, umask: Callable[[int], int]) -> None:
    """A new document has the mode that the built-in open would give it."""
    umask(0o027)
    fildes.open(directory / "x", "wb").close()
    assert stat.S_IMODE((directory / "x").stat().st_mode) == 0o640


def test_old_file_is_whole_until_close(directory: Path) -> None:
    """Until close the old content is read; afterwards the new one, with the old mode."""
    path = directory / "x"
    path.write_bytes(b"old")
    path.chmod(0o751)
    with fildes.open(path, "wb") as f:
        f.write(b"new")
        f.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert names(directory) == ["x"]


def leave_by_exception(f: fildes.BufferedWriteFile) -> None:
    with pytest.raises(ZeroDivisionError), f:
        raise ZeroDivisionError


def forget(f: fildes.BufferedWriteFile) -> None:
    with pytest.warns(ResourceWarning, match="unclosed"):
        f.__del__()


@pytest.mark.parametrize(
    "leave",
    [leave_by_exception, forget, fildes.BufferedWriteFile.abort],
    ids=lambda way: way.__name__,
)
def test_anything_but_close_leaves_no_trace(
    directory: Path, leave: Callable[[fildes.BufferedWriteFile], None]
) -> None:
    """After an exception, an abort or without a close the old file is as it was."""
    path = directory / "x"
    path.write_bytes(b"old")
    f = fildes.open(path, "wb")
    f.write(b"x" * 100_000)
    leave(f)
    assert path.read_bytes() == b"old"
    assert names(directory) == ["x"]


@pytest.mark.slow
def test_killed_process_leaves_no_trace(tmp_path: Path) -> None:
    """A writer that is killed leaves neither a part of the file nor a temporary one."""
    code = (
        "import fildes, os, sys; f = fildes.open(sys.argv[1], 'wb');"
        "f.write(b'x' * 100_000); f.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert names(tmp_path) == []


def test_no_space_leaves_no_trace(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails as late as in close is raised there, and nothing is committed."""
    f = fildes.open(directory / "x", "wb")
    f.write(b"fits in the buffer")

    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError) as caught:
            f.close()
    assert caught.value.errno == errno.ENOSPC
    assert names(directory) == []


def test_exclusive_refuses_what_is_there(directory: Path) -> None:
    """Mode x fails at once for anything of that name, a dangling link included."""
    (directory / "x").write_bytes(b"")
    (directory / "link").symlink_to("nowhere")
    for name in ("x", "link"):
        with pytest.raises(FileExistsError) as caught:
            fildes.open(directory / name, "xb")
        assert caught.value.filename == f"file://{directory / name}"


def test_exclusive_refuses_what_came_meanwhile(directory: Path) -> None:
    """Mode x fails in close, too, and leaves the other's file alone."""
    f = fildes.open(directory / "x", "xb")
    f.write(b"ours")
    (directory / "x").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        f.close()
    assert (directory / "x").read_bytes() == b"theirs"
    assert names(directory) == ["x"]


def test_link_is_followed(directory: Path) -> None:
    """Writing through a symbolic link replaces its target and keeps the link."""
    (directory / "real").write_bytes(b"old")
    (directory / "link").symlink_to("real")
    (directory / "new").symlink_to("fresh")
    for name in ("link", "new"):
        with fildes.open(directory / name, "wb") as f:
            f.write(name.encode())
    assert (directory / "real").read_bytes() == b"link"
    assert (directory / "fresh").read_bytes() == b"new"
    assert (directory / "link").is_symlink()


def test_place_is_fixed_by_open(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes where the path led at open, whatever the working directory is at close."""
    monkeypatch.chdir(directory)
    f = fildes.open("./x", "wb")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    f.close()
    assert names(directory) == ["x"]


def test_append_is_in_place(tmp_path: Path) -> None:
    """Mode a adds to the file, which it creates."""
    for data in (b"one", b"two"):
        with fildes.open(tmp_path / "x", "ab") as f:
            f.write(data)
    assert (tmp_path / "x").read_bytes() == b"onetwo"


def test_edit_in_place(tmp_path: Path) -> None:
    """Mode r+ reads and writes at any position; there must be a file."""
    (tmp_path / "x").write_bytes(b"0123456789")
    with fildes.open(tmp_path / "x", "r+b") as f:
        assert f.read(2) == b"01"
        f.seek(5)
        f.write(b"five")
        f.seek(0)
        assert f.read() == b"01234five9"
    with pytest.raises(FileNotFoundError):
        fildes.open(tmp_path / "none", "r+b")


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "r+b"])
@pytest.mark.parametrize("path", [".", "/", "./", "../"])
def test_directory_is_no_file(mode: str, path: str, tmp_path: Path) -> None:
    """A directory is IsADirectoryError in every mode."""
    with pytest.raises(IsADirectoryError):
        fildes.open(os.path.join(tmp_path, path) if path != "/" else path, mode)


def test_missing_directory_is_said(tmp_path: Path) -> None:
    """A file in no directory cannot be written, and open says so."""
    with pytest.raises(FileNotFoundError):
        fildes.open(tmp_path / "none" / "x", "wb")


def test_unwritable_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be written is not replaced just because its directory may."""
    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *args, **how: False)  # root may write anything
    with pytest.raises(PermissionError):
        fildes.open(tmp_path / "x", "wb")


def test_descriptor_of_a_new_document(directory: Path) -> None:
    """A program can write the document through the bare descriptor."""
    with fildes.open(directory / "x", "wb") as f:
        f.write(b"ours, ")
        f.flush()
        subprocess.run(["printf", "theirs"], stdout=f.fileno(), check=True)
    assert (directory / "x").read_bytes() == b"ours, theirs"


def test_text(tmp_path: Path) -> None:
    """Text modes encode and decode as those of the built-in open."""
    with fildes.open(tmp_path / "x", "wt", encoding="utf-16", newline="\r\n") as f:
        f.write("ä\nö\n")
    with open(tmp_path / "x", encoding="utf-16", newline="") as g:
        assert g.read() == "ä\r\nö\r\n"
    with fildes.open(tmp_path / "x", "rt", encoding="utf-16") as f:
        assert f.readlines() == ["ä\n", "ö\n"]
