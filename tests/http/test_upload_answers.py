"""Requests with a body whose answer is read, and what may come before the end."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from http_script import chunks, fields_of, response_of
from peers import Conversation, StartPeer
from upload_script import LARGE, body_of, decoded, recording, taking

import fildes

ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"yes ", b"indeed")


def test_post(peer: StartPeer) -> None:
    """Mode r+b posts what is written; half_close ends it, and the answer can be read."""
    server = peer(taking(ANSWER + b"0\r\n\r\n"))
    with fildes.open(server.address("http", "/"), "r+b") as file:
        file.write(b"question")
        file.half_close()
        assert file.read() == b"yes indeed"
        assert response_of(file).status == 200
    assert server.received.startswith(b"POST / HTTP/1.1\r\n")
    assert decoded(server.received) == b"question"


@pytest.mark.parametrize("method", ["PATCH", "REPORT"])
def test_method(peer: StartPeer, method: str) -> None:
    """The method is the one that was asked for."""
    server = peer(taking(ANSWER + b"0\r\n\r\n"))
    with fildes.open(server.address("http", "/"), "r+b", http={"method": method}) as file:
        file.half_close()
        assert file.read() == b"yes indeed"
    assert server.received.startswith(f"{method} / HTTP/1.1\r\n".encode())


def test_post_without_reading(peer: StartPeer) -> None:
    """close alone ends the request too, and checks its answer."""
    server = peer(taking(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    with (
        pytest.raises(FileNotFoundError),
        fildes.open(server.address("http", "/"), "r+b") as file,
    ):
        file.write(b"question")
    assert decoded(server.received) == b"question"


def test_error_instead_of_an_answer(peer: StartPeer) -> None:
    """A status that is no success is an error of the read, with all it says."""
    server = peer(taking(b"HTTP/1.1 403 No\r\nX-Why: so\r\nContent-Length: 2\r\n\r\nno"))
    file = fildes.open(server.address("http", "/"), "r+b")
    file.half_close()
    with pytest.raises(PermissionError, match="403") as caught:
        file.read()
    assert vars(caught.value)["headers"]["x-why"] == "so"
    file.abort()


@pytest.mark.parametrize("mode", ["wb", "xb", "r+b"])
@pytest.mark.parametrize(
    ("status", "location", "advice"),
    [
        ("307 Elsewhere", "/there?key=secret", "the right address may be {}/there?key=***"),
        ("303 Done", "http://127.0.0.1:9/", "its result may be http://127.0.0.1:9/"),
        ("302 No", "ftp://x/", ""),
        ("302 No", "http://a b/", ""),
    ],
)
def test_redirect(peer: StartPeer, mode: str, status: str, location: str, advice: str) -> None:
    """What is written follows no redirect: the error says where it points to, and no secret."""
    server = peer(taking(f"HTTP/1.1 {status}\r\nLocation: {location}\r\n\r\n".encode()))
    file: Any = fildes.open(server.address("http", "/here"), mode)
    file.write(b"x")
    with pytest.raises(OSError, match=status[:3]) as caught:
        file.close()
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.advice.endswith(advice.format(server.address("http", "")))
    assert bool(failure.advice) == bool(advice)


def test_answer_cut_short(peer: StartPeer) -> None:
    """An answer that ends early is an error, not an end of file."""
    server = peer(taking(ANSWER))
    file = fildes.open(server.address("http", "/"), "r+b")
    file.half_close()
    with pytest.raises(OSError, match="ended"):
        file.read()
    file.abort()


def test_read_before_the_end(peer: StartPeer) -> None:
    """Reading before half_close says what to do; nothing is lost by it."""
    server = peer(taking(ANSWER + b"0\r\n\r\n"))
    with fildes.open(server.address("http", "/"), "r+b") as file:
        file.write(b"quest")
        with pytest.raises(io.UnsupportedOperation, match="half_close"):
            file.read(1)
        file.write(b"ion")
        file.half_close()
        with pytest.raises(BrokenPipeError):
            file.write(LARGE)
        assert file.read() == b"yes indeed"
    assert decoded(server.received) == b"question"


def test_abort_leaves_the_question_open(peer: StartPeer) -> None:
    """An exception before half_close leaves an incomplete request."""
    server = peer(recording)
    with contextlib.suppress(KeyError), fildes.open(server.address("http", "/"), "r+b") as file:
        file.write(b"question")
        raise KeyError
    server.wait()
    assert not server.received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "get", "HEAD", "CONNECT", "TRACE", "P T", "P\r\nT"])
def test_methods_without_a_body(method: str) -> None:
    """A method that carries no document, or is none, is refused before anything is opened."""
    with pytest.raises(ValueError, match="method"):
        fildes.open("http://127.0.0.1:9/", "wb", http={"method": method})


def test_method_of_a_document_that_is_read() -> None:
    """A method makes no sense where nothing is written."""
    with pytest.raises(ValueError, match=r"r\+b"):
        fildes.open("http://127.0.0.1:9/", http={"method": "POST"})


def test_expect(peer: StartPeer) -> None:
    """With expect the body follows once the server has said that it wants it."""

    def inviting(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        assert not talk.unread
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        talk.recv_until(b"0\r\n\r\n")
        talk.send(b"HTTP/1.1 204 Done\r\n\r\n")

    server = peer(inviting)
    with fildes.open(server.address("http", "/"), "wb", http={"expect": True}) as file:
        file.write(b"document")
    assert fields_of(server.received)["expect"] == ["100-continue"]
    assert decoded(server.received) == b"document"


def test_expect_and_refusal(peer: StartPeer) -> None:
    """A server that does not want the body fails the open; no byte of it was sent."""

    def refusing(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n")
        talk.recv_all()

    server = peer(refusing)
    with pytest.raises(PermissionError, match="401 Who"):
        fildes.open(server.address("http", "/"), "wb", http={"expect": True})
    server.wait()
    assert body_of(server.received) == b""


def test_proxy_is_used(peer: StartPeer) -> None:
    """What is written goes through the proxy as what is read comes."""
    proxy = peer(taking())
    options = {"proxy": f"http://127.0.0.1:{proxy.port}"}
    with fildes.open("http://example.invalid/x", "wb", http=options) as file:
        file.write(b"document")
    assert proxy.received.startswith(b"PUT http://example.invalid/x HTTP/1.1\r\n")
