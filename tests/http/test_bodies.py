"""The end of a document is the end that its framing tells, however it is read."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from http_script import END_OF_HEAD, HEAD, LENGTH_20, Ending, answering, chunks
from peers import Conversation, StartPeer
from ways import WAYS, Way

import fildes

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = HEAD + b"\r\n"
DOCUMENT = b"one\ntwo\nthree\nfour\n."

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def read_all(address: str, way: Way, got: bytearray, **options: Any) -> None:
    with fildes.open(address, **options) as file:
        way(file, got)


CHUNKS = chunks(b"one\ntwo", b"\nthree\nfour\n.")

COMPLETE = {
    "length": LENGTH_20 + DOCUMENT,
    "chunked": CHUNKED + CHUNKS + b"0\r\n\r\n",
    "chunked with trailers": CHUNKED + CHUNKS + b"0;x=y\r\nDigest: 7\r\n\r\n",
    "until close": UNTIL_CLOSE + DOCUMENT,
    "more than the length": LENGTH_20 + DOCUMENT + b"excess",
    "more than the chunks": CHUNKED + CHUNKS + b"0\r\n\r\nexcess",
}

CUT = {
    "length": LENGTH_20 + b"one\nt",
    "length, nothing": LENGTH_20,
    "chunked, nothing": CHUNKED,
    "chunked, in a size line": CHUNKED + chunks(b"one\nt") + b"1",
    "chunked, after a size line": CHUNKED + chunks(b"one\nt") + b"1\r\n",
    "chunked, in data": CHUNKED + b"7\r\none\nt",
    "chunked, after data": CHUNKED + b"5\r\none\nt",
    "chunked, in the CRLF after data": CHUNKED + b"5\r\none\nt\r",
    "chunked, before 0": CHUNKED + CHUNKS,
    "chunked, in the line of 0": CHUNKED + CHUNKS + b"0\r",
    "chunked, before the last CRLF": CHUNKED + CHUNKS + b"0\r\n",
    "chunked, in the last CRLF": CHUNKED + CHUNKS + b"0\r\n\r",
    "chunked, in the trailers": CHUNKED + CHUNKS + b"0\r\nDigest: 7\r\n",
}


@every_way
@pytest.mark.parametrize("response", COMPLETE.values(), ids=COMPLETE)
def test_complete_document_is_read_whole(peer: StartPeer, response: bytes, way: Way) -> None:
    """Whatever the framing, every way of reading gets the document and nothing behind it."""
    got = bytearray()
    read_all(peer(answering(response)).address("http", "/"), way, got)
    assert got == DOCUMENT


@every_way
@pytest.mark.parametrize("response", CUT.values(), ids=CUT)
def test_cut_document_is_an_error(peer: StartPeer, response: bytes, way: Way) -> None:
    """A connection that ends before the framing does is an error in every way of reading."""
    got = bytearray()
    with pytest.raises(OSError):
        read_all(peer(answering(response)).address("http", "/"), way, got)
    assert DOCUMENT.startswith(got)


RESET = {**CUT, "until close": UNTIL_CLOSE + b"one\nt"}


@every_way
@pytest.mark.parametrize("response", RESET.values(), ids=RESET)
def test_reset_is_an_error(peer: StartPeer, response: bytes, way: Way) -> None:
    """A reset before the end is an error in every way of reading, whatever the framing."""
    got = bytearray()
    with pytest.raises(OSError):
        read_all(peer(answering(response, Conversation.rst)).address("http", "/"), way, got)
    assert DOCUMENT.startswith(got)


def test_short_body_says_how_short(peer: StartPeer) -> None:
    """The error of a short body tells how many of how many bytes came."""
    server = peer(answering(LENGTH_20 + b"one\nt"))
    short = pytest.raises(fildes.IncompleteError, match="5 of 20 bytes")
    with fildes.open(server.address("http", "/")) as file, short as caught:
        file.read()
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("read", server.address("http", "/"))


@pytest.mark.parametrize("end", [Conversation.fin, Conversation.rst])
def test_error_is_told_again(peer: StartPeer, end: Ending) -> None:
    """Once a document was cut short, no later read passes for its end."""
    server = peer(answering(LENGTH_20 + b"one\nt", end))
    with fildes.open(server.address("http", "/"), buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.read(9):
                pass
        for _ in range(3):
            with pytest.raises(OSError):
                file.read(9)


def test_error_holds_no_buffer(peer: StartPeer) -> None:
    """After an error the caller's buffer is the caller's again."""
    server = peer(answering(LENGTH_20))
    buffer = bytearray(9)
    with fildes.open(server.address("http", "/"), buffering=0) as file:
        with pytest.raises(fildes.IncompleteError):
            file.readinto(buffer)
        buffer.append(0)


def test_end_of_file_is_told_again(peer: StartPeer) -> None:
    """At the end of a document every further read says so."""
    server = peer(answering(LENGTH_20 + DOCUMENT))
    with fildes.open(server.address("http", "/")) as file:
        assert file.read() == DOCUMENT
        assert [file.read(), file.read(1), file.readline()] == [b"", b"", b""]


@every_way
@pytest.mark.parametrize("status", [b"204 No Content", b"200 OK\r\nContent-Length: 0"])
def test_empty_document(peer: StartPeer, status: bytes, way: Way) -> None:
    """A document without a byte ends at once, while the connection is still open."""
    got = bytearray()
    server = peer(answering(b"HTTP/1.1 " + status + END_OF_HEAD, Conversation.stall))
    read_all(server.address("http", "/"), way, got)
    assert got == b""


def test_body_ends_before_the_connection(peer: StartPeer) -> None:
    """The end that the framing tells is believed without waiting for the server to close."""
    server = peer(answering(LENGTH_20 + DOCUMENT, Conversation.stall))
    with fildes.open(server.address("http", "/")) as file:
        assert file.read() == DOCUMENT


def test_close_before_the_end(peer: StartPeer) -> None:
    """Closing early drops the rest and is no error."""
    server = peer(answering(LENGTH_20 + b"one\n", Conversation.stall))
    with fildes.open(server.address("http", "/")) as file:
        assert file.readline() == b"one\n"


def test_reset_after_the_end_is_no_error(peer: StartPeer) -> None:
    """What happens to the connection after the document does not matter."""
    server = peer(answering(LENGTH_20 + DOCUMENT, Conversation.rst))
    with fildes.open(server.address("http", "/")) as file:
        assert file.read() == DOCUMENT
        server.wait()


def test_text_mode(peer: StartPeer) -> None:
    """A document is read as text like any file."""
    server = peer(answering(LENGTH_20 + DOCUMENT))
    with fildes.open(server.address("http", "/"), "rt", encoding="ascii") as file:
        assert file.readlines() == ["one\n", "two\n", "three\n", "four\n", "."]


def test_a_document_is_not_written(peer: StartPeer) -> None:
    """Writing is refused as the io module does it."""
    server = peer(answering(LENGTH_20 + DOCUMENT))
    with fildes.open(server.address("http", "/")) as file:
        assert (file.readable(), file.writable(), file.seekable()) == (True, False, False)
        with pytest.raises(OSError, match="writing"):
            file.write(b"x")


def test_stall_ends(peer: StartPeer) -> None:
    """A server that stops sending is given up after the idle limit."""
    server = peer(answering(LENGTH_20 + b"one\nt", Conversation.stall))
    address = server.address("http", "/")
    with fildes.open(address, idle_timeout=0.01) as file, pytest.raises(TimeoutError):
        file.read()
