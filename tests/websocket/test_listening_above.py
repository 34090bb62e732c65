"""ws-listen and wss-listen at places that are no ports: paths, descriptors, other listeners."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from loops import LOOPS, RunLoop
from pair_ends import abstract_name
from relay_commands import relay_running
from tasks import together
from tls_listeners import query
from websocket_listeners import echoing

import fildes
import fildes.aio
from fildes.address import Address, build, parse
from fildes.opening.registry import find_scheme

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def sock(nothing_left_behind: None) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def asked(address: str, **options: Any) -> bytes:
    """Return what a server that echoes answers to us at *address*."""
    with fildes.open(address, timeout=20, **options) as f:
        f.write(b"hello\n")
        f.half_close()
        return bytes(f.read())


@pytest.mark.parametrize(("text", "path"), [
    ("ws-listen:///a%20b/c?ping=5::unix-listen:///run/s?mode=660", "/a%20b/c"),
    ("ws-listen:/a?ping=5::unix-listen:///run/s", "/a"),
    ("ws-listen:?ping=5::unix-listen:///run/s", ""),
    ("ws-listen::systemd-listen:", ""),
    ("wss-listen:/a?cert=/c.pem::fd-listen:3", "/a"),
])  # fmt: skip
def test_addresses(text: str, path: str) -> None:
    """A path and the options stand before the place; the text of an address parses to it."""
    address = parse(text, find_scheme)
    assert (address.path, address.host, address.port) == (path, "", None)
    assert address.inner is not None
    assert parse(str(address), find_scheme) == address


def test_address_from_parts() -> None:
    """Built from parts it is the same address; what is data in a path is escaped."""
    inner = build(find_scheme, "unix-listen", path="/run/s")
    built = build(find_scheme, "ws-listen", path=["a b", "c"], inner=inner, ping=5.0)
    assert built == parse("ws-listen:/a%20b/c?ping=5::unix-listen:/run/s", find_scheme)


@pytest.mark.parametrize(("address", "said"), [
    ("ws-listen://:8080/x::unix-listen:/s", "says where ws-listen listens"),
    ("ws-listen://host/x::unix-listen:/s", "says where ws-listen listens"),
    ("wss-listen:x::unix-listen:/s", "wss-listen:/PATH"),
    ("ws-listen:/x%00::unix-listen:/s", "NUL"),
    ("ws-listen:/x::unix:/s", "unix does not"),
    ("ws-listen:/x", "needs '//'"),
    ("ws-listen:?pong=5::unix-listen:/s", "did you mean ping"),
])  # fmt: skip
def test_wrong_addresses(address: str, said: str) -> None:
    """A place that is said twice, or is none, is an error of the address."""
    with pytest.raises(fildes.AddressError, match=said):
        parse(address, find_scheme)


def test_wrong_parts() -> None:
    """A host or a query beside the place is an error."""
    inner = Address("unix-listen", path="/s")
    for parts in ({"host": "h"}, {"port": 80}, {"query": "a=b"}):
        with pytest.raises(fildes.AddressError):
            build(find_scheme, "ws-listen", inner=inner, **parts)


def test_option_of_the_place() -> None:
    """An option that is for whoever listens below is refused, and names that one."""
    with pytest.raises(fildes.AddressError, match="give it to unix-listen"):
        fildes.listen(f"ws-listen:?backlog=5::unix-listen:{abstract_name()}")


def test_path(tmp_path: Path) -> None:
    """At a path: its file has its mode, the address is openable, another path is refused."""
    place = f"unix-listen:{tmp_path}/s?mode=660"
    with echoing(f"ws-listen:/chat::{place}") as listener:
        assert listener.address == f"ws://localhost/chat::unix://{tmp_path}/s"
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
        assert asked(listener.address) == b"hello\n"
        with pytest.raises(FileNotFoundError):
            fildes.open(f"ws://localhost/other::unix:{tmp_path}/s")
    assert not (tmp_path / "s").exists()


def test_path_under_tls(tls_ca: Authority) -> None:
    """wss-listen at a place of another: TLS, then the handshake of WebSocket."""
    place = f"unix-listen:{abstract_name()}"
    with echoing(f"wss-listen:/x?{query(tls_ca)}::{place}") as listener:
        assert listener.address.startswith("wss://localhost/x::unix:")
        assert asked(listener.address, wss={"ca": tls_ca.ca_file}) == b"hello\n"


def test_above_a_tls_listener(tls_ca: Authority) -> None:
    """Above tls-listen it is the same as wss-listen there."""
    with echoing(f"ws-listen:/x::tls-listen://localhost:0?{query(tls_ca)}") as listener:
        assert listener.address.startswith("ws://localhost/x::tls://localhost:")
        assert asked(listener.address, tls={"ca": tls_ca.ca_file}) == b"hello\n"
        port = listener.address.rpartition(":")[2]
        assert asked(f"wss://localhost:{port}/x", wss={"ca": tls_ca.ca_file}) == b"hello\n"


def test_above_a_websocket() -> None:
    """A WebSocket may carry another one."""
    with echoing(f"ws-listen:/in::ws-listen:/out::unix-listen:{abstract_name()}") as listener:
        assert listener.address.startswith("ws://localhost/in::ws://localhost/out::unix:")
        assert asked(listener.address) == b"hello\n"


def test_descriptor(sock: socket.socket) -> None:
    """At a socket that is there already, which stays."""
    with echoing(f"ws-listen:/x::fd-listen:{sock.fileno()}") as listener:
        port = sock.getsockname()[1]
        assert listener.address == f"ws://localhost/x::tcp://127.0.0.1:{port}"
        assert asked(listener.address) == asked(f"ws://127.0.0.1:{port}/x") == b"hello\n"
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_with_the_proxy_protocol() -> None:
    """What the layer below has to do first it does: the PROXY header comes before the request."""
    peers = []
    with fildes.listen("ws-listen::tcp-listen://127.0.0.1:0?proxy-protocol=on") as listener:

        def serve() -> None:
            with listener.accept(timeout=20) as f:
                peers.append(f.peer)

        server = threading.Thread(target=serve)
        server.start()
        with fildes.open(f"{listener.address}?proxy-protocol=v1") as f:
            assert f.read() == b""
            server.join()
            assert peers == [f.local]


def test_records_carry_none() -> None:
    """Records and datagrams are no byte stream: EPROTOTYPE, and nothing is left behind."""
    for place in (f"unix-seqpacket-listen:{abstract_name()}", "udp-listen://127.0.0.1:0"):
        with pytest.raises(OSError, match="ws-listen needs a byte stream") as caught:
            fildes.listen(f"ws-listen::{place}")
        assert caught.value.errno == errno.EPROTOTYPE


def test_relay(tmp_path: Path) -> None:
    """In a relay the same address serves each client, by its path in the file system."""
    with relay_running(f"ws-listen:/x::unix-listen:{tmp_path}/s", "exec:rev") as running:
        for _ in range(2):
            assert asked(running.address) == b"olleh\n"


def test_handshake_has_a_deadline() -> None:
    """handshake-timeout is of the WebSocket: a client that says nothing is cut off."""
    name = abstract_name()
    with (
        echoing(f"ws-listen:?handshake-timeout=0.05::unix-listen:{name}"),
        socket.socket(socket.AF_UNIX) as slow,
    ):
        slow.settimeout(20)
        slow.connect(f"\0{name[1:]}")
        assert slow.recv(1) == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronously(loop: RunLoop) -> None:
    """The same in asyncio and trio."""

    async def main() -> None:
        address = f"ws-listen:/x::unix-listen:{abstract_name()}"
        async with await fildes.aio.listen(address, handshake_timeout=20) as listener:

            async def client() -> None:
                async with await fildes.aio.open(listener.address) as f:
                    await f.write(b"hello\n")
                    assert await f.readline() == b"hello\n"

            async def server() -> None:
                async with await listener.accept() as f:
                    await f.write(await f.readline())
                    assert await f.read() == b""

            await together(client, server)

    loop(main())


SERVE = """
import fildes
with fildes.listen("ws-listen:/x::systemd-listen:") as listener:
    with listener.accept(timeout=20) as f:
        f.write(b"passed by systemd")
"""


def test_what_systemd_passes(sock: socket.socket) -> None:
    """LISTEN_FDS: a socket unit's socket is served."""
    passing = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
        "os.execv(sys.executable, [sys.executable, '-c', *sys.argv[2:]])"
    )
    argv = [sys.executable, "-c", passing, str(sock.fileno()), SERVE]
    environment = {**os.environ, "LISTEN_FDS": "1", "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(argv, pass_fds=[sock.fileno()], env=environment) as program:
        with fildes.open(f"ws://127.0.0.1:{sock.getsockname()[1]}/x", timeout=20) as f:
            assert f.read() == b"passed by systemd"
        assert program.wait(20) == 0
