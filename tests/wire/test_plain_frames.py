"""Plain frames, written and read, against wsproto; see also websocket/test_against_wsproto."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from fildes.wire.plain_frames import FrameSplitter, message

#: Around where the size takes another form, and the mask another turn; section 5.2.
SIZES = (0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65534, 65535, 65536, 65539)

MASK = bytes.fromhex("37fa213d")


@pytest.mark.parametrize("size", SIZES)
def test_unmasked_as_wsproto(size: int) -> None:
    """A server's frame is byte for byte the one that wsproto writes."""
    data = (bytes(range(256)) * 257)[:size]
    assert message(2, memoryview(data)) == FrameProtocol(False, []).send_data(data)


@pytest.mark.parametrize("size", SIZES)
def test_masked_is_read_by_wsproto(size: int) -> None:
    """A client's frame, of any form of its size, is read by wsproto as what was sent."""
    data = (bytes(range(256)) * 257)[:size]
    assert read(bytes(message(2, memoryview(data), MASK))) == [(Opcode.BINARY, data)]


def test_example_of_the_rfc() -> None:
    """The masked and the unmasked text message of RFC 6455 section 5.7."""
    assert message(1, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert message(1, b"Hello", MASK) == bytes.fromhex("818537fa213d7f9f4d5158")


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_any_mask(data: bytes, mask: bytes) -> None:
    """Whatever the mask, the message is read back."""
    assert read(bytes(message(2, data, mask))) == [(Opcode.BINARY, data)]


def read(frames: bytes) -> list[tuple[Opcode, bytes]]:
    """Return the messages in *frames* of a client."""
    protocol, found = FrameProtocol(False, []), []
    protocol.receive_bytes(frames)
    for each in protocol.received_frames():
        assert isinstance(each.payload, bytes | bytearray)
        assert each.message_finished
        found.append((each.opcode, bytes(each.payload)))
    return found


@given(st.lists(st.binary(min_size=1, max_size=130), max_size=6), st.integers(1, 40))
@pytest.mark.parametrize("key", [b"", MASK])
def test_splitter_reads_what_was_written(key: bytes, messages: list[bytes], step: int) -> None:
    """Plain frames are read back, whole or in pieces, and pieces stay as they were given out."""
    sent = b"".join(bytes(message(2, data, key)) for data in messages)
    for size in (step, len(sent) + 1):
        splitter, parts = FrameSplitter(client=not key), []
        for start in range(0, len(sent), size):
            splitter.feed(memoryview(sent)[start : start + size])
            while (part := splitter.next_part()) is not None:
                parts.append(part)
        assert all(part.plain for part in parts)
        assert b"".join(part.data for part in parts) == b"".join(messages)
        assert sum(part.last for part in parts) == len(messages)


@pytest.mark.parametrize(
    "other",
    [
        b"\x02\x01x",  # not the last of its message
        b"\x81\x01x",  # text
        b"\x89\x01x",
        b"\xc2\x01x",  # compressed
        b"\x82\x00",
        b"\x82\x81keysx",  # masked
        b"\x82\x7e\x00\x05hello",  # not the shortest form
        b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello",
        b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00hello",
    ],
)
def test_splitter_leaves_others_as_they_are(other: bytes) -> None:
    """Frames that are none of ours come as they were, and what follows them is told apart."""
    splitter = FrameSplitter(client=True)
    splitter.feed(memoryview(other + b"\x82\x01y"))
    part = splitter.next_part()
    assert part is not None
    assert not part.plain
    assert part.data[: len(other)] == other
    if part.last:
        assert splitter.next_part() == (True, memoryview(b"y"), True)


def test_splitter_within_a_message() -> None:
    """Between the parts of a message no frame is plain: it is against the rules there."""
    splitter = FrameSplitter(client=True)
    splitter.within = True
    splitter.feed(memoryview(b"\x82\x01y"))
    assert splitter.next_part() == (False, memoryview(b"\x82\x01y"), True)
