"""What we accept, h11 accepts too, and reads in the same way."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fildes.errors import ProtocolError
from fildes.wire.http1 import HeadReader
from fildes.wire.http1_body import body_reader
from fildes.wire.http1_framing import framing_of

h11 = pytest.importorskip("h11", reason="h11 is not installed")


class Reading(NamedTuple):
    """What a reader made of a response and the end of file behind it."""

    status: int
    version: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    excess: int


def ours(data: bytes, method: str) -> Reading:
    reader = HeadReader()
    reader.feed(data)
    reader.eof()
    head = reader.head
    assert head is not None
    body = body_reader(framing_of(head, method))
    size = body.decode(memoryview(reader.rest))
    if not body.done:
        body.eof()
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in head.fields]
    version = b"%d.%d" % head.version
    return Reading(head.status, version, fields, bytes(reader.rest[:size]), body.excess)


def theirs(data: bytes, method: str) -> Reading:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            excess = len(connection.trailing_data[0])
            return Reading(head.status_code, head.http_version, [*head.headers], body, excess)


def folded(reading: Reading) -> Reading:
    """Return *reading* with the one value lower-cased that h11 gives so."""
    fields = [
        (name, value.lower() if name == b"transfer-encoding" else value)
        for name, value in reading.fields
    ]
    return reading._replace(fields=fields)


RESPONSES = [
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

#: Where, how many octets are taken out there, and what is put in.
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 120),
        st.integers(0, 3),
        st.one_of(st.just(b""), st.sampled_from(FRAGMENTS), st.binary(max_size=2)),
    ),
    max_size=4,
)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("response", RESPONSES)
def test_sound_responses_are_read_as_h11_reads_them(response: bytes, method: str) -> None:
    """Both accept the responses that the mutations begin with, so none is in vain."""
    assert folded(ours(response, method)) == theirs(response, method)


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.sampled_from(RESPONSES), st.sampled_from(["GET", "HEAD"]), MUTATIONS)
def test_whatever_we_accept_h11_reads_in_the_same_way(
    response: bytes, method: str, mutations: list[tuple[int, int, bytes]]
) -> None:
    """No response is accepted that a strict reader refuses, or reads to another end."""
    for offset, size, data in mutations:
        response = response[:offset] + data + response[offset + size :]
    try:
        reading = ours(response, method)
    except ProtocolError:
        return
    assert folded(reading) == theirs(response, method)
