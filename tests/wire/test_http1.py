"""Heads of HTTP/1.1 messages."""

from __future__ import annotations

import errno

import pytest
from cutting import STEPS, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.http1 import HeadLimits, HeadReader, ResponseHead, request_head

OK = b"HTTP/1.1 200 OK\r\n"

HEADS = [
    (ResponseHead(200, "OK", (1, 1), ()), OK + b"\r\n"),
    (ResponseHead(200, "", (1, 1), ()), b"HTTP/1.1 200 \r\n\r\n"),
    (ResponseHead(599, "", (1, 0), ()), b"HTTP/1.0 599\r\n\r\n"),
    (ResponseHead(404, "Not\tFound \xe9", (1, 1), ()), b"HTTP/1.1 404 Not\tFound \xe9\r\n\r\n"),
    (
        ResponseHead(
            200, "OK", (1, 1), (("A", "b"), ("a", ""), ("C-d", "e \t f"), ("!#~", "\xff"))
        ),
        OK + b"A: b\r\na:\r\nC-d:\t e \t f \t\r\n!#~:\xff\r\n\r\n",
    ),
    (
        ResponseHead(200, "OK", (1, 1), (("E", "f"),)),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\nContent-Length: 0\r\n\r\n"
        + OK
        + b"E: f\r\n\r\n",
    ),
]


def read(segments: list[bytes], **options: object) -> HeadReader:
    """Return a reader that got *segments* up to the end of the head, and the rest as its rest."""
    reader = HeadReader(**options)  # type: ignore[arg-type]  # whatever the test gives
    for number, segment in enumerate(segments):
        reader.feed(segment)
        if reader.head is not None:
            reader.rest += b"".join(segments[number + 1 :])
            return reader
    reader.eof()
    raise AssertionError("eof() accepted an incomplete head")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rest", [b"", b"\r\n", b"HTTP/1.1 500\r\n\r\n", b"\0" * 99])
@pytest.mark.parametrize(("head", "data"), HEADS)
def test_head_is_read_and_what_follows_is_kept(
    head: ResponseHead, data: bytes, rest: bytes, step: int
) -> None:
    """A head is the same whole and byte by byte, and not one byte of the body is lost."""
    reader = read(by(step, data + rest))
    assert (reader.head, bytes(reader.rest)) == (head, rest)


@given(st.data())
def test_head_is_independent_of_segmentation(data: st.DataObject) -> None:
    """However TCP cuts a response, head and rest are the same."""
    head, wire = HEADS[-1]
    reader = read(at(data.draw(cuts(wire)), wire + b"body"))
    assert (reader.head, bytes(reader.rest), reader.interim) == (head, b"body", 2)


