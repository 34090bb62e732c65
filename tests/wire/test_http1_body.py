"""Bodies of HTTP/1.1 messages."""

from __future__ import annotations

import sys

import pytest
from cutting import STEPS, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.http1_body import (
    LAST_CHUNK,
    BodyReader,
    ChunkedReader,
    body_reader,
    encode_chunk,
)
from fildes.wire.http1_framing import Chunked, Framing, Length, NoBody, UntilClose


def read(reader: BodyReader, segments: list[bytes]) -> bytes:
    """Return the payload of *segments*, decoded in place as a user's buffer is."""
    payload = bytearray()
    for segment in segments:
        buffer = bytearray(segment)
        size = reader.decode(memoryview(buffer))
        payload += buffer[:size]
    return bytes(payload)


BODIES = [
    (NoBody(), b"", b""),
    (Length(0), b"", b""),
    (Length(5), b"hello", b"hello"),
    (Chunked(), b"0\r\n\r\n", b""),
    (Chunked(), b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (Chunked(), b"00005\r\nhello\r\nA\r\n, world...\r\n000\r\n\r\n", b"hello, world..."),
    (Chunked(), b'2;a=b;c="\xff ;"\r\n\r\n\r\n1;d\r\n\n\r\n0;x\r\n\r\n', b"\r\n\n"),
    (Chunked(), b"1\r\na\r\n1\r\nb\r\n0\r\nA: b\r\nC:\r\n\r\n", b"ab"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("excess", [b"", b"\r\n", b"HTTP/1.1 200 OK\r\n"])
@pytest.mark.parametrize(("framing", "data", "payload"), BODIES)
def test_body_ends_where_its_framing_says(
    framing: Framing, data: bytes, payload: bytes, excess: bytes, step: int
) -> None:
    """Payload comes out whole, and of what follows it not one byte."""
    reader = body_reader(framing)
    assert read(reader, by(step, data + excess)) == payload
    assert (reader.done, reader.excess) == (True, len(excess))
    reader.eof()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("framing", "data", "payload"), BODIES)
def test_body_cut_short_anywhere_is_incomplete(
    framing: Framing, data: bytes, payload: bytes, step: int
) -> None:
    """An end of file before the last byte of a framed body is never a clean one."""
    for size in range(len(data)):
        reader = body_reader(framing)
        assert payload.startswith(read(reader, by(step, data[:size])))
        assert not reader.done
        with pytest.raises(IncompleteError, match="ended after"):
            reader.eof()


def test_the_error_says_what_was_delivered() -> None:
    """An incomplete body states how much of it came."""
    reader = body_reader(Length(20))
    read(reader, [b"hello"])
    with pytest.raises(IncompleteError, match="ended after 5 of 20 bytes"):
        reader.eof()
    reader = body_reader(Chunked())
    read(reader, [b"5\r\nhello\r\n9\r\nwor"])
    with pytest.raises(IncompleteError, match="after 8 bytes, 6 bytes before the end of a chunk"):
        reader.eof()


def test_a_body_until_close_is_complete_at_the_end_of_file() -> None:
    """Everything is payload, and only the end of file ends it."""
    reader = body_reader(UntilClose())
    assert read(reader, [b"0\r\n\r\n", b"x"]) == b"0\r\n\r\nx"
    assert (reader.done, reader.direct) == (False, sys.maxsize)
    reader.eof()
    assert (reader.done, reader.direct) == (True, 0)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=8), st.data())
def test_chunks_are_independent_of_segmentation(chunks: list[bytes], data: st.DataObject) -> None:
    """What encode_chunk writes is read back, however it is cut."""
    wire = b"".join([*map(encode_chunk, chunks), LAST_CHUNK])
    reader = body_reader(Chunked())
    assert read(reader, at(data.draw(cuts(wire)), wire)) == b"".join(chunks)
    assert (reader.done, reader.excess) == (True, 0)


