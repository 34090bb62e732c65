"""Documents through proxies that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from http_script import answering, document, fields_of, redirect, response_of
from peers import StartPeer
from programs import need, serving

import fildes


@pytest.fixture(params=["connect", "socks5"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Start a proxy; return the layer that reaches it."""
    if request.param == "socks5":
        program = need("microsocks")
        with serving(lambda port: [program, "-i", "127.0.0.1", "-p", str(port)]) as port:
            yield f"socks5://127.0.0.1:{port}"
    else:
        program = need("ncat")
        words = ["-k", "--proxy-type", "http", "-l", "127.0.0.1"]
        with serving(lambda port: [program, *words, str(port)]) as port:
            yield f"connect://127.0.0.1:{port}"


def test_document_through_a_proxy(proxy: str, peer: StartPeer) -> None:
    """A plain document comes through a tunnel; the server is asked by its name."""
    server = peer(answering(document(b"there")))
    with fildes.open(f"http://localhost:{server.port}/x::{proxy}") as file:
        assert file.read() == b"there"
        assert [step.name for step in file.trace][-3:] == ["proxy", "request", "response"]
    assert fields_of(server.received)["host"] == [f"localhost:{server.port}"]


def test_secure_document_through_a_proxy(proxy: str, peer: StartPeer, tls_ca: Authority) -> None:
    """TLS is with the server, not with the proxy."""
    server = peer(answering(document(b"there")), tls=tls_ca.server_context())
    address = f"https://localhost:{server.port}/x::{proxy}"
    with fildes.open(address, https={"ca": str(tls_ca.ca_file)}) as file:
        assert file.read() == b"there"
        assert response_of(file).address == f"https://localhost:{server.port}/x"


def test_redirect_through_a_proxy(proxy: str, peer: StartPeer) -> None:
    """A redirect to another origin goes through the same proxy, without what is ours."""
    other = peer(answering(document(b"there")))
    server = peer(answering(redirect(f"http://localhost:{other.port}/".encode())))
    address = f"http://me:canary@localhost:{server.port}/::{proxy}"
    with fildes.open(address, http={"headers": {"Cookie": "canary"}}) as file:
        assert file.read() == b"there"
        assert [step.name for step in file.trace].count("proxy") == 2
    assert b"canary" in server.received
    assert b"canary" not in other.received
    assert "authorization" not in fields_of(other.received)
