"""Scripts for peers that speak WebSocket, or something like it; written apart from ours."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from typing import Any

from peers import Conversation, Script, StartPeer

import fildes

END_OF_HEAD = b"\r\n\r\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def key_of(request: bytes) -> bytes:
    """Return the key in the head of a request."""
    return request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]


def accept(key: bytes) -> bytes:
    """Return what answers *key*."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def answer(key: bytes, fields: bytes = b"") -> bytes:
    """Return the answer that agrees."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept(key) + b"\r\n" + fields + b"\r\n"
    )


def frame(
    opcode: int, data: bytes = b"", *, last: bool = True, mask: bytes = b"", rsv: int = 0
) -> bytes:
    """Return a frame; with *mask* as a client sends it."""
    first = (last << 7) | (rsv << 4) | opcode
    marked = bool(mask) << 7
    if len(data) < 126:
        head = bytes([first, marked | len(data)])
    elif len(data) < 1 << 16:
        head = bytes([first, marked | 126]) + struct.pack("!H", len(data))
    else:
        head = bytes([first, marked | 127]) + struct.pack("!Q", len(data))
    return head + mask + (masked(data, mask) if mask else data)


def masked(data: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def close_frame(code: int = 1000, reason: bytes = b"", mask: bytes = b"") -> bytes:
    """Return a Close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason, mask=mask)


def recv_frame(talk: Conversation) -> tuple[int, bytes]:
    """Return opcode and data of the next frame of a client; it has to be masked."""
    first, second = talk.recv_exactly(2)
    assert second & 0x80, "a client masks what it sends"
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", talk.recv_exactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", talk.recv_exactly(8))
    mask = talk.recv_exactly(4)
    return first & 0x0F, masked(talk.recv_exactly(size), mask)


def switched(then: Callable[[Conversation], None] | bytes, fields: bytes = b"") -> Script:
    """Return the script that agrees, and then does *then*, or sends it and ends."""

    def run(talk: Conversation) -> None:
        talk.send(answer(key_of(talk.recv_until(END_OF_HEAD)), fields))
        if isinstance(then, bytes):
            talk.send(then)
        else:
            then(talk)

    return run


def open_ws(peer: StartPeer, sent: bytes, fields: bytes = b"", **options: Any) -> Any:
    """Open a server that sends *sent* and ends."""
    return fildes.open(peer(switched(sent, fields)).address("ws"), ws=options)
