"""The PROXY protocol, told and heard: whose connection is passed on."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from tls_listeners import ask, echo, echoing, options

import fildes
from fildes.drivers import blocking
from fildes.opening.announcing import header_of
from fildes.wire.proxy_header import ProxyHeader, encode

needs_haproxy = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")

TOLD = ProxyHeader(("192.0.2.1", 5000), ("192.0.2.2", 80))
ACCEPTS = 0x10000  #: __SO_ACCEPTCON of linux/net.h, as /proc/net/unix shows it

HEARING = "tcp-listen://127.0.0.1:0?proxy-protocol=on"


def connect(listener: Any, head: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", int(listener.address.rpartition(":")[2])), 20)
    sock.sendall(head)
    return sock


@pytest.mark.parametrize("version", [1, 2])
def test_peer_is_the_one_told(version: int) -> None:
    """The ends of an accepted connection are those told, and its bytes what follows."""
    head = encode(version, TOLD) + b"hello\n"
    with (
        fildes.listen(HEARING) as listener,
        connect(listener, head),
        listener.accept(timeout=20) as f,
    ):
        assert (f.peer, f.local) == ("tcp://192.0.2.1:5000", "tcp://192.0.2.2:80")
        assert f.readline() == b"hello\n"


@pytest.mark.parametrize("version", [1, 2])
def test_nobody_is_told(version: int) -> None:
    """A health check of who passes on is a connection from there."""
    with (
        fildes.listen(HEARING) as listener,
        connect(listener, encode(version, ProxyHeader())) as sock,
        listener.accept(timeout=20) as f,
    ):
        assert f.peer == "tcp://{}:{}".format(*sock.getsockname())


def test_header_comes_byte_by_byte() -> None:
    """However the header is cut, it is one; a client that is slow with it delays nobody."""
    with fildes.listen(HEARING) as listener, connect(listener, b"") as slow:
        *head, last = encode(1, TOLD)
        for byte in head:
            slow.send(bytes([byte]))
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0)
            if byte == ord("4"):
                with connect(listener, encode(2, TOLD)), listener.accept(timeout=20) as f:
                    assert f.peer == "tcp://192.0.2.1:5000"
        slow.send(bytes([last]))
        with listener.accept(timeout=20) as f:
            assert f.peer == "tcp://192.0.2.1:5000"


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n\r\n", b"PROXY", encode(2, TOLD)[:-1]])
def test_without_a_header_nobody_is_let_in(head: bytes) -> None:
    """It is never guessed whether there is a header: without one a client is refused."""
    reasons: list[Exception] = []
    with fildes.listen(HEARING) as listener, connect(listener, head) as sock:
        listener.acceptor.refused = lambda peer, reason: reasons.append(reason)
        sock.shutdown(socket.SHUT_WR)
        while not reasons:
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert isinstance(reasons[0], fildes.ProtocolError)


def test_who_begins_otherwise_is_not_waited_for() -> None:
    """What can be no header any more is refused although its sender says no more."""
    with fildes.listen(HEARING) as listener, connect(listener, b"SSH-") as sock:
        while not select.select([sock], [], [], 0)[0]:
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_header_is_data_unless_asked_for() -> None:
    """A listener without the option takes a header for what it looks like: bytes."""
    head = encode(1, TOLD)
    with (
        fildes.listen("tcp://127.0.0.1:0") as listener,
        connect(listener, head),
        listener.accept(timeout=20) as f,
    ):
        assert f.readline() == head


def test_limits_are_of_the_client_told() -> None:
    """`max_per_peer` counts those told, `allow` is about who passes on."""
    other = ProxyHeader(("192.0.2.9", 1), ("192.0.2.2", 80))
    with (
        fildes.listen(HEARING, max_per_peer=1, allow=["127.0.0.1"]) as listener,
        connect(listener, encode(1, TOLD)),
        listener.accept(timeout=20),
        connect(listener, encode(1, TOLD)) as second,
        connect(listener, encode(1, other)),
        listener.accept(timeout=20) as third,
    ):
        assert third.peer == "tcp://192.0.2.9:1"
        while not select.select([second], [], [], 0)[0]:
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        with pytest.raises(ConnectionResetError):
            second.recv(1)


def test_header_stands_before_tls(tls_ca: Authority) -> None:
    """Under TLS the header comes first, in clear, from either end."""
    tls = options(tls_ca.localhost)
    with (
        fildes.listen("tls-listen://127.0.0.1:0?proxy-protocol=on", tls=tls) as listener,
        echoing(listener) as served,
    ):
        for version in ("v1", "v2"):
            told = {"proxy-protocol": version}
            with ask(listener, tls_ca.ca_file, **told) as f:
                assert echo(f) == b"hello\n"
                assert served[-1] == f.local.replace("tls:", "tcp:")
        with fildes.open(
            listener.address, tls={"ca": tls_ca.ca_file}, tcp={"proxy-protocol": "v2"}
        ) as f:
            assert echo(f) == b"hello\n"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_our_own_connection_is_told(version: str) -> None:
    """Opened for nobody else, a connection tells its own ends."""
    with (
        fildes.listen(HEARING) as listener,
        fildes.open(f"{listener.address}?proxy-protocol={version}") as ours,
        listener.accept(timeout=20) as theirs,
    ):
        assert (theirs.peer, theirs.local) == (ours.local, ours.peer)
        assert [step.name for step in ours.trace] == ["connect", "proxy"]


def test_another_connection_is_told() -> None:
    """Opened for an accepted connection, it tells that one's ends, from hop to hop."""
    from fildes.verbs import prepare

    with (
        fildes.listen(HEARING) as first,
        fildes.listen(HEARING) as second,
        connect(first, encode(1, TOLD)),
        first.accept(timeout=20) as f,
    ):
        opening, _ = prepare(f"{second.address}?proxy-protocol=v2", None, None, {})
        opening.on_behalf_of = header_of(f.description.stream)
        stream = blocking.run(opening.run())
        with second.accept(timeout=20) as theirs:
            assert theirs.peer == "tcp://192.0.2.1:5000"
        stream.abort()


