"""Documents through the proxy that the environment, or an option, names."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from http_script import answering, document, fields_of, redirect
from peers import Conversation, StartPeer
from programs import need, serving

import fildes

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 20
LogFile "{root}/log"
LogLevel Critical
Allow 127.0.0.1
BasicAuth me secret
ConnectPort {target}
"""


def tunnelling(talk: Conversation) -> None:
    """Say that the tunnel is open, and be the server behind it too."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
    answering(document(b"behind"))(talk)


def names_of(file: Any) -> list[str]:
    return [step.name for step in file.trace]


def test_plain_document_through_the_environment(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is asked for the whole address, with its own credentials and the server's."""
    proxy = peer(answering(document(b"there")))
    monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
    with fildes.open("http://you:pass@example.invalid:8080/x?y") as file:
        assert file.read() == b"there"
        assert names_of(file) == ["connect", "proxy", "request", "response"]
        assert file.trace[1].detail == f"example.invalid:8080 through 127.0.0.1:{proxy.port}"
        assert "secret" not in repr(file.trace)
    fields = fields_of(proxy.received)
    assert proxy.received.startswith(b"GET http://example.invalid:8080/x?y HTTP/1.1\r\n")
    assert fields["host"] == ["example.invalid:8080"]
    assert fields["proxy-authorization"] == ["Basic bWU6c2VjcmV0"]
    assert fields["authorization"] == ["Basic eW91OnBhc3M="]


def test_proxy_under_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """A proxy of https is asked under TLS, and has to prove who it is."""
    proxy = peer(answering(document(b"there")), tls=tls_ca.server_context())
    options = {"proxy": f"https://localhost:{proxy.port}"}
    with fildes.open(
        "http://example.invalid/x", http=options, tls={"ca": str(tls_ca.ca_file)}
    ) as file:
        assert file.read() == b"there"
    assert proxy.received.startswith(b"GET http://example.invalid/x HTTP/1.1\r\n")


def test_secure_document_through_the_environment(
    peer: StartPeer, tls_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An https document comes through a tunnel, of which the proxy sees the end only."""
    need("ncat")
    server = peer(answering(document(b"there")), tls=tls_ca.server_context())
    words = [need("ncat"), "-k", "--proxy-type", "http", "-l", "127.0.0.1"]
    with serving(lambda port: [*words, str(port)]) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        address = f"https://localhost:{server.port}/x"
        with fildes.open(address, https={"ca": str(tls_ca.ca_file)}) as file:
            assert file.read() == b"there"
            assert "proxy" in names_of(file)


@pytest.fixture
def tinyproxy(tmp_path: Path) -> Iterator[str]:
    """Start a proxy that others wrote, which wants a password."""
    program = need("tinyproxy")

    def argv(port: int) -> list[str]:
        config = tmp_path / "tinyproxy.conf"
        config.write_text(TINYPROXY.format(port=port, root=tmp_path, target=443))
        return [program, "-d", "-c", str(config)]

    with serving(argv) as port:
        yield f"127.0.0.1:{port}"


def test_proxy_by_others(tinyproxy: str, peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """tinyproxy passes a plain document on, and learns the password of its user."""
    server = peer(answering(document(b"there")))
    monkeypatch.setenv("http_proxy", f"http://me:secret@{tinyproxy}")
    with fildes.open(server.address("http", "/x?y")) as file:
        assert file.read() == b"there"
    assert server.received.startswith(b"GET /x?y HTTP/1.")
    assert b"c2VjcmV0" not in server.received


def test_proxy_that_wants_a_password(
    tinyproxy: str, peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that lets nobody in is a PermissionError that says what to do."""
    monkeypatch.setenv("http_proxy", f"http://{tinyproxy}")
    with pytest.raises(PermissionError) as caught:
        fildes.open("http://127.0.0.1:9/x")
    assert "proxy asks who you are" in "".join(caught.value.__notes__)


def test_exception_goes_direct(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NO_PROXY covers is reached directly."""
    server = peer(answering(document(b"there")))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{server.port}")
    with fildes.open(server.address("http", "/x")) as file:
        assert file.read() == b"there"
    assert server.received.startswith(b"GET /x HTTP/1.1\r\n")


def test_carrier_in_the_address_wins(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that names what carries it is not sent through another proxy."""
    server = peer(answering(document(b"there")))
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with fildes.open(f"http://example.invalid/x::tcp://127.0.0.1:{server.port}") as file:
        assert file.read() == b"there"


def test_option_none(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With proxy="none" the environment does not count."""
    server = peer(answering(document(b"there")))
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with fildes.open(server.address("http", "/x"), http={"proxy": "none"}) as file:
        assert file.read() == b"there"


def test_policy_ignores_the_environment(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a policy no proxy is asked, which could reach what the policy forbids."""
    server = peer(answering(document(b"there")))
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    ours = fildes.Policy("ours", allow_networks=["127.0.0.0/8"])
    with fildes.open(server.address("http", "/x"), policy=ours) as file:
        assert file.read() == b"there"


def test_policy_and_a_chosen_proxy(peer: StartPeer) -> None:
    """A chosen proxy is not asked for what the policy forbids, or cannot see."""
    ours = fildes.Policy("ours", allow_networks=["127.0.0.0/8"])
    for host in ("10.0.0.1", "example.com"):
        with pytest.raises(PermissionError):
            fildes.open(f"http://{host}/", policy=ours, http={"proxy": "http://127.0.0.1:9"})


@pytest.mark.parametrize("kind", ["connect", "http"])
def test_chosen_tunnel(peer: StartPeer, kind: str) -> None:
    """With the proxy option as an address of ours, plain http takes the tunnel too."""
    proxy = peer(tunnelling if kind == "connect" else answering(document(b"behind")))
    options = {"proxy": f"{kind}://127.0.0.1:{proxy.port}"}
    with fildes.open("http://example.invalid/x", http=options) as file:
        assert file.read() == b"behind"
    assert proxy.received.startswith(b"CONNECT" if kind == "connect" else b"GET http://")


@pytest.mark.parametrize("chosen", ["tcp://h:1", "ftp://h:1", "connect://h:1/x", "", "exec:ls"])
def test_chosen_nonsense(chosen: str) -> None:
    """A proxy that is none is refused before anything is opened."""
    with pytest.raises(fildes.AddressError):
        fildes.open("http://127.0.0.1:9/", http={"proxy": chosen})


def test_redirects_ask_the_environment_again(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a redirect the proxy is the one for the new address."""
    server = peer(answering(document(b"there")))
    proxy = peer(answering(redirect(server.address("http", "/y").encode())))
    monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with fildes.open("http://example.invalid/x") as file:
        assert file.read() == b"there"
    assert "proxy-authorization" not in fields_of(server.received)


def test_unreachable_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is not there is an error, not a reason to go without it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(ConnectionRefusedError) as caught:
        fildes.open("http://127.0.0.1:10/")
    assert caught.value.errno == errno.ECONNREFUSED
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.advice.startswith("at the proxy 127.0.0.1:9: nothing listens there")