BROKEN = [
    (b"0x5\r\n", "chunk size"),
    (b"1_0\r\n", "chunk size"),
    (b"-5\r\n", "chunk size"),
    (b"+5\r\n", "chunk size"),
    (b" 5\r\n", "chunk size"),
    (b"5 \r\n", "chunk size"),
    (b"5 ;a\r\n", "chunk size"),
    (b"g\r\n", "chunk size"),
    (b"\r\n", "chunk size"),
    (b";a\r\n", "chunk size"),
    (b"\xd9\xa5\r\n", "chunk size"),
    (b"1" * 17 + b"\r\n", "chunk size"),
    (b"0" * 17 + b"\r\n", "chunk size"),
    (b"5;a\0\r\n", "chunk size"),
    (b"5;a\rb\r\n", "chunk size"),
    (b"5\r\r\n", "chunk size"),
    (b"5;ext\nfoo\r\n", "LF without CR"),
    (b"5\nhello\r\n", "LF without CR"),
    (b"5\r\nhello\n0\r\n\r\n", "LF without CR|CRLF"),
    (b"5\r\nhelloXX", "CRLF"),
    (b"5\r\nhello0\r\n\r\n", "CRLF"),
    (b"5\r\nhello\r0\r\n", "CRLF"),
    (b"0\r\n\n", "LF without CR"),
    (b"0\r\nA : b\r\n\r\n", "blank before its colon"),
    (b"0\r\n A: b\r\n\r\n", "folding"),
    (b"0\r\nContent-Length: 5\r\n\r\n", "Content-Length in the trailers"),
    (b"0\r\ntransfer-encoding: x\r\n\r\n", "transfer-encoding in the trailers"),
    (b"5;" + b"a" * 4096, "within 4096 bytes"),
    (b"0\r\nA: " + b"a" * 16384, "CRLF"),
    (b"0\r\n" + b"A: bcd\r\n" * 2049, "CRLF"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_broken_chunks_are_refused_by_name(data: bytes, words: str, step: int) -> None:
    """What RFC 9112 section 7.1 does not allow is EPROTO, and says what it was."""
    with pytest.raises(ProtocolError, match=words) as caught:
        read(ChunkedReader(), by(step, data))
    assert not isinstance(caught.value, IncompleteError)


def test_trailers_that_just_fit_cannot_be_taken_for_a_chunk() -> None:
    """Trailers up to the last allowed byte are read as trailers."""
    trailer = b"A: " + b"a" * (16384 - 7) + b"\r\n"
    reader = ChunkedReader()
    assert read(reader, [b"1\r\nx\r\n0\r\n" + trailer + b"\r\n5\r\nhello"]) == b"x"
    assert (reader.done, reader.excess, len(reader.trailers)) == (True, 8, 1)


def test_trailers_are_kept() -> None:
    """The fields after the last chunk are there once the body is done."""
    reader = ChunkedReader()
    read(reader, [b"0\r\nDigest: x\r\nB:\r\n\r\n"])
    assert reader.trailers == [("Digest", "x"), ("B", "")]


def test_payload_may_be_moved_past_the_reader() -> None:
    """`direct` says how much splice(2) may take, `took` that it did."""
    reader = body_reader(Chunked())
    assert read(reader, [b"7\r\nab"]) == b"ab"
    assert reader.direct == 5
    reader.took(2)
    assert read(reader, [b"e"]) == b"e"
    reader.took(2)
    assert (reader.direct, reader.done) == (0, False)
    assert read(reader, [b"\r\n1\r\nh\r\n0\r\n\r\n"]) == b"h"
    assert reader.done

    known = body_reader(Length(5))
    known.took(5)
    assert (known.direct, known.done) == (0, True)
    until_close = body_reader(UntilClose())
    until_close.took(5)
    assert not until_close.done


def test_a_body_of_known_length_is_left_where_it_was_received() -> None:
    """A buffer that cannot be written is decoded too: nothing is moved."""
    assert body_reader(Length(5)).decode(memoryview(b"hello+")) == 5
    assert body_reader(UntilClose()).decode(memoryview(b"hello")) == 5
    chunked = ChunkedReader()
    chunked.decode(memoryview(bytearray(b"5\r\n")))
    assert chunked.decode(memoryview(b"hello\r\n0\r\n\r\n")) == 5


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_chunk_is_encoded_from_any_buffer(kind: type) -> None:
    """The size is in bytes, and no data makes no chunk: that would end the body."""
    assert encode_chunk(kind(b"hello, world!!!!")) == b"10\r\nhello, world!!!!\r\n"
    assert encode_chunk(kind(b"")) == b""
