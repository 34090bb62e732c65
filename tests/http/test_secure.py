"""https: the end of a document under TLS, and who it comes from."""

from __future__ import annotations

import functools
import ssl

import pytest
from authority import Authority
from http_script import END_OF_HEAD, HEAD, LENGTH_20, answering, chunks, document
from peers import Conversation, StartPeer
from ways import WAYS, Way

import fildes

DOCUMENT = b"one\ntwo\nthree\nfour\n."
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(b"one\ntwo", b"\nthree\nfour\n.")

cut_short = functools.partial(Conversation.fin, close_notify=False)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def options(ca: Authority) -> dict[str, str]:
    return {"ca": str(ca.ca_file)}


COMPLETE = {"length": LENGTH_20 + DOCUMENT, "chunked": CHUNKED + b"0\r\n\r\n"}
CUT = {
    "length": LENGTH_20 + b"one\nt",
    "chunked": CHUNKED,
    "until close": HEAD + b"\r\none\nt",
}


@every_way
@pytest.mark.parametrize("response", COMPLETE.values(), ids=COMPLETE)
def test_complete_document_needs_no_close_notify(
    peer: StartPeer, tls_ca: Authority, response: bytes, way: Way
) -> None:
    """A document whose framing says that it is complete is complete however TLS ends."""
    server = peer(answering(response, cut_short), tls=tls_ca.server_context())
    got = bytearray()
    with fildes.open(server.address("https", "/"), https=options(tls_ca)) as file:
        way(file, got)
    assert got == DOCUMENT


@every_way
@pytest.mark.parametrize("response", CUT.values(), ids=CUT)
def test_cut_document_is_an_error(
    peer: StartPeer, tls_ca: Authority, response: bytes, way: Way
) -> None:
    """A TCP end without close_notify ends no document that was not complete."""
    server = peer(answering(response, cut_short), tls=tls_ca.server_context())
    got = bytearray()

    def read() -> None:
        with fildes.open(server.address("https", "/"), https=options(tls_ca)) as file:
            way(file, got)

    with pytest.raises(OSError):
        read()
    assert DOCUMENT.startswith(got)


def test_close_notify_ends_a_document(peer: StartPeer, tls_ca: Authority) -> None:
    """A document that ends with the connection is complete when TLS says so."""
    server = peer(answering(HEAD + b"\r\n" + DOCUMENT), tls=tls_ca.server_context())
    with fildes.open(server.address("https", "/"), https=options(tls_ca)) as file:
        assert file.read() == DOCUMENT


def test_close_does_not_wait_for_the_server(peer: StartPeer, tls_ca: Authority) -> None:
    """A server that keeps the connection open keeps nobody waiting who has the document."""
    server = peer(answering(document(), Conversation.stall), tls=tls_ca.server_context())
    with fildes.open(server.address("https", "/"), https=options(tls_ca)) as file:
        assert file.read() == b"document"
        connection = list(file.description.stream.layers())[1:]
    assert all(layer.settled for layer in connection)


def test_nothing_is_asked_of_a_stranger(peer: StartPeer, tls_ca: Authority) -> None:
    """A server that does not prove its name gets no byte of the request."""
    server = peer(answering(document()), tls=tls_ca.server_context())
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        fildes.open(server.address("https", "/?token=x"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "handshake"
    assert server.received == b""


def test_options_of_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """The options of TLS are given for https or for tls; those for https come first."""
    server = peer(answering(document()), answering(document()), tls=tls_ca.server_context())
    address = server.address("https", "/")
    with fildes.open(address, tls=options(tls_ca)):
        pass
    with fildes.open(address, https=options(tls_ca), tls={"ca": "/nowhere"}) as file:
        assert file.tls is not None
        assert file.tls.alpn is None


def test_http_is_what_is_negotiated(peer: StartPeer, tls_ca: Authority) -> None:
    """We offer HTTP/1.1 and nothing else; RFC 7301."""
    context = tls_ca.server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = peer(answering(document()), tls=context)
    with fildes.open(server.address("https", "/"), https=options(tls_ca)) as file:
        assert file.tls is not None
        assert file.tls.alpn == "http/1.1"
        assert [step.name for step in file.trace] == [
            "connect",
            "handshake",
            "request",
            "response",
        ]


def test_https_from_a_named_place(peer: StartPeer, tls_ca: Authority) -> None:
    """With a carrier we say where the server is, and it still proves its name."""
    server = peer(answering(document()), tls=tls_ca.server_context())
    with fildes.open(f"https://localhost/::{server.address()}", https=options(tls_ca)) as file:
        assert file.read() == b"document"
    assert b"Host: localhost\r\n" in server.received


def test_plain_server_at_a_secure_address(peer: StartPeer, tls_ca: Authority) -> None:
    """A server that does not speak TLS gets an error that says so."""

    def plain(talk: Conversation) -> None:
        talk.recv_some()
        talk.send(b"HTTP/1.1 400 Bad Request" + END_OF_HEAD)

    with pytest.raises(ssl.SSLError) as caught:
        fildes.open(peer(plain).address("https", "/"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert "does not speak TLS" in failure.advice
