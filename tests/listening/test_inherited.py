"""Listening at sockets of others: inherited descriptors, and those that systemd passes."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import fildes

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


@pytest.mark.parametrize("scheme", ["fd", "fd-listen"])
def test_descriptor_is_listened_at(scheme: str, sock: socket.socket) -> None:
    """A listening descriptor is accepted from, and stays open when the listener is closed."""
    with fildes.listen(f"{scheme}:{sock.fileno()}") as listener:
        assert listener.address == f"tcp://127.0.0.1:{port_of(sock)}"
        with fildes.open(listener.address) as ours, listener.accept(timeout=20) as theirs:
            assert theirs.peer == ours.local
    with fildes.open(f"tcp://127.0.0.1:{port_of(sock)}"), fildes.open(f"fd-listen:{sock.fileno()}"):
        pass


def test_path_of_another_stays(tmp_path: Path) -> None:
    """The file of a unix socket that was passed is not removed."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        with fildes.listen(f"fd:{sock.fileno()}") as listener, fildes.open(listener.address):
            assert listener.address == f"unix://{path}"
            listener.accept(timeout=20).close()
    assert path.exists()


def test_closing_wakes_ours_only(sock: socket.socket) -> None:
    """A listener that is closed while it accepts does not end the socket of the others."""
    listener = fildes.listen(f"fd:{sock.fileno()}")
    thread = threading.Thread(target=lambda: list(listener))
    thread.start()
    listener.close()
    thread.join()
    with socket.create_connection(sock.getsockname()):
        sock.accept()[0].close()


def test_datagrams() -> None:
    """A socket for datagrams gives a conversation for each sender."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with (
            fildes.listen(f"fd:{sock.fileno()}") as listener,
            fildes.open(listener.address) as ours,
        ):
            ours.write(b"hello")
            with listener.accept(timeout=20) as theirs:
                assert theirs.read() == b"hello"
                theirs.write(b"answer")
                assert ours.read() == b"answer"


def test_what_does_not_listen() -> None:
    """What is no listening socket is said to be none."""
    left, right = socket.socketpair()
    read, write = os.pipe()
    try:
        for fd, number in ((left.fileno(), errno.EINVAL), (read, errno.ENOTSOCK), (10**9, 9)):
            with pytest.raises(OSError) as caught:
                fildes.listen(f"fd:{fd}")
            assert caught.value.errno == number
        with pytest.raises(fildes.AddressError, match="number of a descriptor"):
            fildes.listen("fd:x")
    finally:
        left.close()
        right.close()
        os.close(read)
        os.close(write)


#: Becomes the program that systemd would have started, sockets and all.
ACTIVATED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
import fildes
with fildes.listen(sys.argv[1]) as listener:
    print(listener.address, flush=True)
    with listener.accept(timeout=20) as f:
        f.write(f.readline())
"""


def activate(address: str, sockets: list[socket.socket], names: str = "") -> subprocess.Popen[str]:
    """Start a program as systemd does: its sockets are the descriptors from 3 on."""
    shuffle = "".join(f" {3 + at}<&{sock.fileno()}" for at, sock in enumerate(sockets))
    environment = {"LISTEN_FDS": str(len(sockets)), "PYTHONPATH": str(SOURCE)}
    if names:
        environment["LISTEN_FDNAMES"] = names
    return subprocess.Popen(
        ["bash", "-c", f'exec "$@"{shuffle}', "-", sys.executable, "-c", ACTIVATED, address],
        pass_fds=[sock.fileno() for sock in sockets],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "names", "which"),
    [
        ("systemd:", "", 0),
        ("systemd-listen:second", "first:second", 1),
    ],
)
def test_sockets_from_systemd(address: str, names: str, which: int) -> None:
    """LISTEN_FDS: the sockets passed are listened at, all or those of a name."""
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        sockets = [first, second]
        with activate(address, sockets, names) as process:
            assert process.stdout is not None
            expected = f"tcp://127.0.0.1:{port_of(sockets[which])}"
            assert process.stdout.readline() == f"{expected}\n"
            with fildes.open(f"tcp://127.0.0.1:{port_of(second)}") as f:
                f.write(b"hello\n")
                assert f.readline() == b"hello\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_PID": "ours"}],
)
def test_nothing_from_systemd(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that were passed to another process, or none, are not looked for."""
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("ours", str(os.getpid())))
    with pytest.raises(FileNotFoundError, match=r"\.socket unit"):
        fildes.listen("systemd:")


def test_name_that_systemd_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no socket has is said."""
    values = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "http"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(FileNotFoundError, match="called https"):
        fildes.listen("systemd:https")
