"""unix, unix-dgram and unix-seqpacket: sockets of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import StartPeer, echo

import fildes


@contextlib.contextmanager
def bound(kind: socket.SocketKind, name: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind(name)
        sock.settimeout(20)
        yield sock


def test_path(peer: StartPeer, tmp_path: Path) -> None:
    """A socket in the file system is a conversation."""
    server = peer(echo, path=tmp_path / "a b?")
    with fildes.open(f"unix:{tmp_path}/a%20b%3F") as f:
        f.write(b"hello")
        f.half_close()
        assert f.read() == b"hello"
        assert f.peer == f"unix:{tmp_path}/a%20b%3F"
        assert f.local is None
    assert server.received == b"hello"


def test_relative_path(peer: StartPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is relative to the working directory."""
    peer(lambda talk: talk.send(b"here"), path=tmp_path / "s")
    monkeypatch.chdir(tmp_path)
    with fildes.open("unix:./s") as f:
        assert f.read() == b"here"


def test_abstract_name() -> None:
    """A name after @ is looked up in the abstract namespace."""
    name = f"fildes-test-{os.getpid()}"
    with bound(socket.SOCK_STREAM, f"\0{name}") as listener:
        listener.listen()
        with fildes.open(f"unix://@{name}") as f:
            accepted, _ = listener.accept()
            with accepted:
                accepted.send(b"abstract")
            assert f.read() == b"abstract"
            assert f.peer == f"unix:@{name}"


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda path: None, errno.ENOENT),
        (lambda path: path.write_bytes(b""), errno.ECONNREFUSED),
        (lambda path: path.symlink_to(path), errno.ELOOP),
    ],
    ids=["nothing", "a file", "a loop"],
)
def test_failure_is_the_kernel_s(make: object, number: int, tmp_path: Path) -> None:
    """What is no live socket is the error that connect(2) gives, naming the address."""
    assert callable(make)
    make(tmp_path / "s")
    with pytest.raises(OSError) as caught:
        fildes.open(f"unix:{tmp_path}/s")
    assert caught.value.errno == number
    assert caught.value.filename == f"unix://{tmp_path}/s"


def test_too_long_a_path_is_said() -> None:
    """A path beyond the kernel's 107 bytes is an error that says so."""
    with pytest.raises(OSError, match="107 bytes") as caught:
        fildes.open(f"unix:/{'x' * 107}")
    assert caught.value.errno == errno.ENAMETOOLONG


def test_full_backlog_is_waited_for(tmp_path: Path) -> None:
    """A busy listener is waited for; the deadline ends the wait."""
    with bound(socket.SOCK_STREAM, str(tmp_path / "s")) as listener:
        listener.listen(0)
        address = f"unix:{tmp_path}/s"
        with fildes.open(address):
            with pytest.raises(TimeoutError):
                fildes.open(address, timeout=0.03)
            accepting = threading.Thread(target=lambda: listener.accept()[0].close())
            accepting.start()
            fildes.open(address, timeout=20).close()
            accepting.join()


def test_datagrams_are_answered(tmp_path: Path) -> None:
    """A unix-dgram file has a name of its own, so that the peer can answer."""
    with (
        bound(socket.SOCK_DGRAM, str(tmp_path / "s")) as sock,
        fildes.open(f"unix-dgram:{tmp_path}/s") as f,
    ):
        f.write(b"ping")
        data, name = sock.recvfrom(99)
        assert (data, name[:1]) == (b"ping", b"\0")
        sock.sendto(b"", name)
        sock.sendto(b"x" * 150_000, name)
        assert [f.read(), f.read()] == [b"", b"x" * 150_000]
        assert f.local == f"unix-dgram:@{name[1:].decode()}"


def test_wrong_type_is_said(tmp_path: Path) -> None:
    """A stream cannot be had from a socket of datagrams."""
    with bound(socket.SOCK_DGRAM, str(tmp_path / "s")), pytest.raises(OSError) as caught:
        fildes.open(f"unix:{tmp_path}/s")
    assert caught.value.errno == errno.EPROTOTYPE


@pytest.fixture
def records(tmp_path: Path) -> Iterator[tuple[fildes.DatagramFile, socket.socket]]:
    with bound(socket.SOCK_SEQPACKET, str(tmp_path / "s")) as listener:
        listener.listen()
        with fildes.open(f"unix-seqpacket:{tmp_path}/s") as f:
            accepted, _ = listener.accept()
            with accepted:
                assert isinstance(f, fildes.DatagramFile)
                yield f, accepted


