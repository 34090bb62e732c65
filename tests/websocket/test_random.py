"""ws addresses: whatever a peer does, what is read is the beginning of what it sent."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websocket_script import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    masked,
)

from fildes.streams.stream import Stream
from fildes.waiting import Interest
from fildes.websocket.frames import Frames
from fildes.websocket.messages import MessageStream
from fildes.websocket.stream import Manner, WebSocketStream

END, CUT = "end", "cut"


class Pieces(Stream):
    """A stream that brings *pieces*, one for each receive, then its end; it takes what it likes.

    Attributes:
      sent: what was sent into it.
    """

    def __init__(self, pieces: list[bytes], appetite: list[int]) -> None:
        self.pieces = pieces
        self.appetite = appetite
        self.sent = bytearray()

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if len(piece) > len(buffer):
            self.pieces.insert(0, piece[len(buffer) :])
            piece = piece[: len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece) or None

    def try_send(self, data: memoryview) -> int | None:
        most = self.appetite.pop(0) if self.appetite else len(data)
        self.sent += data[:most]
        return min(most, len(data)) or None

    def recv_wants(self) -> Interest:
        return {}

    def send_wants(self) -> Interest:
        return {}

    async def half_close(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def interrupt(self) -> None:
        pass


#: A message in parts, with control frames between them.
PARTS = st.lists(st.binary(max_size=300), min_size=1, max_size=4)
CONTROLS = st.lists(st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)), max_size=2)
MESSAGES = st.lists(st.tuples(st.sampled_from([BINARY, TEXT]), PARTS, CONTROLS), max_size=5)


def written(messages: list[Any]) -> tuple[bytes, list[bytes]]:
    """Return the frames of *messages*, and what each holds."""
    sent, held = b"", []
    for opcode, parts, controls in messages:
        texts = [part.hex().encode() if opcode == TEXT else part for part in parts]
        held.append(b"".join(texts))
        for index, text in enumerate(texts):
            first = CONTINUATION if index else opcode
            sent += frame(first, text, last=index == len(texts) - 1)
            sent += b"".join(frame(control, data) for control, data in controls)
    return sent, held


def cut_up(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:stop] for start, stop in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(0, 10_000), max_size=10)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(MESSAGES, CUTS, st.integers(1, 400), st.integers(0, 10_000), st.booleans())
def test_bytes_are_a_prefix(
    messages: list[Any], cuts: list[int], size: int, lost: int, whole: bool
) -> None:
    """However frames are cut up, all of their bytes come, and an end only after the Close."""
    sent, held = written(messages)
    sent += close_frame()
    if not whole:
        sent = sent[: lost % len(sent)]
    stream = WebSocketStream(Pieces(cut_up(sent, cuts), []), Frames(client=True), Manner())
    got, buffer = bytearray(), memoryview(bytearray(size))
    ended = False
    with contextlib.suppress(OSError):
        while received := stream.try_recv_into(buffer):
            got += buffer[:received]
        ended = received == 0
    assert ended == whole
    assert b"".join(held).startswith(got)
    assert not whole or got == b"".join(held)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(MESSAGES, CUTS)
def test_messages_are_whole(messages: list[Any], cuts: list[int]) -> None:
    """However frames are cut up, messages that are not empty come as they were."""
    sent, held = written(messages)
    pieces = Pieces(cut_up(sent + close_frame(), cuts), [])
    stream = MessageStream(pieces, Frames(client=True, whole=True), Manner())
    buffer = memoryview(bytearray(4096))
    got = [bytes(buffer[:received]) for received in iter(lambda: stream.try_recv_into(buffer), 0)]
    assert got == [message for message in held if message]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=70_000), max_size=4), st.lists(st.integers(0, 500)))
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_sent_arrives(whole: bool, messages: list[bytes], appetite: list[int]) -> None:
    """However little is taken at once, the frames are those of what was sent, and masked."""
    inner = Pieces([], appetite)
    kind = MessageStream if whole else WebSocketStream
    stream = kind(inner, Frames(client=True, whole=whole), Manner())
    for message in messages:
        left = memoryview(message)
        while left:
            left = left[stream.try_send(left) or 0 :]
    got = unframed(bytes(inner.sent))
    assert (got if whole else b"".join(got)) == (messages if whole else b"".join(messages))


def unframed(data: bytes) -> list[bytes]:
    """Return what the masked frames in *data* hold."""
    found = []
    while data:
        assert data[0] == 0x80 | BINARY
        size, at = data[1] & 0x7F, 2
        if size > 125:
            at = {126: 4, 127: 10}[size]
            size = int.from_bytes(data[2:at])
        found.append(masked(data[at + 4 : at + 4 + size], data[at : at + 4]))
        data = data[at + 4 + size :]
    return found


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_noise_is_an_error(noise: bytes, client: bool) -> None:
    """Whatever bytes come, reading them ends, in an error unless they hold a Close."""
    stream = WebSocketStream(Pieces(cut_up(noise, []), []), Frames(client=client), Manner())
    buffer = memoryview(bytearray(64))
    try:
        while stream.try_recv_into(buffer):
            pass
    except OSError:
        return
    assert stream.frames.theirs


def test_masks_differ() -> None:
    """Each frame of a client has a mask of its own; RFC 6455 section 5.3."""
    frames = Frames(client=True)
    masks = {bytes(frames.encode(memoryview(os.urandom(1))))[2:6] for _ in range(20)}
    assert len(masks) > 15
