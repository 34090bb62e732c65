"""socks5, socks4a and connect: what a proxy may answer, and must not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from authority import Authority
from peers import Conversation, StartPeer

import fildes


def test_proxy_under_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """An HTTP proxy is itself reached under TLS; what follows is TLS in TLS."""

    def proxy(talk: Conversation) -> None:
        assert talk.recv_until(b"\r\n\r\n").startswith(b"CONNECT inside.test:25 HTTP/1.1\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n220 ready\r\n")

    server = peer(proxy, tls=tls_ca.server_context())
    layers = f"connect://localhost:{server.port}::tls://localhost:{server.port}"
    with fildes.open(f"tcp://inside.test:25::{layers}", tls={"ca": tls_ca.ca_file}) as f:
        assert f.readline() == b"220 ready\r\n"


def socks5_proxy(answer: bytes) -> Callable[[Conversation], None]:
    def proxy(talk: Conversation) -> None:
        talk.recv_exactly(3)
        talk.send(b"\5\0")
        talk.recv_exactly(4)
        talk.recv_exactly(talk.recv_exactly(1)[0] + 2)
        for byte in answer:
            talk.send(bytes([byte]))

    return proxy


def socks4a_proxy(answer: bytes) -> Callable[[Conversation], None]:
    def proxy(talk: Conversation) -> None:
        talk.recv_exactly(8)
        talk.recv_until(b"\0")
        talk.recv_until(b"\0")
        talk.send(answer)

    return proxy


def connect_proxy(answer: bytes) -> Callable[[Conversation], None]:
    def proxy(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(answer)

    return proxy


SCRIPTS = {"socks5": socks5_proxy, "socks4a": socks4a_proxy, "connect": connect_proxy}

SOCKS5_DONE = b"\5\0\0\1\1\2\3\4\0\7"
SOCKS4_DONE = b"\0\x5a\0\7\1\2\3\4"

GOOD = [
    ("socks5", SOCKS5_DONE),
    ("socks5", b"\5\0\0\3\4name\0\7"),
    ("socks5", b"\5\0\0\4" + bytes(16) + b"\0\7"),
    ("socks4a", SOCKS4_DONE),
    ("connect", b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ("connect", b"HTTP/1.0  200   OK\r\n\r\n"),
    ("connect", b"HTTP/1.0   200  it  works\r\nVia:  x\r\n\r\n"),
    ("connect", b"HTTP/1.0 200\r\nVia: x\r\nContent-Length: 5\r\n\r\n"),
    ("connect", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\nA: b\r\n\r\n"),
]


@pytest.mark.parametrize(("scheme", "answer"), GOOD)
@pytest.mark.parametrize("banner", [b"", b"\r\n\r\n220 hello"])
def test_bytes_after_the_answer(scheme: str, answer: bytes, banner: bytes, peer: StartPeer) -> None:
    """What comes in one segment with the proxy's answer is the target's, to the byte."""
    server = peer(SCRIPTS[scheme](answer + banner))
    with fildes.open(f"tcp://inside.test:25::{server.address(scheme)}") as f:
        assert subprocess.run(["cat"], stdin=f, stdout=subprocess.PIPE).stdout == banner


BAD = [
    ("socks5", b"", fildes.IncompleteError),
    ("socks5", SOCKS5_DONE[:6], fildes.IncompleteError),
    ("socks5", b"HTTP/1.1 400 Bad\r\n", fildes.ProtocolError),
    ("socks5", b"\5\0\0\7\1\2\3\4\0\7", fildes.ProtocolError),
    ("socks5", b"\5\1\0\1" + bytes(6), OSError),
    ("socks5", b"\5\2\0\1" + bytes(6), PermissionError),
    ("socks5", b"\5\5\0\1" + bytes(6), ConnectionRefusedError),
    ("socks5", b"\5\6\0\1" + bytes(6), TimeoutError),
    ("socks4a", b"", fildes.IncompleteError),
    ("socks4a", SOCKS4_DONE[:7], fildes.IncompleteError),
    ("socks4a", b"HTTP/1.1 400 Bad\r\n", fildes.ProtocolError),
    ("socks4a", b"\0\x5b" + bytes(6), ConnectionRefusedError),
    ("socks4a", b"\0\x5d" + bytes(6), PermissionError),
    ("connect", b"", fildes.IncompleteError),
    ("connect", b"HTTP/1.1 200 OK\r\n", fildes.IncompleteError),
    ("connect", b"HTTP/1.1 200 OK\n\n", fildes.ProtocolError),
    ("connect", b"SSH-2.0-OpenSSH\r\n", fildes.ProtocolError),
    ("connect", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 65536, fildes.ProtocolError),
    ("connect", b"HTTP/1.1 403 No\r\n\r\n", PermissionError),
    ("connect", b"HTTP/1.1 407 Who\r\n\r\n", PermissionError),
    ("connect", b"HTTP/1.1 504 Slow\r\n\r\n", TimeoutError),
]


@pytest.mark.parametrize(("scheme", "answer", "error"), BAD)
def test_bad_answer(scheme: str, answer: bytes, error: type[OSError], peer: StartPeer) -> None:
    """A refusal, and an answer that is none, are errors of the proxy's step."""
    server = peer(SCRIPTS[scheme](answer))
    with pytest.raises(error) as caught:
        fildes.open(f"tcp://inside.test:25::{server.address(scheme)}")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "proxy"


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        ("socks5://me@127.0.0.1:1", ValueError),
        ("socks4a://me:secret@127.0.0.1:1", fildes.AddressError),
        ("connect://m%3Ae:secret@127.0.0.1:1", ValueError),
    ],
)
def test_credentials_that_cannot_be_sent(layer: str, error: type[ValueError]) -> None:
    """Credentials that the protocol cannot carry are refused before anything is opened."""
    with pytest.raises(error) as caught:
        fildes.open(f"tcp://inside.test:25::{layer}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_policy_confines_the_target(scheme: str) -> None:
    """Through an allowed proxy too, no private address is reached, and no unchecked name."""
    policy = fildes.Policy("ours", allow_schemes=[scheme], allow_networks=["127.0.0.0/8"])
    for host in ("10.0.0.1", "169.254.169.254", "intranet.test"):
        with pytest.raises(PermissionError):
            fildes.open(f"tcp://{host}:25::{scheme}://127.0.0.1:1", policy=policy)


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_untrusted_address_names_no_proxy(scheme: str) -> None:
    """An untrusted address cannot choose a proxy, which would see networks that we do not."""
    with pytest.raises(PermissionError):
        fildes.open(f"tcp://1.1.1.1:25::{scheme}://1.1.1.1:1", policy=fildes.Policy.untrusted())
