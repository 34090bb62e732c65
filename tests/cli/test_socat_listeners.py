"""Listeners as socat spells them, served by socat and by `fildes relay`, serve alike."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import LIMIT
from relay_commands import relay_running, socat_serving

pytestmark = pytest.mark.slow


class Listen(NamedTuple):
    """A listener, and the family of its clients."""

    name: str
    address: str
    family: str = "tcp"


TCP = "TCP4-LISTEN:0,bind=127.0.0.1"

LISTENERS = (
    Listen("TCP4", TCP),
    Listen("TCP4 reuseaddr", f"{TCP},reuseaddr"),
    Listen("TCP4 fork", f"{TCP},reuseaddr,fork"),
    Listen("TCP4 fork nodelay", f"{TCP},fork,nodelay,keepalive,sndbuf=20000"),
    Listen("TCP4 max-children", f"{TCP},fork,max-children=1"),
    Listen("TCP4 more children", f"{TCP},fork,max-children=9"),
    Listen("TCP4 backlog", f"{TCP},fork,backlog=3"),
    Listen("TCP4 range", f"{TCP},fork,range=127.0.0.1/32"),
    Listen("TCP4 range by mask", f"{TCP},fork,range=127.0.0.0:255.0.0.0"),
    Listen("TCP4 range by name", f"{TCP},fork,range=localhost/32"),
    Listen("TCP4 outside of the range", f"{TCP},fork,range=10.0.0.0/8"),
    Listen("TCP4 reuseport", f"{TCP},fork,reuseport"),
    Listen("TCP4 in small letters", "tcp4-listen:0,bind=127.0.0.1,fork"),
    Listen("TCP4 readbytes", f"{TCP},fork,readbytes=4"),
    Listen("TCP4 accept-timeout", f"{TCP},accept-timeout=20"),
    Listen("TCP6", "TCP6-LISTEN:0,bind=[::1],fork", "tcp6"),
    Listen("TCP of a family", "TCP-LISTEN:0,pf=ip4,bind=127.0.0.1,fork"),
    Listen("UNIX", "UNIX-LISTEN:{directory}/s,mode=0660", "unix"),
    Listen("UNIX fork", "UNIX-LISTEN:{directory}/s,fork,mode=0600", "unix"),
    Listen(
        "UNIX user",
        f"UNIX-LISTEN:{{directory}}/s,fork,mode=0660,user={os.getuid()},gid={os.getgid()}",
        "unix",
    ),
    Listen("UNIX unlink-early", "UNIX-LISTEN:{directory}/s,fork,unlink-early,mode=0600", "unix"),
    Listen("UNIX unlink-close", "UNIX-LISTEN:{directory}/s,fork,unlink-close,mode=0600", "unix"),
    Listen("UNIX max-children", "UNIX-L:{directory}/s,fork,max-children=1,mode=0600", "unix"),
)


def connect(family: str, place: str) -> socket.socket:
    """Connect to a listener at a port or a path."""
    if family == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(LIMIT)
        try:
            sock.connect(place)
        except BaseException:
            sock.close()
            raise
        return sock
    host = "::1" if family == "tcp6" else "127.0.0.1"
    return socket.create_connection((host, int(place)), timeout=LIMIT)


def ask(sock: socket.socket, line: bytes) -> bytes:
    """Return what *line* is answered with; nothing if the connection was refused."""
    try:
        sock.sendall(line)
        return sock.recv(99)
    except (ConnectionResetError, BrokenPipeError):
        return b""


def visit(family: str, place: str) -> list[bytes | str]:
    """Return what a client is answered with, and one that comes while the first is there."""
    told: list[bytes | str] = []
    with contextlib.ExitStack() as later, contextlib.suppress(ConnectionResetError):
        with connect(family, place) as first:
            told.append(ask(first, b"one\n"))
            try:
                second = later.enter_context(connect(family, place))
            except (ConnectionRefusedError, FileNotFoundError):
                return [*told, "refused"]
        told.append(ask(second, b"two\n"))
    return [answer for answer in told if answer]  # who is reset gets none, however soon


@contextlib.contextmanager
def by_socat(address: str) -> Iterator[str]:
    with socat_serving(address, "EXEC:cat") as place:
        yield place


@contextlib.contextmanager
def by_fildes(address: str) -> Iterator[str]:
    with relay_running(address, "EXEC:cat") as running:
        place = running.address
        yield place.removeprefix("unix://") if "unix" in place else place.rpartition(":")[2]
        running.process.terminate()
        running.wait()


def served(
    serving: Callable[[str], contextlib.AbstractContextManager[str]],
    listen: Listen,
    directory: Path,
) -> tuple[list[bytes | str], int | None, bool]:
    """Return what clients are told, the mode of a socket's file, and whether it stays."""
    directory.mkdir()
    path = directory / "s"
    with serving(listen.address.format(directory=directory)) as place:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        told = visit(listen.family, place)
    return told, mode, path.exists()


@pytest.mark.parametrize("listen", LISTENERS, ids=lambda listen: listen.name)
def test_same_as_socat(listen: Listen, tmp_path: Path) -> None:
    """Clients get the same answers or refusals, and what is left behind is the same."""
    expected = served(by_socat, listen, tmp_path / "a")
    assert served(by_fildes, listen, tmp_path / "b") == expected


@pytest.mark.parametrize("who", [by_socat, by_fildes])
def test_dead_socket_in_the_way(
    who: Callable[[str], contextlib.AbstractContextManager[str]], tmp_path: Path
) -> None:
    """With unlink-early what a dead process has left is replaced, by both."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(path))
    with who(f"UNIX-LISTEN:{path},unlink-early") as place:
        assert visit("unix", place)[0] == b"one\n"
