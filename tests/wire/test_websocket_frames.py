"""Messages as frames, against wsproto."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from fildes.wire.websocket import message

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
