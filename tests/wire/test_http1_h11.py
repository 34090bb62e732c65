"""What we accept, h11 accepts too, and reads in the same way."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from responses import METHODS, MUTATIONS, SOUND, Mutations, mutate

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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("response", SOUND)
def test_sound_responses_are_read_as_h11_reads_them(response: bytes, method: str) -> None:
    """Both accept the responses that the mutations begin with, so none is in vain."""
    assert folded(ours(response, method)) == theirs(response, method)


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.sampled_from(SOUND), st.sampled_from(METHODS), MUTATIONS)
def test_whatever_we_accept_h11_reads_in_the_same_way(
    response: bytes, method: str, mutations: Mutations
) -> None:
    """No response is accepted that a strict reader refuses, or reads to another end."""
    response = mutate(response, mutations)
    try:
        reading = ours(response, method)
    except ProtocolError:
        return
    assert folded(reading) == theirs(response, method)
