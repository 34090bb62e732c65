"""What is no HTTP/1.1 is refused: in the head when opening, in the body when reading."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator
from typing import Any

import pytest
from http_script import END_OF_HEAD, HEAD, answering, chunks, document, response_of
from peers import Conversation, StartPeer
from ways import raw_readinto

import fildes

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def with_fields(*fields: bytes) -> bytes:
    return HEAD + b"\r\n".join(fields) + b"\r\n\r\nhello"


BAD_HEADS = {
    "length and chunked": with_fields(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "two equal lengths": with_fields(b"Content-Length: 5", b"Content-Length: 5"),
    "two lengths": with_fields(b"Content-Length: 5", b"Content-Length: 6"),
    "a list of lengths": with_fields(b"Content-Length: 5, 5"),
    "length +5": with_fields(b"Content-Length: +5"),
    "length -1": with_fields(b"Content-Length: -1"),
    "length 1_0": with_fields(b"Content-Length: 1_0"),
    "length 0x5": with_fields(b"Content-Length: 0x5"),
    "Arabic length": with_fields("Content-Length: ٥".encode()),
    "length of 30 digits": with_fields(b"Content-Length: " + b"1" * 30),
    "empty length": with_fields(b"Content-Length:"),
    "xchunked": with_fields(b"Transfer-Encoding: xchunked"),
    "chunked twice": with_fields(b"Transfer-Encoding: chunked, chunked"),
    "gzip, chunked": with_fields(b"Transfer-Encoding: gzip, chunked"),
    "folded chunked": with_fields(b"Transfer-Encoding:", b" chunked"),
    "HTTP/1.0 and chunked": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "blank before colon": with_fields(b"Content-Length : 5"),
    "leading blank": with_fields(b" Content-Length: 5"),
    "NUL in value": with_fields(b"X: a\0b"),
    "CR in value": with_fields(b"X: a\rb"),
    "LF alone": with_fields(b"X: a\nY: b"),
    "no colon": with_fields(b"Content-Length"),
    "no token": with_fields(b"X(): a"),
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status 099": b"HTTP/1.1 099 OK\r\n\r\n",
    "ICY": b"ICY 200 OK\r\n\r\n",
    "garbage": b"\x80\x81\x82\r\n\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "coding nobody asked for": with_fields(b"Content-Encoding: gzip", b"Content-Length: 5"),
    "a hundred codings": with_fields(*[b"Content-Encoding: gzip"] * 100),
    "unknown coding": with_fields(b"Content-Encoding: identity", b"Content-Encoding: zzz"),
    "part nobody asked for": b"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("response", BAD_HEADS.values(), ids=BAD_HEADS)
def test_bad_head_is_refused(peer: StartPeer, response: bytes) -> None:
    """A head that two readers could read in two ways, or that is none, does not open."""
    server = peer(answering(response))
    with pytest.raises(fildes.ProtocolError) as caught:
        fildes.open(server.address("http", "/"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (caught.value.errno, failure.step) == (errno.EPROTO, "response")


BAD_CHUNKS = {
    "0x5": b"0x5\r\nhello\r\n0\r\n\r\n",
    "1_0": b"1_0\r\nhello\r\n0\r\n\r\n",
    "-5": b"-5\r\nhello\r\n0\r\n\r\n",
    "empty": b"\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "LF in extension": b"5;ext\nfoo\r\nhello\r\n0\r\n\r\n",
    "LF alone": b"5\nhello\r\n0\r\n\r\n",
    "data without CRLF": b"5\r\nhello0\r\n\r\n",
    "length in trailers": b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    "endless extension": b"5;" + b"x" * 5000,
    "endless trailers": b"0\r\n" + b"X: y\r\n" * 5000,
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_bad_chunk_is_refused(peer: StartPeer, body: bytes) -> None:
    """A chunk that two readers could read in two ways ends the reading, for good."""
    server = peer(answering(CHUNKED + chunks(b"begin") + body))
    got = bytearray()
    with fildes.open(server.address("http", "/")) as file:
        for _ in range(2):
            with pytest.raises(fildes.ProtocolError):
                raw_readinto(file, got)
    assert b"beginhello".startswith(got)


GOOD_HEADS = {
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "empty reason": b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "1.0 until close": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    + document(b"hello"),
    "identity": document(b"hello", b"Content-Encoding: identity\r\n"),
    "203": b"HTTP/1.1 203 Changed\r\nContent-Length: 5\r\n\r\nhello",
    "upper case": b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:5  \r\n\r\nhello",
}


@pytest.mark.parametrize("response", GOOD_HEADS.values(), ids=GOOD_HEADS)
def test_unusual_head_is_read(peer: StartPeer, response: bytes) -> None:
    """What the RFC allows, and only that, is read however unusual."""
    with fildes.open(peer(answering(response)).address("http", "/")) as file:
        assert file.read() == b"hello"


def test_segments_of_one_byte(peer: StartPeer) -> None:
    """A response that arrives byte by byte is the same response."""

    def trickle(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        for byte in CHUNKED + chunks(b"hel", b"lo") + b"0\r\n\r\n":
            talk.send(bytes([byte]))

    with fildes.open(peer(trickle).address("http", "/")) as file:
        assert file.read() == b"hello"


def endless(*parts: bytes) -> Iterator[bytes]:
    yield parts[0]
    while True:
        yield from parts[1:]


ENDLESS = {
    "line": (HEAD + b"X: ", b"y"),
    "fields": (HEAD, b"X: y\r\n" * 100),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "reason": (b"HTTP/1.1 200 ", b"x" * 4096),
}


@pytest.mark.parametrize("parts", ENDLESS.values(), ids=ENDLESS)
def test_endless_head_ends_at_the_limit(peer: StartPeer, parts: tuple[bytes, ...]) -> None:
    """However a server never ends its head, opening does, in little memory."""

    def flood(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        with contextlib.suppress(OSError):
            for part in endless(*parts):
                talk.send(part)

    server = peer(flood)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(fildes.ProtocolError):
        fildes.open(server.address("http", "/"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8192  # KiB


@pytest.mark.parametrize(
    ("option", "value"), [("max_head_size", 30), ("max_fields", 1), ("max_interim", 0)]
)
def test_limits_are_options(peer: StartPeer, option: str, value: int) -> None:
    """Every limit on heads can be set."""
    response = b"HTTP/1.1 100 Continue\r\n\r\n" + document(fields=b"X: y\r\n")
    server = peer(answering(response))
    with pytest.raises(fildes.ProtocolError):
        fildes.open(server.address("http", "/"), http={option: value})


@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_limit_of_trailers_is_an_option(peer: StartPeer, mode: Any) -> None:
    """So can that of what comes behind a body; within it, all of it is there."""
    response = CHUNKED + chunks(b"text") + b"0\r\nX: " + b"y" * 20_000 + b"\r\n\r\n"
    for size in (20_000, 20_007):
        server = peer(answering(response))
        with fildes.open(server.address("http", "/"), mode, http={"max_trailers": size}) as file:
            if mode == "r+b":
                file.half_close()
            limit = (
                pytest.raises(fildes.ProtocolError) if size < 20_007 else contextlib.nullcontext()
            )
            with limit:
                assert file.read() == b"text"
                assert file.trailers["X"] == "y" * 20_000


def test_requested_coding_is_the_callers(peer: StartPeer) -> None:
    """Whoever asks for a coding gets the coded bytes."""
    server = peer(answering(document(b"coded", b"Content-Encoding: br\r\n")))
    headers = {"accept-encoding": "br"}
    with fildes.open(server.address("http", "/"), http={"headers": headers}) as file:
        assert response_of(file).headers["content-encoding"] == "br"
        assert file.read() == b"coded"