BROKEN = [
    (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP/1.1"),
    (b"HTTP/1.2 200 OK\r\n\r\n", "status line"),
    (b"HTTP/1.10 200 OK\r\n\r\n", "status line"),
    (b"http/1.1 200 OK\r\n\r\n", "not HTTP/1.1"),
    (b"HTTP/1.1 2000\r\n\r\n", "status line"),
    (b"HTTP/1.1 20\r\n\r\n", "status line"),
    (b"HTTP/1.1 099\r\n\r\n", "status line"),
    (b"HTTP/1.1 600\r\n\r\n", "status line"),
    (b"HTTP/1.1 +20 OK\r\n\r\n", "status line"),
    (b"HTTP/1.1  200 OK\r\n\r\n", "status line"),
    (b"HTTP/1.1 200\tOK\r\n\r\n", "status line"),
    (b"HTTP/1.1 200 O\0K\r\n\r\n", "status line"),
    (b"HTTP/1.1 200 O\rK\r\n\r\n", "status line"),
    (b"HTTP/1.1\r\n\r\n", "status line"),
    (b"ICY 200 OK\r\n\r\n", "not HTTP/1.1"),
    (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP/1.1"),
    (b"\x15\x03\x01\0\x02\x02\x46", "not HTTP/1.1"),
    (b"SSH-2.0-x\r\n", "not HTTP/1.1"),
    (b"HTTP/1.1 200 OK\n\n", "LF without CR"),
    (OK + b"\n", "LF without CR"),
    (OK + b"A: b\n\r\n", "LF without CR"),
    (OK + b"A: b\r\r\n\r\n", "control character"),
    (OK + b"A: b\rC: d\r\n\r\n", "control character"),
    (OK + b"A: b\0\r\n\r\n", "control character"),
    (OK + b"A: b\x7f\r\n\r\n", "control character"),
    (OK + b"A\0: b\r\n\r\n", "control character"),
    (OK + b"A : b\r\n\r\n", "blank before its colon"),
    (OK + b"A\t: b\r\n\r\n", "blank before its colon"),
    (OK + b" A: b\r\n\r\n", "folding"),
    (OK + b"A: b\r\n\tc\r\n\r\n", "folding"),
    (OK + b"A\r\n\r\n", "no colon"),
    (OK + b": b\r\n\r\n", "not a token"),
    (OK + b"A(: b\r\n\r\n", "not a token"),
    (OK + b"\xc3\xa4: b\r\n\r\n", "not a token"),
    (OK + b"A B: c\r\n\r\n", "not a token"),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "101"),
    (b"HTTP/1.1 100\r\nContent-Length: 5\r\n\r\n", "announces a body"),
    (b"HTTP/1.1 100\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n", "announces a body"),
    (b"HTTP/1.1 100\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "announces a body"),
    (b"HTTP/1.1 100\r\nTransfer-Encoding: chunked\r\n\r\n", "announces a body"),
    (b"HTTP/1.1 100\r\n\r\nICY", "not HTTP/1.1"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_broken_head_is_refused_by_name(data: bytes, words: str, step: int) -> None:
    """What RFC 9112 does not allow is EPROTO, and the message says what it was."""
    with pytest.raises(ProtocolError, match=words) as caught:
        read(by(step, data))
    assert caught.value.errno == errno.EPROTO
    assert not isinstance(caught.value, IncompleteError)


@pytest.mark.parametrize("data", [b"S", b"HTTP/1.1 200 OK\n", OK + b" ", OK + b"A : b\r\n"])
def test_a_broken_head_is_refused_before_it_ends(data: bytes) -> None:
    """A peer that sends nonsense and then nothing does not keep us waiting for more."""
    if data.endswith(b" "):
        data += b"\r\n"
    with pytest.raises(ProtocolError):
        HeadReader().feed(data)


@pytest.mark.parametrize("size", range(len(OK) + 3))
def test_end_of_file_inside_a_head_is_an_error(size: int) -> None:
    """A head cut short anywhere, also before its first byte, is incomplete."""
    with pytest.raises(IncompleteError, match="peer closed"):
        read(by(1, (OK + b"\r\n")[:size]) if size < len(OK) + 2 else [])


def test_end_of_file_behind_a_head_is_not_its_reader_s_business() -> None:
    """With the head complete, eof() has nothing to say."""
    reader = read([OK + b"\r\n"])
    reader.eof()
    assert reader.head is not None


def test_what_follows_the_head_is_for_another_reader() -> None:
    """Feeding a complete head is a mistake of ours."""
    reader = read([OK + b"\r\n"])
    with pytest.raises(ValueError, match="complete"):
        reader.feed(b"body")


def test_an_upgrade_that_was_asked_for_is_final() -> None:
    """101 ends the head when the caller asked for another protocol."""
    reader = read([b"HTTP/1.1 101\r\n\r\n\x81\0"], upgrade=True)
    assert reader.head is not None
    assert (reader.head.status, bytes(reader.rest)) == (101, b"\x81\0")


def test_secrets_in_a_broken_line_are_not_repeated() -> None:
    """An error about a field does not show its value."""
    with pytest.raises(ProtocolError) as caught:
        read([OK + b"Set-Cookie : id=canary\r\n"])
    assert "canary" not in str(caught.value)


LIMIT = HeadLimits(max_bytes=64, max_fields=3, max_interim=2)


@pytest.mark.parametrize("step", STEPS)
def test_a_head_may_have_exactly_as_many_bytes_as_allowed(step: int) -> None:
    """The limit is the size of the largest head that is read, the blank line included."""
    fits = OK + b"A:" + b"a" * (64 - len(OK) - 6) + b"\r\n\r\n"
    assert read(by(step, fits + b"body" * 99), limits=LIMIT).head is not None
    with pytest.raises(ProtocolError, match="longer than 64 bytes"):
        read(by(step, fits.replace(b"A:", b"AA:")), limits=LIMIT)


@pytest.mark.parametrize("step", STEPS)
def test_a_line_without_end_is_refused_at_the_limit(step: int) -> None:
    """No line is buffered beyond the limit of its head."""
    with pytest.raises(ProtocolError, match="longer than 64 bytes"):
        read(by(step, OK + b"A: " + b"a" * 61), limits=LIMIT)


def test_too_many_fields_are_refused() -> None:
    """The number of fields has a limit of its own."""
    assert read([OK + b"A:\r\n" * 3 + b"\r\n"], limits=LIMIT).head is not None
    with pytest.raises(ProtocolError, match="more than 3 HTTP header fields"):
        read([OK + b"A:\r\n" * 4], limits=LIMIT)


def test_endless_interim_responses_are_refused() -> None:
    """The number of 1xx responses has a limit, and each has the limit of a head."""
    interim = b"HTTP/1.1 100\r\n" + b"A: " + b"a" * 30 + b"\r\n\r\n"
    assert read([interim * 2 + OK + b"\r\n"], limits=LIMIT).head is not None
    with pytest.raises(ProtocolError, match="more than 2 interim"):
        read([interim * 3], limits=LIMIT)


def test_a_line_without_end_byte_by_byte_ends_at_the_default_limit() -> None:
    """An endless line in the smallest of segments is held up to 64 KiB, and no further."""
    reader = HeadReader()
    reader.feed(OK + b"A: ")
    for _ in range(65535 - len(OK) - 3):
        reader.feed(b"a")
    with pytest.raises(ProtocolError, match="longer than 65536 bytes"):
        reader.feed(b"a")


def test_field_names_are_found_in_any_case() -> None:
    """Names are case-insensitive, and the first of several values is the value."""
    head = ResponseHead(200, "", (1, 1), (("ETag", "a"), ("eTAG", "b")))
    assert (head.get("etag"), head.get_all("ETAG"), head.get("x")) == ("a", ["a", "b"], None)


@pytest.mark.parametrize(
    ("version", "connection", "persistent"),
    [
        ((1, 1), [], True),
        ((1, 1), ["close"], False),
        ((1, 1), ["keep-alive, Close"], False),
        ((1, 1), ["x", "close"], False),
        ((1, 0), [], False),
        ((1, 0), ["Keep-Alive"], True),
        ((1, 0), ["keep-alive", "close"], False),
    ],
)
def test_persistence_is_that_of_the_version_and_the_options(
    version: tuple[int, int], connection: list[str], persistent: bool
) -> None:
    """RFC 9112 section 9.3 decides whether a connection outlives its response."""
    fields = tuple(("Connection", value) for value in connection)
    assert ResponseHead(200, "", version, fields).persistent is persistent


def test_request_head_is_written_as_given() -> None:
    """Fields go out in their order and case, in Latin-1."""
    fields = [("Host", "h"), ("x-Y", "ä\tb"), ("Empty", "")]
    expected = b"GET /a?b HTTP/1.1\r\nHost: h\r\nx-Y: \xe4\tb\r\nEmpty: \r\n\r\n"
    assert request_head("GET", "/a?b", fields) == expected


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nX: y", "\x7f", "\u20ac", "\u010d\u010a"])
@pytest.mark.parametrize("part", ["method", "target", "name", "value"])
def test_nothing_can_be_smuggled_into_a_request(part: str, bad: str) -> None:
    """CR, LF, NUL and what Latin-1 cannot hold are refused in every part, unrepeated."""
    parts = {"method": "GET", "target": "/", "name": "A", "value": "b"}
    parts[part] = f"canary{bad}x"
    with pytest.raises(ValueError) as caught:
        request_head(parts["method"], parts["target"], [(parts["name"], parts["value"])])
    assert part in {"method", "name"} or "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [("", "/", "A"), ("G T", "/", "A"), ("GET", "", "A"), ("GET", "/ä", "A"), ("GET", "/ x", "A"),
     ("GET", "/", ""), ("GET", "/", "A:"), ("GET", "/", " A"), ("GET", "/", "Ä")],
)  # fmt: skip
def test_request_parts_must_be_what_they_are_called(method: str, target: str, name: str) -> None:
    """Methods and names are tokens, targets visible ASCII."""
    with pytest.raises(ValueError):
        request_head(method, target, [(name, "")])


@given(st.text(), st.text(), st.text(), st.text())
def test_a_request_head_that_is_written_has_one_end(
    method: str, target: str, name: str, value: str
) -> None:
    """Whatever the parts, what comes out has two lines and a blank one."""
    try:
        head = request_head(method, target, [(name, value)])
    except ValueError:
        return
    assert head.endswith(b"\r\n\r\n")
    assert (head.count(b"\n"), head.count(b"\r"), head.count(b"\0")) == (3, 3, 0)
