"""Heads that are read by their shape: quickly, and never otherwise than in full."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from responses import FRAGMENTS, MUTATIONS, Mutations, mutate

from fildes.wire.content_range import parse_content_range
from fildes.wire.head_shape import IN_CHUNKS, MAX_FIELDS, shape_of
from fildes.wire.http1 import HeadReader
from fildes.wire.http1_framing import Chunked, Length, framing_of


def head_of(*lines: bytes, status: bytes = b"HTTP/1.1 206 Partial Content") -> bytes:
    return b"\r\n".join([status, *lines, b"\r\n"])


def sized(size: int) -> list[bytes]:
    return [b"Content-Length: %d" % size, b"Content-Range: bytes 0-%d/%d" % (size - 1, size)]


HEADS = [
    head_of(*sized(5)),
    head_of(b"Date: now", *sized(5), b'ETag: "1"', b"Connection: keep-alive"),
    head_of(
        b"content-range: bytes 0-4/5",
        b"X.a*+$^|:",
        b"content-length: 5",
        b"Content-Encoding: identity",
        status=b"HTTP/1.0 206",
    ),
    head_of(b"Content-Length: 5", b"Content-Range: any", status=b"HTTP/1.1 200 OK"),
    head_of(b"Connection: close", b"Content-Length: 5", status=b"HTTP/1.1 200 "),
    head_of(b"A: b", b"transfer-encoding: Chunked", status=b"HTTP/1.1 200"),
]


@pytest.mark.parametrize("head", HEADS)
def test_own_shape(head: bytes) -> None:
    """A head is of its own shape."""
    shape = shape_of(head)
    assert shape is not None
    assert shape.find(head + b"hello") == (len(head), IN_CHUNKS if shape.chunked else 5)


def test_other_values() -> None:
    """The next head has other values, and another size."""
    shape = shape_of(HEADS[1])
    assert shape is not None
    other = head_of(b"Date:\t later ", *sized(123456), b"ETag: \xe9:", b"Connection: keep-alive")
    assert shape.find(other) == (len(other), 123456)


@pytest.mark.parametrize(
    "lines",
    [
        sized(5)[:1],
        sized(5)[1:],
        [*sized(5), b"Content-Length: 5"],
        [*sized(5), b"content-range: bytes 0-4/5"],
        [*sized(5), b"Transfer-Encoding: chunked"],
        [*sized(5), *[b"A: b"] * MAX_FIELDS],
    ],
)
def test_no_shape(lines: list[bytes]) -> None:
    """A head that leaves a doubt about the body, or is very long, has no shape."""
    assert shape_of(head_of(*lines)) is None


@pytest.mark.parametrize("begin", [b"HTTP/1.0 200 OK", b"HTTP/1.1 206 Partial Content"])
def test_no_chunks(begin: bytes) -> None:
    """What must not come in chunks, or tells its size elsewhere, has no shape."""
    assert shape_of(head_of(b"Transfer-Encoding: chunked", sized(5)[1], status=begin)) is None


@pytest.mark.parametrize("status", [b"201 Created", b"204", b"304 Not Modified", b"404"])
def test_no_document(status: bytes) -> None:
    """What is no document, or a special one, has no shape."""
    assert shape_of(head_of(*sized(5), status=b"HTTP/1.1 " + status)) is None


@pytest.mark.parametrize(
    "other",
    [
        head_of(*sized(5), b"A: b", status=b"HTTP/1.1 200 OK"),
        head_of(*sized(5), b"A: b", status=b"HTTP/1.0 206 Partial Content"),
        head_of(*sized(5)),
        head_of(*sized(5), b"A: b", b"C: d"),
        head_of(b"A: b", *sized(5)),
        head_of(*sized(5), b"a: b"),
        head_of(b"Content-Length: 6", sized(5)[1], b"A: b"),
        head_of(sized(5)[0], b"Content-Range: bytes 0-4/6", b"A: b"),
        head_of(sized(5)[0], b"Content-Range: bytes 1-5/5", b"A: b"),
        head_of(sized(5)[0], b"Content-Range: bytes 0-3/5", b"A: b"),
        head_of(sized(5)[0], b"Content-Range: bytes 0-4/*", b"A: b"),
        head_of(b"Content-Length: 0", b"Content-Range: bytes 0-0/0", b"A: b"),
        head_of(*sized(5), b"A: b\n"),
        head_of(*sized(5), b"A: b\r"),
        head_of(*sized(5), b"A: \0"),
        head_of(*sized(5), b"A: b", b" c"),
        head_of(*sized(5), b"A: b")[:-1],
        b"HTTP/1.1 103\r\n\r\n" + head_of(*sized(5), b"A: b"),
        b"",
    ],
)
def test_another_shape(other: bytes) -> None:
    """What differs in more than values that mean nothing is of another shape."""
    shape = shape_of(head_of(*sized(5), b"A: b"))
    assert shape is not None
    assert shape.find(other) is None


@pytest.mark.parametrize("name", ["Connection", "content-encoding"])
def test_what_stays(name: str) -> None:
    """Fields that say what the body is, or what comes behind it, have to say the same."""
    shape = shape_of(head_of(f"{name}: one".encode(), *sized(5)))
    assert shape is not None
    assert shape.find(head_of(f"{name}: two".encode(), *sized(5))) is None


ANYWHERE = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 3), st.sampled_from([b"", *FRAGMENTS])),
    max_size=3,
)


@settings(max_examples=2000)
@given(st.sampled_from(HEADS), st.sampled_from(HEADS), st.one_of(MUTATIONS, ANYWHERE))
def test_never_otherwise_than_in_full(known: bytes, head: bytes, mutations: Mutations) -> None:
    """What is read by a shape is read in full as well, and means the same."""
    shape = shape_of(known)
    assert shape is not None
    data = mutate(head + b"hello", mutations)
    found = shape.find(data)
    if found is None:
        return
    reader = HeadReader()
    reader.feed(data)
    assert reader.head is not None
    assert len(data) - len(reader.rest) == found[0]
    framing = framing_of(reader.head, "GET")
    assert framing == (Chunked() if shape.chunked else Length(found[1]))
    told = reader.head.get_all("Content-Range")
    if shape.partial:
        assert [parse_content_range(each) for each in told] == [(0, found[1], found[1])]
    old = HeadReader()
    old.feed(known)
    assert old.head is not None
    assert (reader.head.status, reader.head.version) == (old.head.status, old.head.version)
    assert reader.head.persistent == old.head.persistent
