"""Responses for comparing readers of HTTP/1.1: sound ones, how to spoil them, unsound ones."""

from __future__ import annotations

from hypothesis import strategies as st

#: Where, how many octets are taken out there, and what is put in.
Mutations = list[tuple[int, int, bytes]]

METHODS = ["GET", "HEAD"]

SOUND = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nT: u\r\n\r\n",
    b"HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\nuntil close",
    b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 304\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n',
]

FRAGMENTS = [
    *(bytes([octet]) for octet in (*range(0x21), 0x7F, 0x80, 0x85, 0xA0, 0xFF)),
    *b"0 1 9 a F x + - _ , ; : = / . \" ( \xd9\xa5".split(),
    b"\r\n", b"\r\n\r\n", b"\n\n", b"\r\n ", b"\r\n\t", b" :", b"\0\0", b"0\r\n\r\n", b"0x5\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 5, 5\r\n", b"content-length:+5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:\tCHUNKED\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"HTTP/1.1 100\r\n\r\n", b"HTTP/1.0", b"HTTP/1.1",
    b"HTTP/0.9", b"200", b"204", b"101", b"199", b"599", b"chunked", b"hello",
]  # fmt: skip

MUTATIONS: st.SearchStrategy[Mutations] = st.lists(
    st.tuples(
        st.integers(0, 120),
        st.integers(0, 3),
        st.one_of(st.just(b""), st.sampled_from(FRAGMENTS), st.binary(max_size=2)),
    ),
    max_size=4,
)


def mutate(response: bytes, mutations: Mutations) -> bytes:
    """Return *response* with the mutations made, one after the other."""
    for offset, size, data in mutations:
        response = response[:offset] + data + response[offset + size :]
    return response


def with_fields(*fields: bytes) -> bytes:
    """Return a response that says this of its body, which is five bytes long."""
    return b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(fields) + b"\r\n\r\nhello"


def in_chunks(body: bytes) -> bytes:
    """Return a response with a chunked body, as it is said."""
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body


#: The cases H10 to H15: whoever accepts one can be played against somebody else.
UNSOUND = {
    "length and chunked": with_fields(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunked and length": with_fields(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two equal lengths": with_fields(b"Content-Length: 5", b"Content-Length: 5"),
    "two lengths": with_fields(b"Content-Length: 5", b"Content-Length: 6"),
    "length 5, 5": with_fields(b"Content-Length: 5, 5"),
    "length +5": with_fields(b"Content-Length: +5"),
    "length -1": with_fields(b"Content-Length: -1"),
    "length 1_0": with_fields(b"Content-Length: 1_0"),
    "length 0x5": with_fields(b"Content-Length: 0x5"),
    "Arabic length": with_fields("Content-Length: ٥".encode()),
    "30 digits": with_fields(b"Content-Length: " + b"1" * 30),
    "xchunked": with_fields(b"Transfer-Encoding: xchunked"),
    "chunked twice": with_fields(b"Transfer-Encoding: chunked, chunked"),
    "gzip, chunked": with_fields(b"Transfer-Encoding: gzip, chunked"),
    "tab behind chunked": with_fields(b"Transfer-Encoding: chunked\t"),
    "folded chunked": with_fields(b"Transfer-Encoding:", b" chunked"),
    "chunk 0x5": in_chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk 1_0": in_chunks(b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n"),
    "chunk -5": in_chunks(b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk without size": in_chunks(b"\r\nhello\r\n0\r\n\r\n"),
    "chunk of 17 digits": in_chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "LF in an extension": in_chunks(b"5;ext\nfoo\r\nhello\r\n0\r\n\r\n"),
    "chunk and bare LF": in_chunks(b"5\nhello\r\n0\r\n\r\n"),
    "data without CRLF": in_chunks(b"5\r\nhello0\r\n\r\n"),
    "blank before colon": with_fields(b"Content-Length : 5"),
    "leading blank": with_fields(b" Content-Length: 5"),
    "NUL in a value": with_fields(b"A: \0", b"Content-Length: 5"),
    "CR in a value": with_fields(b"A: \rb", b"Content-Length: 5"),
    "no colon": with_fields(b"A", b"Content-Length: 5"),
    "a name that is no token": with_fields(b"A B: c", b"Content-Length: 5"),
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "ICY": b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\xff\xfe\xfd\r\n\r\n",
    "nothing": b"",
    "a TLS record": b"\x15\x03\x01\x00\x02\x02\x0a",
}  # fmt: skip
