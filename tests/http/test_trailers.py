"""What an HTTP server sends behind a chunked document."""

from __future__ import annotations

from http_script import CHUNKED_HEAD, answering, chunks, document
from peers import StartPeer

import fildes

TRAILED = CHUNKED_HEAD + chunks(b"one\n", b"two\n") + b"0\r\nDigest: 7\r\nDigest: 8\r\n\r\n"


def test_trailers_are_there_once_the_end_was_read(peer: StartPeer) -> None:
    """Before its end a document has no trailers; after it they are read like headers."""
    with fildes.open(peer(answering(TRAILED)).address("http", "/"), buffering=0) as file:
        assert file.trailers is None
        assert file.read() == b"one\ntwo\n"
    trailers = file.trailers  # they stay, as the response does
    assert trailers is not None
    assert trailers.get_all("digest") == ["7", "8"]


def test_trailers_behind_a_layer(peer: StartPeer) -> None:
    """The file of a text has the trailers of the document that carries it."""
    with fildes.open(peer(answering(TRAILED)).address("http", "/"), "rt") as file:
        assert file.readlines() == ["one\n", "two\n"]
        assert dict(file.trailers or {}) == {"Digest": "7"}


def test_no_trailers(peer: StartPeer) -> None:
    """A document that nothing follows has none, and neither has what is no document."""
    with fildes.open(peer(answering(document())).address("http", "/")) as file:
        file.read()
        assert file.trailers is None
    with fildes.open("data:,hello") as file:
        assert file.read() == b"hello"
        assert file.trailers is None
