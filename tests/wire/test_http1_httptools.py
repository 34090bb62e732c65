"""What we accept, llhttp accepts too, and reads in the same way."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from responses import MUTATIONS, SOUND, UNSOUND, Mutations, mutate

from fildes.errors import ProtocolError
from fildes.wire.http1 import HeadReader
from fildes.wire.http1_body import body_reader
from fildes.wire.http1_framing import UntilClose, framing_of

httptools = pytest.importorskip("httptools", reason="httptools is not installed")


class Reading(NamedTuple):
    """What a reader made of a response: status, body, and whether its end was in it."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    ended: bool


def ours(data: bytes) -> Reading:
    reader = HeadReader()
    reader.feed(data)
    reader.eof()
    head = reader.head
    assert head is not None
    framing = framing_of(head, "GET")
    body = body_reader(framing)
    size = body.decode(memoryview(reader.rest))
    if not body.done:
        body.eof()
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in head.fields]
    ended = framing != UntilClose()
    return Reading(head.status, fields, bytes(reader.rest[:size]), ended)


class Listener:
    """What llhttp calls, of the first final response."""

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        self.ended = False
        self.begin()

    def begin(self) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.trailing = False
        self.body = b""

    def on_message_begin(self) -> None:
        if not self.ended:
            self.begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.ended and not self.trailing:
            self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        if not self.ended:
            self.trailing = True
            self.status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        if not self.ended:
            self.body += data

    def on_message_complete(self) -> None:
        self.ended = self.ended or self.status >= 200


def theirs(data: bytes) -> Reading:
    listener = Listener()
    try:
        listener.parser.feed_data(data)
    except httptools.HttpParserError:
        if not listener.ended:  # behind the end there may be anything
            raise
    return Reading(listener.status, listener.fields, listener.body, listener.ended)


@pytest.mark.parametrize("response", SOUND)
def test_sound_responses_are_read_as_llhttp_reads_them(response: bytes) -> None:
    """Both accept the responses that the mutations begin with, so none is in vain."""
    assert ours(response) == theirs(response)


@pytest.mark.parametrize("response", UNSOUND.values(), ids=UNSOUND)
def test_unsound_responses_are_refused(response: bytes) -> None:
    """H10 to H15: whatever llhttp makes of them, we make nothing of them."""
    with pytest.raises(ProtocolError):
        ours(response)


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.sampled_from(SOUND), MUTATIONS)
def test_whatever_we_accept_llhttp_reads_in_the_same_way(
    response: bytes, mutations: Mutations
) -> None:
    """No response is accepted that a strict reader refuses, or reads to another end."""
    response = mutate(response, mutations)
    try:
        reading = ours(response)
    except ProtocolError:
        return
    assert reading == theirs(response)
