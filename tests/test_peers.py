"""The scripted peers themselves: a test is worth what its other end is worth."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from pathlib import Path

import pytest
from authority import Authority
from leaks import holdings, leftovers
from peers import Conversation, ScriptedPeer, StartPeer, echo


def connect(server: ScriptedPeer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=10)


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_script_sees_messages_however_they_are_cut(peer: StartPeer) -> None:
    """recv_until and recv_exactly give exactly what was asked for and lose nothing."""

    def script(talk: Conversation) -> None:
        assert talk.recv_until(b"\r\n") == b"one\r\n"
        assert talk.recv_exactly(3) == b"two"
        assert talk.recv_all() == b"rest"
        talk.send(b"ok")

    server = peer(script)
    with connect(server) as sock:
        for piece in (b"one", b"\r", b"\ntw", b"ore", b"st"):
            sock.send(piece)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b"ok"
    assert server.received == b"one\r\ntworest"


def test_fin_keeps_reading(peer: StartPeer) -> None:
    """After fin the other side has its end of file, and what it answers arrives."""

    def script(talk: Conversation) -> None:
        talk.fin()
        talk.recv_all()

    server = peer(script)
    with connect(server) as sock:
        assert sock.recv(1) == b""
        sock.sendall(b"x" * 100_000)
    server.wait()
    assert len(server.received) == 100_000


def test_rst_arrives_after_the_data(peer: StartPeer) -> None:
    """Rst is ECONNRESET for the other side."""
    server = peer(Conversation.rst)
    with pytest.raises(ConnectionResetError), connect(server) as sock:  # be it as it connects
        sock.recv(1)


def test_unclean_end_is_no_close_notify(peer: StartPeer, tls_ca: Authority) -> None:
    """Fin without close_notify is a truncation that TLS can tell."""

    def script(talk: Conversation) -> None:
        talk.send(b"half")
        talk.fin(close_notify=False)

    server = peer(script, tls=tls_ca.server_context())
    with connect(server) as raw:
        context = tls_ca.client_context()
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # CPython 3.11.2 sets it
        wrapped = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        with wrapped as sock:
            assert sock.recv(4) == b"half"
            with pytest.raises(ssl.SSLError, match=r"(?i)eof"):
                sock.recv(1)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_conversation_ends_cleanly(
    peer: StartPeer, tls_ca: Authority, version: ssl.TLSVersion
) -> None:
    """A megabyte goes there and back under TLS and ends in close_notify."""
    context = tls_ca.server_context()
    context.maximum_version = version
    payload = os.urandom(1 << 20)

    def script(talk: Conversation) -> None:
        talk.send(talk.recv_exactly(len(payload)))

    server = peer(script, tls=context)
    with connect(server) as raw:
        client = tls_ca.client_context()
        wrapped = client.wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
        with wrapped as sock:
            sock.sendall(payload)
            assert read_all(sock) == payload


def test_refused_handshake_is_the_script_s_error(peer: StartPeer, tls_ca: Authority) -> None:
    """A client that does not trust the certificate is recorded, and sent nothing."""
    server = peer(echo, tls=tls_ca.server_context())
    with connect(server) as raw, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
    server.wait()
    assert isinstance(server.errors[0], ssl.SSLError)
    assert server.received == b""


def test_stall_lasts_until_release(peer: StartPeer) -> None:
    """A stalled script goes on when the test says so, not before."""

    def script(talk: Conversation) -> None:
        talk.stall()
        talk.send(b"awake")

    server = peer(script)
    with connect(server) as sock:
        server.wait_stalled()
        assert select.select([sock], [], [], 0) == ([], [], [])
        server.release()
        assert read_all(sock) == b"awake"


def test_connections_take_the_scripts_in_turn(peer: StartPeer) -> None:
    """Each connection gets the next script, and one too many is refused."""
    server = peer(lambda talk: talk.send(b"1"), lambda talk: talk.send(b"2"))
    with connect(server) as first, connect(server) as second:
        assert [read_all(first), read_all(second)] == [b"1", b"2"]
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_unix_and_repeat(peer: StartPeer, tmp_path: Path) -> None:
    """A peer listens on a path as well, and repeats its script for ever."""
    server = peer(echo, path=tmp_path / "s", repeat=True)
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(server.name)
            sock.sendall(b"hello")
            sock.shutdown(socket.SHUT_WR)
            assert read_all(sock) == b"hello"
    assert server.address("unix") == f"unix://{tmp_path}/s"


def test_address_brackets_ipv6(peer: StartPeer) -> None:
    """The address of an IPv6 peer can be parsed."""
    server = peer(echo, family=socket.AF_INET6)
    assert server.address("http", "/x") == f"http://[::1]:{server.port}/x"


def test_mistake_in_a_script_fails_the_test() -> None:
    """An assertion in a script is raised in the test's own thread."""

    def script(talk: Conversation) -> None:
        assert talk.recv_exactly(1) == b"y"

    server = ScriptedPeer(script)
    with connect(server) as sock:
        sock.sendall(b"x")
        assert read_all(sock) == b""
    with pytest.raises(AssertionError, match="b'y'"):
        server.finish()


def test_leak_check_names_descriptors_and_threads() -> None:
    """A descriptor and a thread that outlive their test are reported by name."""
    before = holdings()
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="forgotten")
    thread.start()
    with open("/dev/null", "rb"):
        left = holdings().beyond(before)
    over.set()
    thread.join()
    assert "/dev/null" in left
    assert "forgotten" in left
    assert leftovers(before) == ""


def test_leak_check_sees_a_zombie() -> None:
    """A child that nobody has waited for is left behind, even when it has ended."""
    before = holdings()
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert "child" in holdings().beyond(before)
    os.waitpid(pid, 0)
    assert leftovers(before) == ""
