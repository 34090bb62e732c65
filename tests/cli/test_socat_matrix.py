"""The same command lines, run by socat and by `fildes relay`, do the same."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import ENVIRONMENT, LIMIT, command
from programs import free_port, need
from socat_table import FILES, NETWORK, PROGRAMS, Line

pytestmark = pytest.mark.slow


class Outcome(NamedTuple):
    """What a command has done.

    Attributes:
      failed: its status was not 0.
      files: what is in its directory at the end: contents, permissions and owners.
      arrived: what came to the sockets of `entries` that do not answer.
    """

    failed: bool
    out: bytes
    files: dict[str, tuple[bytes, int, int, int]]
    arrived: dict[str, bytes]


def make_files(directory: Path) -> None:
    """Make the files that the lines read and change."""
    directory.mkdir()
    (directory / "in").write_bytes(b"3\n1\n2\n and the rest\n")
    (directory / "out").write_bytes(b"what was there\n")
    (directory / "a,b:c").write_bytes(b"in a file with separators\n")
    (directory / "link").symlink_to("in")
    for path in directory.iterdir():
        path.chmod(0o644)


@contextlib.contextmanager
def echoing(listener: socket.socket) -> Iterator[None]:
    """Give back to each client what it says, until the end."""

    def answer(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(65536):
                sock.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=answer, args=(sock,)))
                threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # which wakes the accept
        for thread in threads:
            thread.join()
        listener.close()


@pytest.fixture
def ports(nothing_left_behind: None) -> Iterator[dict[str, int]]:
    """Return the ports that the lines name."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name, host, family in (
            ("tcp", "127.0.0.1", socket.AF_INET), ("tcp6", "::1", socket.AF_INET6)
        ):  # fmt: skip
            listener = socket.create_server((host, 0), family=family)
            stack.enter_context(echoing(listener))
            found[name] = listener.getsockname()[1]
        busy = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found["busy"] = busy.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            found["closed"] = closed.getsockname()[1]
        yield found


@contextlib.contextmanager
def entries(directory: Path) -> Iterator[dict[str, socket.socket]]:
    """Make what the paths lead to; yield the sockets that do not answer."""
    kinds = {"datagrams": socket.SOCK_DGRAM, "records": socket.SOCK_SEQPACKET}
    with contextlib.ExitStack() as stack:
        silent = {}
        for name in ("echo", "dead", *kinds):
            sock = socket.socket(socket.AF_UNIX, kinds.get(name, socket.SOCK_STREAM))
            stack.enter_context(sock)
            sock.bind(str(directory / name))
            if name == "dead":
                sock.close()
                continue
            if name != "datagrams":
                sock.listen()
            if name == "echo":
                stack.enter_context(echoing(sock))
            else:
                silent[name] = sock
        silent["udp"] = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        silent["udp"].bind(("127.0.0.1", 0))
        yield silent


def arrivals(silent: dict[str, socket.socket]) -> dict[str, bytes]:
    """Return what has come to the sockets that do not answer."""
    got = {}
    for name, sock in silent.items():
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            if name == "records":
                accepted, _ = sock.accept()
                with accepted:
                    got[name] = accepted.recv(99)
            else:
                got[name] = sock.recv(99)
    return got


def contents(directory: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """Return the files in *directory*, with their permissions, users and groups."""
    found = {}
    for path in sorted(directory.iterdir()):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            mode = stat.S_IMODE(status.st_mode)
            found[path.name] = (path.read_bytes(), mode, status.st_uid, status.st_gid)
    return found


def run(
    start: Callable[..., list[str]], line: Line, directory: Path, ports: dict[str, int]
) -> Outcome:
    """Run *line* by the command that *start* returns, in a directory of its own."""
    make_files(directory)
    with entries(directory) as silent:
        names = {"d": directory, **ports, "udp": silent["udp"].getsockname()[1]}
        names["free"] = free_port()  # another one each time: the last lingers in TIME-WAIT
        argv = start(*(each.format_map(names) for each in line.argv))
        done = subprocess.run(
            argv, input=line.given, capture_output=True, timeout=LIMIT, env=ENVIRONMENT,
            check=False,
        )  # fmt: skip
        arrived = arrivals(silent)
    said = done.stdout.replace(os.fsencode(directory), b"DIRECTORY")
    return Outcome(done.returncode != 0, said, contents(directory), arrived)


def socat(patience: int, *argv: str) -> list[str]:
    # -t: how long the other direction may go on when one has ended.
    return [need("socat"), "-t", str(patience), *argv]


def relay(*argv: str) -> list[str]:
    return command("relay", *argv)


@pytest.mark.parametrize("line", [*FILES, *PROGRAMS, *NETWORK], ids=lambda line: line.name)
def test_same_as_socat(line: Line, tmp_path: Path, ports: dict[str, int]) -> None:
    """The bytes that come out, what is in the files and whether it failed are the same."""
    expected = run(partial(socat, line.patience), line, tmp_path / "a", ports)
    assert run(relay, line, tmp_path / "b", ports) == expected
