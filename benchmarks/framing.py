"""The least of WebSocket that measures it: RFC 6455 without a check, faster than who is measured.

Messages have one of two sizes, so that servers need not look into the frames of clients.
The mask of our own client is zero: it costs us nothing, and a relay as much as any other.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from typing import Self

SMALL, LARGE = 64, 65536  # bytes of a message; of the largest that is sent
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CLOSE = b"\x88\x02\x03\xe8"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(data: bytes, *, masked: bool = False) -> bytes:
    """Return *data* as a binary message."""
    mark, size = masked << 7, len(data)
    if size < 126:
        head = bytes([0x82, mark | size])
    elif size < 65536:
        head = bytes([0x82, mark | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x82, mark | 127]) + size.to_bytes(8, "big")
    return head + bytes(4 * masked) + data


def recv_head(sock: socket.socket) -> bytes:
    """Return a head of HTTP, and nothing behind it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1) or broken()
    return head


def broken() -> bytes:
    raise ConnectionError("the peer ended before it should")


def switch(sock: socket.socket) -> None:
    """Agree to what a client asks for."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    (key,) = re.findall(rb"(?i)\r\nSec-WebSocket-Key: *(\S+)", recv_head(sock))
    answer = base64.b64encode(hashlib.sha1(key + GUID).digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
    )


def recv_count(sock: socket.socket) -> int:
    """Return the number in a message of eight bytes; 0 if there is none."""
    data = sock.recv(14, socket.MSG_WAITALL)
    if len(data) < 14:
        return 0
    mask, masked = data[2:6] * 2, data[6:]
    return int.from_bytes(bytes(a ^ b for a, b in zip(mask, masked, strict=True)), "big")


def end(sock: socket.socket) -> None:
    """Answer the client's Close."""
    while not sock.recv(4096).startswith(b"\x88"):
        pass
    sock.sendall(CLOSE)


def echo(sock: socket.socket) -> None:
    """Answer each small message with another one."""
    switch(sock)
    answer = frame(bytes(SMALL))
    while (question := sock.recv(4096)).startswith(b"\x82"):
        assert len(question) == SMALL + 6
        sock.sendall(answer)
    sock.sendall(CLOSE)


def send_as_asked(sock: socket.socket) -> None:
    """Send as many large messages as the first one says."""
    switch(sock)
    one = frame(bytes(LARGE))
    left, block = recv_count(sock), one * 16
    while left:
        sock.sendall(block[: left * len(one)] if left < 16 else block)
        left -= min(left, 16)
    end(sock)


def take_as_told(sock: socket.socket) -> None:
    """Take as many large messages as the first one says, and answer with one."""
    switch(sock)
    left, buffer = recv_count(sock) * (LARGE + 14), memoryview(bytearray(1 << 20))
    while left:
        left -= sock.recv_into(buffer[:left]) or len(broken())
    sock.sendall(frame(b"."))
    end(sock)


SERVERS = {"ws-echo": echo, "ws-source": send_as_asked, "ws-sink": take_as_told}


class Client:
    """A connection to a relay that listens for WebSockets."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(REQUEST)
        assert recv_head(self.sock).startswith(b"HTTP/1.1 101 ")
        self.buffer = memoryview(bytearray(1 << 20))

    def recv_exactly(self, size: int) -> bytes:
        data = self.sock.recv(size, socket.MSG_WAITALL)
        return data if len(data) == size else broken()

    def recv_message(self) -> int:
        """Receive a message, and return how many bytes it had."""
        size = self.recv_exactly(2)[1]
        if size > 125:
            size = int.from_bytes(self.recv_exactly(2 if size == 126 else 8), "big")
        left = size
        while left:
            left -= self.sock.recv_into(self.buffer[:left]) or len(broken())
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.sock.close()
