"""The opening handshake as bytes."""

from __future__ import annotations

import pytest

from fildes.errors import ProtocolError
from fildes.wire.http1 import HeadReader, ResponseHead
from fildes.wire.websocket import (
    Agreed,
    Refusal,
    accept_of,
    answering_fields,
    asking_fields,
    check_answer,
    check_request,
    new_key,
    parse_request,
    refusing,
    response_bytes,
)

#: RFC 6455 section 1.3
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

GOOD = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", ACCEPT))

REQUEST = (
    b"GET /chat?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def answer(*fields: tuple[str, str]) -> ResponseHead:
    return ResponseHead(101, "", (1, 1), fields)


def test_accept_is_that_of_the_rfc() -> None:
    """The key of RFC 6455's example has the answer of its example."""
    assert accept_of(KEY) == ACCEPT
    assert new_key(b"the sample nonce") == KEY


def test_good_answer() -> None:
    """An answer that agrees to what was asked for is taken, in any case of letters."""
    assert check_answer(answer(*GOOD), KEY, (), deflate=False) == Agreed()
    mixed = (
        ("upgrade", "WebSocket"),
        ("CONNECTION", "keep-alive, UPGRADE"),
        ("sec-websocket-accept", ACCEPT),
        ("sec-websocket-protocol", "b"),
        ("sec-websocket-extensions", "permessage-deflate; server_no_context_takeover"),
    )
    agreed = check_answer(answer(*mixed), KEY, ("a", "b"), deflate=True)
    assert agreed == Agreed("b", " server_no_context_takeover")


@pytest.mark.parametrize("missing", GOOD, ids=lambda field: field[0])
def test_each_field_is_needed(missing: tuple[str, str]) -> None:
    """Without one of the three fields an answer does not agree."""
    with pytest.raises(ProtocolError):
        check_answer(answer(*(each for each in GOOD if each != missing)), KEY, (), deflate=False)


@pytest.mark.parametrize(
    "wrong",
    [
        ("Upgrade", "h2c"),
        ("Upgrade", "websocket, h2c"),
        ("Connection", "close"),
        ("Connection", "Upgraded"),
        ("Sec-WebSocket-Accept", accept_of("another key")),
        ("Sec-WebSocket-Accept", ACCEPT.lower()),
        ("Sec-WebSocket-Accept", f"{ACCEPT} "[:-2]),
    ],
)
def test_each_field_has_its_value(wrong: tuple[str, str]) -> None:
    """A field with another value does not agree."""
    fields = [wrong if name == wrong[0] else (name, value) for name, value in GOOD]
    with pytest.raises(ProtocolError):
        check_answer(answer(*fields), KEY, (), deflate=False)


@pytest.mark.parametrize(
    "more",
    [
        ("Sec-WebSocket-Protocol", "c"),
        ("Sec-WebSocket-Protocol", "A"),
        ("Sec-WebSocket-Protocol", "a, b"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Extensions", "x"),
        ("Sec-WebSocket-Accept", ACCEPT),
        ("Upgrade", "websocket"),
    ],
)
def test_nothing_is_agreed_to_unasked(more: tuple[str, str]) -> None:
    """A subprotocol or extension that was not offered, and a second answer, are refused."""
    with pytest.raises(ProtocolError):
        check_answer(answer(*GOOD, more), KEY, ("a", "b"), deflate=False)


def test_two_extensions_are_one_too_many() -> None:
    """The one extension that was offered is agreed to once."""
    more = ("Sec-WebSocket-Extensions", "permessage-deflate, permessage-deflate")
    with pytest.raises(ProtocolError):
        check_answer(answer(*GOOD, more), KEY, (), deflate=True)


def test_our_request_is_one() -> None:
    """What a client of ours asks is what a server of ours answers, and the other way round."""
    lines = [f"{name}: {value}" for name, value in asking_fields(KEY, ("a", "b"), deflate=True)]
    request = "\r\n".join(["GET / HTTP/1.1", "Host: h", *lines, "", ""]).encode()
    head = parse_request(request)
    assert check_request(head) == KEY
    assert head.get_all("sec-websocket-protocol") == ["a, b"]
    reader = HeadReader(upgrade=True)
    reader.feed(response_bytes(101, "", answering_fields(KEY, "a", "")))
    assert reader.head is not None
    assert check_answer(reader.head, KEY, ("a", "b"), deflate=True) == Agreed("a", "")


def test_good_request() -> None:
    """A request for an upgrade has its key, and its path."""
    head = parse_request(REQUEST)
    assert check_request(head) == KEY
    assert (head.path, head.target) == ("/chat", "/chat?x=1")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET", b"POST", 405),
        (b"HTTP/1.1", b"HTTP/1.0", 400),
        (b"HTTP/1.1", b"HTTP/2.0", 400),
        (b"GET /", b"GET  /", 400),
        (b"Host: h\r\n", b"", 400),
        (b"Host: h\r\n", b"Host: h\r\nHost: h\r\n", 400),
        (b"Host: h", b"Host : h", 400),
        (b"Host: h", b"Host: h\r\n folded", 400),
        (b"Host: h", b"Host: h\r\nContent-Length: 5", 400),
        (b"Host: h", b"Host: h\r\nTransfer-Encoding: chunked", 400),
        (b"Upgrade: websocket\r\n", b"", 426),
        (b"Upgrade: websocket", b"Upgrade: h2c", 426),
        (b"Connection: Upgrade", b"Connection: close", 426),
        (b"Version: 13", b"Version: 8", 426),
        (b"Sec-WebSocket-Version: 13\r\n", b"", 426),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ==\xff", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"!!!!IHNhbXBsZSBub25jZQ==", 400),
    ],
)
def test_wrong_requests_are_refused(old: bytes, new: bytes, status: int) -> None:
    """Each wrong request gets the status that says what is wrong, in an answer that ends."""
    assert old in REQUEST
    with pytest.raises(Refusal) as caught:
        check_request(parse_request(REQUEST.replace(old, new)))
    assert caught.value.status == status
    answer = refusing(caught.value)
    reader = HeadReader()
    reader.feed(answer)
    assert reader.head is not None
    assert reader.head.status == status
    assert reader.head.get("Content-Length") == str(len(reader.rest))
