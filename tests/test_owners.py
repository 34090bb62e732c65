"""Whose the things are that are made at a path: the options user and group."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import fildes
from fildes.address.building import build
from fildes.opening.registry import find_scheme

ME, MINE = os.getuid(), os.getgid()
NOBODY = 65534

needs_root = pytest.mark.skipif(ME != 0, reason="only root gives files away")


@contextmanager
def made(scheme: str, path: Path, options: str) -> Iterator[None]:
    """Let *scheme* make its thing at *path* with *options*."""
    if scheme == "pipe":
        with fildes.open(f"pipe:{path}?create=on&{options}"):
            yield
    elif scheme == "unix-recv":
        with fildes.open(f"unix-recv:{path}?{options}"):
            yield
    elif scheme == "pty":
        with fildes.open(f"pty:?link={path}&{options}"):
            yield
    elif scheme == "unix bind":
        server = path.with_name("server")
        with fildes.listen(f"unix:{server}"), fildes.open(f"unix:{server}?bind={path}&{options}"):
            yield
    else:
        with fildes.listen(f"{scheme}:{path}?{options}"):
            yield


SCHEMES = ("unix", "unix-seqpacket", "unix-dgram", "unix-recv", "unix bind", "pipe", "pty")


def seen(path: Path) -> tuple[int, int, int]:
    """Return whose it is, and who may use it."""
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_own_user_and_group(scheme: str, tmp_path: Path) -> None:
    """Everybody may name himself, and the mode is as said, whatever the umask."""
    name = pwd.getpwuid(ME).pw_name
    before = os.umask(0o777)
    try:
        with made(scheme, tmp_path / "it", f"mode=660&user={name}&group={MINE}"):
            assert seen(tmp_path / "it") == (ME, MINE, 0o660)
    finally:
        os.umask(before)


@needs_root
@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_user_and_group(scheme: str, tmp_path: Path) -> None:
    """Root says whose it is; one alone leaves the other as it is."""
    with made(scheme, tmp_path / "it", f"mode=640&user={NOBODY}&group=7"):
        assert seen(tmp_path / "it") == (NOBODY, 7, 0o640)
    (tmp_path / "it").unlink(missing_ok=True)
    with made(scheme, tmp_path / "it", "mode=660&group=7"):
        assert seen(tmp_path / "it") == (ME, 7, 0o660)


@needs_root
def test_pipe_that_is_there(tmp_path: Path) -> None:
    """A pipe that is there already is given to its owner, too, and keeps its mode."""
    os.mkfifo(tmp_path / "it", 0o600)
    with made("pipe", tmp_path / "it", f"mode=666&user={NOBODY}"):
        assert seen(tmp_path / "it") == (NOBODY, MINE, 0o600)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("option", ["user=no-such-name", "group=no-such-name", "user=4294967295"])
def test_unknown_name_makes_nothing(scheme: str, option: str, tmp_path: Path) -> None:
    """A user or group that there is not is an error of the address, before anything is made."""
    wrong = pytest.raises(fildes.AddressError, match=r"there is no|no number")
    with wrong, made(scheme, tmp_path / "it", option):
        pass
    assert not (tmp_path / "it").exists()


def test_abstract_name_has_no_owner() -> None:
    """An abstract name belongs to nobody, and that is said."""
    with pytest.raises(fildes.AddressError, match="abstract"):
        fildes.listen("unix:@fildes-owners?user=0")


@pytest.mark.parametrize("scheme", ["unix", "unix-seqpacket", "pipe", "pty"])
def test_refused_owner_leaves_nothing(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EPERM says who may give files away, and what was made for it is removed."""
    monkeypatch.chdir(tmp_path)  # which another user could not come to by its whole path
    tmp_path.chmod(0o777)
    if ME == 0:
        os.seteuid(NOBODY)
    try:
        refused = pytest.raises(PermissionError, match="only root gives files away")
        with refused as caught, made(scheme, Path("./it"), "user=0"):
            pass
    finally:
        os.seteuid(ME)
    assert caught.value.errno == errno.EPERM
    assert not os.path.lexists("it")


def test_socket_is_for_nobody_until_it_is_its_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the moment of the chown the file is closed to everybody, also with an open umask."""
    modes = []
    chown = os.chown

    def look(path: str, *args: int, **options: bool) -> None:
        modes.append(stat.S_IMODE(os.lstat(path).st_mode))
        chown(path, *args, **options)

    monkeypatch.setattr(os, "chown", look)
    before = os.umask(0)
    try:
        for scheme in ("unix", "pipe"):
            with made(scheme, tmp_path / scheme, f"mode=666&user={ME}"):
                assert seen(tmp_path / scheme)[2] == 0o666
    finally:
        os.umask(before)
    assert modes == [0, 0]


def test_built_address() -> None:
    """The option user is no user of a host: built from parts it is the same address."""
    built = build(find_scheme, "unix-listen", path="/run/ours", user="www", group="7")
    assert str(built) == "unix-listen:///run/ours?group=7&user=www"
