"""Addresses that listen: opening one accepts one connection."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from loops import DRIVERS, RunProtocol

import fildes
from fildes.opening import registry
from fildes.testing import both, open_stream

LISTENING = [name for name in registry.known() if name.endswith("-listen")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("scheme", ["tcp", "tcp4"])
@pytest.mark.parametrize("run", DRIVERS)
def test_opening_accepts_one_connection(run: RunProtocol, scheme: str) -> None:
    """An address that listens opens as the first connection, and nobody listens any more."""
    port = free_port()

    async def scenario() -> None:
        ours, theirs = await both(
            open_stream(f"{scheme}-listen://127.0.0.1:{port}"),
            open_stream(f"{scheme}://127.0.0.1:{port}"),
        )
        await theirs.send_all(b"hello")
        assert await ours.recv() == b"hello"
        assert ours.peer == theirs.local
        with pytest.raises(ConnectionRefusedError):
            await open_stream(f"tcp://127.0.0.1:{port}")
        await theirs.close()
        await ours.close()

    run(scenario())


@pytest.mark.parametrize("scheme", ["unix", "unix-seqpacket"])
@pytest.mark.parametrize("run", DRIVERS)
def test_path_is_removed_once_it_has_accepted(
    run: RunProtocol, scheme: str, tmp_path: Path
) -> None:
    """The socket's file is gone as soon as the one connection is there."""
    path = tmp_path / "s"

    async def scenario() -> None:
        ours, theirs = await both(
            open_stream(f"{scheme}-listen:{path}"), open_stream(f"{scheme}:{path}")
        )
        assert not path.exists()
        await theirs.close()
        await ours.close()

    run(scenario())


def test_opening_ends_with_its_timeout(tmp_path: Path) -> None:
    """ACCEPTTIMEOUT: when nobody comes in time, that is an error, and nothing is left."""
    for address in (f"tcp-listen://127.0.0.1:{free_port()}", f"unix-listen:{tmp_path}/s"):
        with pytest.raises(TimeoutError) as caught:
            fildes.open(address, timeout=0.01)
        failure = fildes.failure_of(caught.value)
        assert failure is not None
        assert failure.step == "listen"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("scheme", LISTENING)
def test_listening_is_not_for_strangers(scheme: str) -> None:
    """An address that somebody else wrote opens no port of ours."""
    assert not registry.find_scheme(scheme).confined


def test_both_names_are_one_place() -> None:
    """`fildes.listen` takes both names, and its listener's address is one to open."""
    for scheme in ("tcp", "tcp-listen", "tcp4", "tcp4-listen"):
        with fildes.listen(f"{scheme}://127.0.0.1:0?nodelay=off") as listener:
            name, _, place = listener.address.partition("://")
            assert name == scheme.removesuffix("-listen")
            assert place.startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("address", "options", "error"),
    [
        ("tcp://:0?bind=127.0.0.1", {}, fildes.AddressError),
        ("tcp://:0", {"tcp": {"sourceport": 80}}, TypeError),
        ("tls://:0?sni=off", {}, fildes.AddressError),
    ],
)
def test_options_of_connecting_are_refused(
    address: str, options: dict[str, Any], error: type[Exception]
) -> None:
    """What says how to connect says nothing of a place to listen at."""
    with pytest.raises(error, match=r"-listen has no option|tcp_listen has no option"):
        fildes.listen(address, **options)


def test_options_of_sockets() -> None:
    """Options of a connection are those of each accepted one."""
    with (
        fildes.listen("tcp://127.0.0.1:0?keepidle=7", tcp={"nodelay": False}) as listener,
        fildes.open(listener.address),
        listener.accept(timeout=20) as f,
    ):
        sock = f.description.stream.sock  # type: ignore[attr-defined]  # a SocketStream
        assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    with (
        fildes.listen("tcp://127.0.0.1:0") as listener,
        fildes.open(listener.address),
        listener.accept(timeout=20) as f,
    ):
        sock = f.description.stream.sock  # type: ignore[attr-defined]  # a SocketStream
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_port_can_be_shared_on_purpose() -> None:
    """With reuseport several listeners of one user have the same port."""
    with fildes.listen("tcp://127.0.0.1:0?reuseport=on") as first:
        port = first.address.rpartition(":")[2]
        with fildes.listen(f"tcp-listen://127.0.0.1:{port}?reuseport=on") as second:
            assert second.address == first.address


def test_backlog_is_as_said() -> None:
    """A queue of a given length is full after as many connections and one."""
    with fildes.listen("tcp://127.0.0.1:0?backlog=1") as listener:
        clients = [fildes.open(listener.address) for _ in range(2)]
        with pytest.raises(TimeoutError):
            fildes.open(listener.address, timeout=0.05)
        for client in clients:
            client.abort()


@pytest.mark.parametrize(("mode", "umask"), [("600", 0), ("0660", 0o027), ("666", 0o077)])
def test_mode_is_as_said(mode: str, umask: int, tmp_path: Path) -> None:
    """The permissions of a socket's file are those asked for, whatever the umask."""
    before = os.umask(umask)
    try:
        with fildes.listen(f"unix:{tmp_path}/s?mode={mode}"):
            found = stat.S_IMODE((tmp_path / "s").stat().st_mode)
    finally:
        os.umask(before)
    assert found == int(mode, 8)


@pytest.mark.parametrize("mode", ["rw", "1777", "9", "66"])
def test_mode_that_is_none(mode: str, tmp_path: Path) -> None:
    """What is no three octal digits is no mode."""
    with pytest.raises(fildes.AddressError, match="three octal digits"):
        fildes.listen(f"unix:{tmp_path}/s?mode={mode}")