def test_records_keep_their_bounds(
    records: tuple[fildes.DatagramFile, socket.socket],
) -> None:
    """Each write is one record and each read, and the end of file ends the iteration."""
    f, sock = records
    f.write(b"one")
    f.write(b"two")
    assert [sock.recv(99), sock.recv(99)] == [b"one", b"two"]
    for record in (b"a", b"bc", b"d" * 100_000):
        sock.send(record)
    sock.shutdown(socket.SHUT_WR)
    assert list(f) == [b"a", b"bc", b"d" * 100_000]
    assert f.read() == b""
    f.write(b"still")
    assert sock.recv(99) == b"still"


def test_empty_record_is_no_end(records: tuple[fildes.DatagramFile, socket.socket]) -> None:
    """An empty record does not pass for the end of file, not even just before it."""
    f, sock = records
    for record in (b"", b"a", b"", b"", b"b", b""):
        sock.send(record)
    assert f.read() == b"a"
    sock.close()
    assert [f.read(), f.read(), f.read()] == [b"b", b"", b""]


def test_too_long_a_record_is_kept(records: tuple[fildes.DatagramFile, socket.socket]) -> None:
    """A record longer than the buffer is kept for a larger one."""
    f, sock = records
    sock.send(b"12345")
    with pytest.raises(OSError, match="5 bytes, the buffer 2"):
        f.read(2)
    assert f.read(5) == b"12345"


@pytest.mark.parametrize("scheme", ["unix", "unix-seqpacket"])
def test_own_name(tmp_path: Path, scheme: str) -> None:
    """With bind our own end has a name, its owner's only, that is gone after the close."""
    own = tmp_path / "own"
    before = os.umask(0)
    try:
        with (
            fildes.listen(f"{scheme}:{tmp_path}/s") as listener,
            fildes.open(f"{listener.address}?bind={own}") as f,
            listener.accept() as accepted,
        ):
            assert f.local == accepted.peer == f"{scheme}:{own}"
            assert stat.S_IMODE(own.stat().st_mode) == 0o600
            f.write(b"x")
            f.half_close()
            assert accepted.read() == b"x"
    finally:
        os.umask(before)
    assert not own.exists()


def test_own_name_of_datagrams(tmp_path: Path) -> None:
    """A peer answers to the name that bind says; mode lets others do so."""
    own = tmp_path / "own"
    with bound(socket.SOCK_DGRAM, str(tmp_path / "s")) as sock:
        with fildes.open(f"unix-dgram:{tmp_path}/s?bind={own}&mode=622") as f:
            assert stat.S_IMODE(own.stat().st_mode) == 0o622
            f.write(b"ping")
            assert sock.recvfrom(99) == (b"ping", str(own))
            sock.sendto(b"pong", str(own))
            assert f.read() == b"pong"
        with fildes.open(f"unix-dgram:{tmp_path}/s?bind=@own-{os.getpid()}") as f:
            f.write(b"ping")
            assert sock.recvfrom(99) == (b"ping", f"\0own-{os.getpid()}".encode())
    assert not own.exists()


def test_own_name_that_is_taken(tmp_path: Path) -> None:
    """A name in use is EADDRINUSE and untouched; what a dead process has left is taken over."""
    own = tmp_path / "own"
    own.write_text("kept")
    with fildes.listen(f"unix:{tmp_path}/s") as listener:
        with pytest.raises(OSError, match="the local name") as caught:
            fildes.open(f"{listener.address}?bind={own}")
        assert caught.value.errno == errno.EADDRINUSE
        assert own.read_text() == "kept"
        own.unlink()
        with bound(socket.SOCK_DGRAM, str(own)):
            pass
        fildes.open(f"{listener.address}?bind={own}").close()
        assert not own.exists()


@pytest.mark.parametrize("failing", ["none", "file"])
def test_own_name_is_given_up_by_a_failed_open(tmp_path: Path, failing: str) -> None:
    """Where nobody listens no name is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):  # ENOENT or ECONNREFUSED, as above
        fildes.open(f"unix:{tmp_path}/{failing}?bind={tmp_path}/own")
    assert not (tmp_path / "own").exists()
    with pytest.raises(fildes.AddressError, match="octal"):
        fildes.open(f"unix:{tmp_path}/file?mode=999")
