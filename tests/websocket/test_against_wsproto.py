"""What is read of frames, right and spoilt ones, is what wsproto alone reads of them."""

from __future__ import annotations

import itertools
import random
from typing import Any, NamedTuple

import pytest
from websocket_script import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

from fildes.errors import ProtocolError
from fildes.websocket.frames import Frames

CASES = 400  # for each seed; a few in a hundred are read to a Close
SIZES = (0, 1, 3, 17, 125, 126, 127, 300, 65535, 65536, 70_000)
LONGEST_HEAD = 14  # RFC 6455 section 5.2
TEXTS = ("", "a", "zwölf", "€" * 50, "😀" * 40, "\x00\x7f")


class Reading(NamedTuple):
    """What came of some bytes.

    Attributes:
      data: of all messages, one behind the other.
      failed: the code of the failure that the bytes are; 0 for none.
      closed: the code of the peer's Close; 0 before it came.
      pinged: what the last ping held.
    """

    data: bytes
    failed: int
    closed: int
    pinged: bytes | None


def by_wsproto(sent: bytes, *, client: bool) -> Reading:
    """Read *sent* by wsproto, all at once."""
    protocol, data, pinged = FrameProtocol(client, []), b"", None
    protocol.receive_bytes(sent)
    try:
        for each in protocol.received_frames():
            payload = each.payload
            if each.opcode is Opcode.CLOSE:
                assert isinstance(payload, tuple)
                return Reading(data, 0, int(payload[0]), pinged)
            assert not isinstance(payload, tuple)
            if each.opcode is Opcode.PING:
                pinged = payload if isinstance(payload, bytes) else payload.encode()
            elif not each.opcode.iscontrol():
                data += payload.encode() if isinstance(payload, str) else payload
    except ParseFailed as error:
        return Reading(data, int(error.code), 0, pinged)
    return Reading(data, 0, 0, pinged)


def by_us(sent: bytes, cuts: list[int], *, client: bool) -> Reading:
    """Read *sent* in the pieces that *cuts* make of it."""
    frames, data = Frames(client=client), b""
    for start, stop in itertools.pairwise(sorted({0, len(sent), *cuts})):
        frames.feed(memoryview(sent)[start:stop])
        while (piece := frames.next_piece()) is not None:
            data += piece.data
        if isinstance(frames.failure, ProtocolError) and not frames.theirs:
            answers = answered(frames.take_control(), client=not client)
            return Reading(data, answers[Opcode.CLOSE][0], 0, answers.get(Opcode.PONG))
    return Reading(data, 0, frames.theirs, frames.pong)


def answered(control: bytes, *, client: bool) -> dict[Opcode, Any]:
    """Return what the control frames hold that the peer gets."""
    protocol = FrameProtocol(client, [])
    protocol.receive_bytes(control)
    return {each.opcode: each.payload for each in protocol.received_frames()}


def frames_of(rng: random.Random, *, masked: bool) -> list[bytes]:
    """Return frames of messages, most of them right."""

    def one(opcode: int, data: bytes, *, last: bool = True) -> bytes:
        return frame(opcode, data, last=last, mask=rng.randbytes(4) if masked else b"")

    made = []
    for _ in range(rng.randrange(1, 6)):
        opcode = rng.choice([BINARY, BINARY, TEXT])
        size = rng.choice(SIZES[:8]) if rng.random() < 0.95 else rng.choice(SIZES[8:])
        data = rng.randbytes(size) if opcode == BINARY else rng.choice(TEXTS).encode()
        cut = rng.randrange(len(data) + 1)
        if rng.random() < 0.7:
            made.append(one(opcode, data))
        else:
            made.append(one(opcode, data[:cut], last=False))
            made += [one(rng.choice([PING, PONG]), rng.randbytes(rng.choice([0, 5, 125])))]
            made.append(one(CONTINUATION, data[cut:]))
        if rng.random() < 0.2:
            made.append(one(rng.choice([PING, PONG]), rng.randbytes(3)))
    if rng.random() < 0.7:
        codes = [1000, 1001, 1011, 3000, 999, 1005, 1006, 2999]
        made.append(close_frame(rng.choice(codes), b"why", rng.randbytes(4) if masked else b""))
    return made


def spoilt(rng: random.Random, frames: list[bytes]) -> bytes:
    """Return *frames* as bytes, some of them not as they should be."""
    for _ in range(rng.choice([0, 1, 1, 2])):
        index = rng.randrange(len(frames))
        damaged = bytearray(frames[index])
        at = rng.randrange(min(len(damaged), 14)) if damaged else 0
        kind = rng.randrange(5)
        if kind == 0 and damaged:
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del damaged[at : at + rng.randrange(1, 4)]
        elif kind == 2:
            damaged[at:at] = rng.randbytes(rng.randrange(1, 4))
        elif kind == 3:
            damaged *= 2
        else:
            frames.insert(rng.randrange(len(frames) + 1), bytes(damaged))
        frames[index] = bytes(damaged)
    sent = b"".join(frames)
    return sent[: rng.randrange(len(sent) + 1)] if rng.random() < 0.1 else sent


@pytest.mark.slow
@pytest.mark.parametrize("client", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_frames_are_read_as_by_wsproto(seed: int, client: bool) -> None:
    """However frames are spoilt and cut, data, pings, failures and ends are wsproto's."""
    rng = random.Random(seed)  # that a failure can be had again
    seen = set()
    for number in range(CASES):
        sent = spoilt(rng, frames_of(rng, masked=not client))
        expected = by_wsproto(sent, client=client)
        cuts = [rng.randrange(len(sent) + 1) for _ in range(rng.choice([0, 1, 5, 30]))]
        got = by_us(sent, cuts, client=client)
        if expected.failed and not got.failed:
            # What is wrong with a head is said when all of it is there.
            got = by_us(sent + bytes(LONGEST_HEAD), cuts, client=client)
        if expected.failed == CloseReason.INVALID_FRAME_PAYLOAD_DATA:
            # By pieces, the characters before the wrong one are given out.
            assert got.data.startswith(expected.data), number
            got = got._replace(data=expected.data)
        assert got == expected, number
        seen.add((expected.failed, expected.closed))
    assert {(0, 0), (1002, 0), (1007, 0), (0, 1000)} <= seen
