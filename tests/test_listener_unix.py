"""Listening at a path: private, never stolen, never left over."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fildes
from fildes.listening import unix as unix_place

SOURCE = Path(__file__).parents[1] / "src"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def leave_dead(path: Path, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Leave the socket file of a process that is gone."""
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("scheme", ["unix", "unix-seqpacket"])
def test_socket_is_for_its_owner_only(open_umask: None, scheme: str, path: Path) -> None:
    """U1: whatever the umask, the mode is 0600, and no directory is created."""
    with fildes.listen(f"{scheme}:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileNotFoundError):
        fildes.listen(f"{scheme}:{path}/none/s")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b"mine"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        lambda path: os.mkfifo(path),
    ],
    ids=["file", "directory", "link", "fifo"],
)
def test_what_is_no_socket_stays(make: Callable[[Path], None], path: Path) -> None:
    """U2: a file, directory, link or pipe of that name is EADDRINUSE and untouched."""
    make(path)
    before = path.lstat()
    with pytest.raises(OSError) as caught:
        fildes.listen(f"unix:{path}")
    assert caught.value.errno == errno.EADDRINUSE
    assert path.lstat() == before


def test_live_server_stays(path: Path) -> None:
    """U3: a live server keeps its path, goes on, and has not even noticed."""
    with fildes.listen(f"unix:{path}") as listener:
        with pytest.raises(OSError) as caught:
            fildes.listen(f"unix:{path}")
        assert caught.value.errno == errno.EADDRINUSE
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0)
        with fildes.open(f"unix:{path}") as ours, listener.accept(timeout=20) as theirs:
            ours.write(b"hello\n")
            ours.flush()
            assert theirs.readline() == b"hello\n"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_socket_that_does_not_listen_yet_stays(kind: socket.SocketKind, path: Path) -> None:
    """A server between bind and listen is alive, whatever its type."""
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind(str(path))
        with pytest.raises(OSError) as caught:
            fildes.listen(f"unix:{path}")
        assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_dead_socket_is_replaced(kind: socket.SocketKind, path: Path) -> None:
    """U4: what a dead process has left is taken over."""
    leave_dead(path, kind)
    with fildes.listen(f"unix:{path}") as listener, fildes.open(listener.address):
        listener.accept(timeout=20).abort()
    assert not path.exists()


@pytest.mark.slow
def test_one_of_two_starters_wins(path: Path) -> None:
    """U5: of two that find the same dead socket, exactly one listens, 200 times."""
    listeners: list[fildes.Listener[fildes.BufferedFile]] = []
    errors: list[int | None] = []

    def start(barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            listeners.append(fildes.listen(f"unix:{path}"))
        except OSError as error:
            errors.append(error.errno)

    for turn in range(1, 201):
        leave_dead(path)
        barrier = threading.Barrier(2)
        starters = [threading.Thread(target=start, args=(barrier,)) for _ in range(2)]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join()
        with listeners.pop() as winner, fildes.open(f"unix:{path}"):
            winner.accept(timeout=20).abort()
        assert (listeners, errors) == ([], [errno.EADDRINUSE] * turn)


def test_file_of_another_stays(path: Path) -> None:
    """U6: close removes the socket file only as long as it is ours."""
    listener = fildes.listen(f"unix:{path}")
    path.unlink()
    path.write_bytes(b"theirs")
    listener.close()
    assert path.read_bytes() == b"theirs"


def test_close_removes_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is removed, too, wherever the working directory is by then."""
    monkeypatch.chdir(path.parent)
    listener = fildes.listen("unix:./s")
    monkeypatch.chdir("/")
    listener.close()
    assert not path.exists()


def test_lock_is_not_left(path: Path) -> None:
    """Nothing but the socket is left in the directory while it is listened at."""
    leave_dead(path)
    with fildes.listen(f"unix:{path}"):
        assert os.listdir(path.parent) == ["s"]


def test_failure_after_bind_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails, or is interrupted, once the socket has its path takes it away again."""

    def fail(path: str) -> Callable[[], None]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unix_place, "Removal", fail)
        with pytest.raises(KeyboardInterrupt):
            fildes.listen(f"unix:{path}")
    assert not path.exists()


def test_abstract_name_leaves_nothing() -> None:
    """An abstract name is free again after close, and busy before."""
    address = f"unix:@fildes-test-{os.getpid()}"
    for _ in range(2):
        with fildes.listen(address), pytest.raises(OSError) as caught:
            fildes.listen(address)
        assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.slow
def test_child_of_fork_leaves_the_path(path: Path) -> None:
    """A forked child that ends does not take the parent's socket with it."""
    code = """
import fildes, os, sys
listener = fildes.listen("unix:" + sys.argv[1])
if not (pid := os.fork()):
    listener.close()
    os._exit(0)
os.waitpid(pid, 0)
with fildes.open(listener.address) as ours, listener.accept(20) as theirs:
    theirs.write(b"alive")
    theirs.half_close()
    assert ours.read() == b"alive"
listener.close()
assert not os.path.exists(sys.argv[1])
"""
    subprocess.run(
        [sys.executable, "-c", code, path],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=True,
    )


def test_records(path: Path) -> None:
    """A unix-seqpacket listener yields files of records."""
    with (
        fildes.listen(f"unix-seqpacket:{path}") as listener,
        fildes.open(listener.address) as ours,
        listener.accept(timeout=20) as theirs,
    ):
        ours.write(b"one")
        ours.write(b"two")
        ours.half_close()
        assert list(theirs) == [b"one", b"two"]