@needs_curl
def test_curl_tells() -> None:
    """What `curl --haproxy-protocol` sends is understood."""
    with fildes.listen(HEARING) as listener:
        lines = []

        def serve() -> None:
            with listener.accept(timeout=20) as f:
                lines.append(f.readline())
                while f.readline().strip():
                    pass
                f.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = listener.address.replace("tcp:", "http:")
        command = ["curl", "-sS", "--noproxy", "*", "--haproxy-protocol", f"{url}/x"]
        assert subprocess.run(command, timeout=60).returncode == 0
        thread.join()
    assert lines == [b"GET /x HTTP/1.1\r\n"]


@contextlib.contextmanager
def haproxy(tmp_path: Path, server: str) -> Iterator[Path]:
    """Run HAProxy between a unix socket and a *server* line; yield the socket's path."""
    socket_path, config = tmp_path / "in", tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout connect 10s\n timeout client 20s\n timeout server 20s\n"
        f"listen x\n bind {socket_path}\n server s {server}\n"
    )
    command = ["haproxy", "-db", "-q", "-f", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            while not is_listened_at(socket_path) and process.poll() is None:
                pass
            yield socket_path
        finally:
            process.terminate()


def is_listened_at(path: Path) -> bool:
    """Tell whether a socket listens there: it has its file, by another name first, before."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    named = [line for line in lines if line[-1].startswith(str(path))]
    return path.exists() and any(int(flags, 16) & ACCEPTS for _, _, _, flags, *_ in named)


@needs_haproxy
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
def test_haproxy_tells(option: str, tmp_path: Path) -> None:
    """What HAProxy's send-proxy sends is understood."""
    with fildes.listen(HEARING) as listener:
        place = listener.address.removeprefix("tcp://")
        with haproxy(tmp_path, f"{place} {option}") as path, socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"hello\n")
            with listener.accept(timeout=20) as f:
                assert f.readline() == b"hello\n"
