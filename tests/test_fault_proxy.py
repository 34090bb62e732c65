"""The fault proxy itself: the faults happen where the plan says, and nowhere else."""

from __future__ import annotations

import os
import socket
import ssl
import time
from pathlib import Path

import pytest
from authority import Authority
from fault_proxy import FaultProxy, StartProxy
from faults import ALERT, APPLICATION_DATA, Faults, Plan, Records
from peers import Conversation, StartPeer, echo

DATA = bytes(range(256)) * 40


def connect(proxy: FaultProxy) -> socket.socket:
    # Without a time limit connect(2) itself waits. With one, a reset right behind the
    # accept would be found before what came first was received.
    sock = socket.create_connection(("127.0.0.1", proxy.port))
    sock.settimeout(20)
    return sock


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def read_into(got: bytearray, sock: socket.socket) -> None:
    """Read up to the end; what came stays in *got* when there is an error."""
    while data := sock.recv(65536):
        got += data


def send_and_wait(talk: Conversation) -> None:
    talk.send(DATA)
    talk.recv_all()


def exchange(proxy: FaultProxy, data: bytes) -> bytes:
    """Send *data*, end, and return the answer."""
    with connect(proxy) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def test_without_faults_all_passes(peer: StartPeer, fault_proxy: StartProxy) -> None:
    """Both directions pass unchanged, with their ends of file, and are counted."""
    proxy = fault_proxy(peer(echo).name)
    assert exchange(proxy, DATA) == DATA
    assert [direction.passed for direction in proxy.connections[0]] == [len(DATA)] * 2


def test_unix_on_both_sides(peer: StartPeer, fault_proxy: StartProxy, tmp_path: Path) -> None:
    """The proxy listens on a unix socket and connects to one as well."""
    fault_proxy(peer(echo, path=tmp_path / "target").name, path=tmp_path / "proxy")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / "proxy"))
        sock.sendall(DATA)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == DATA


@pytest.mark.parametrize(("slices", "segments"), [((1,), 1200), ((1, 2, 3), 600), ((3, 7), 240)])
def test_slices(
    slices: tuple[int, ...], segments: int, peer: StartPeer, fault_proxy: StartProxy
) -> None:
    """Bytes go in segments of the sizes given, over and over, and nothing is lost."""
    proxy = fault_proxy(peer(echo).name, Plan(there=Faults(slices=slices)))
    assert exchange(proxy, DATA[:1200]) == DATA[:1200]
    there, back = proxy.connections[0]
    assert there.segments == segments
    assert back.passed == 1200


@pytest.mark.parametrize("at", [0, 1, 100, len(DATA)])
def test_cut_by_fin(at: int, peer: StartPeer, fault_proxy: StartProxy) -> None:
    """So many bytes arrive, then the end of file; the other direction goes on."""
    server = peer(lambda talk: talk.send(talk.recv_all()[::-1] + b"."))
    assert exchange(fault_proxy(server.name, Plan(there=Faults(cut_at=at))), DATA) == (
        DATA[:at][::-1] + b"."
    )


@pytest.mark.parametrize("at", [0, 1, 100, len(DATA)])
def test_cut_by_rst(at: int, peer: StartPeer, fault_proxy: StartProxy) -> None:
    """So many bytes arrive, all of them, then ECONNRESET; for the sender as well."""
    server = peer(send_and_wait)
    proxy = fault_proxy(server.name, Plan(back=Faults(cut_at=at, reset=True)))
    got = bytearray()
    with connect(proxy) as sock, pytest.raises(ConnectionResetError):
        read_into(got, sock)
    assert got == DATA[:at]
    server.wait()
    assert [type(error) for error in server.errors] == [ConnectionResetError]


def test_stall(peer: StartPeer, fault_proxy: StartProxy) -> None:
    """So many bytes arrive and nothing more, until the test lets it go on."""
    proxy = fault_proxy(peer(echo).name, Plan(back=Faults(stall_at=7)))
    with connect(proxy) as sock:
        sock.sendall(DATA)
        sock.shutdown(socket.SHUT_WR)
        proxy.wait_stalled()
        assert sock.recv(65536) == DATA[:7]
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        proxy.release()
        sock.settimeout(20)
        assert read_all(sock) == DATA[7:]


def test_a_plan_for_each_connection(peer: StartPeer, fault_proxy: StartProxy) -> None:
    """Connections take the plans in turn; the last one is for all that follow."""
    proxy = fault_proxy(peer(echo, repeat=True).name, Plan(back=Faults(cut_at=3)), Plan())
    assert [exchange(proxy, b"hello") for _ in range(3)] == [b"hel", b"hello", b"hello"]


def test_nobody_at_the_target(fault_proxy: StartProxy) -> None:
    """A target that refuses is a connection that ends, and the proxy lives on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        unused = listener.getsockname()
    proxy = fault_proxy(unused)
    for _ in range(2):
        with connect(proxy) as sock:
            assert sock.recv(1) == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_dropped_close_notify(
    version: ssl.TLSVersion, peer: StartPeer, tls_ca: Authority, fault_proxy: StartProxy
) -> None:
    """All data of a TLS stream arrive, then an end of file without close_notify."""
    server = peer(lambda talk: talk.send(DATA), tls=tls_ca.server_context())
    proxy = fault_proxy(server.name, Plan(back=Faults(drop_close_notify=True)))
    context = tls_ca.client_context()
    context.maximum_version = version
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # CPython 3.11.2 sets it
    with (
        connect(proxy) as raw,
        context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as sock,
    ):
        got = bytearray()
        with pytest.raises(ssl.SSLError, match=r"(?i)eof"):
            read_into(got, sock)
        assert got == DATA


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_records_are_found_however_they_come(step: int) -> None:
    """Of records cut anywhere all pass but an alert at the end; a broken one passes too."""
    data, alert = record(APPLICATION_DATA, 50), record(ALERT, 2)
    disguised = record(APPLICATION_DATA, 19)
    stream = data + alert + data + disguised + data + disguised
    records = Records()
    got = b"".join(
        records.feed(stream[start : start + step]) for start in range(0, len(stream), step)
    )
    assert got == stream[: -len(disguised)]
    assert not records.unread


def record(content_type: int, size: int) -> bytes:
    return bytes([content_type, 3, 3]) + size.to_bytes(2, "big") + os.urandom(size)


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults", [Faults(latency=0.3), Faults(bandwidth=len(DATA) / 0.3)], ids=["latency", "bandwidth"]
)
def test_time(faults: Faults, peer: StartPeer, fault_proxy: StartProxy) -> None:
    """Latency and bandwidth take at least their time; nothing is lost."""
    proxy = fault_proxy(peer(echo).name, Plan(back=faults))
    start = time.monotonic()
    assert exchange(proxy, DATA) == DATA
    assert time.monotonic() - start >= 0.29
