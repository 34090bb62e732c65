"""Listeners at WebSockets for tests, and clients of them."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import fildes

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x01\x02\x03\x04"

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextlib.contextmanager
def echoing(address: str, **options: Any) -> Iterator[Any]:
    """Listen at *address*, and send whatever comes back, message by message or piece by piece."""
    listener = fildes.listen(address, buffering=0, **options)
    threads: list[threading.Thread] = []

    def echo(f: Any) -> None:
        with f, contextlib.suppress(OSError):  # so that it is closed and not aborted
            while data := f.read(1 << 20):
                f.write(data)

    def serve() -> None:
        for f in listener:
            threads.append(threading.Thread(target=echo, args=(f,)))
            threads[-1].start()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield listener
    finally:
        listener.close()
        server.join()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def pair(address: str, client: dict[str, Any] | None = None, **server: Any) -> Iterator[Any]:
    """Yield what was opened and what was accepted at *address*, with options of each."""
    accepted: list[Any] = []
    with fildes.listen(address, ws=server) as listener:
        thread = threading.Thread(target=lambda: accepted.append(listener.accept()))
        thread.start()
        with fildes.open(listener.address, ws=client or {}) as f:
            thread.join()
            with accepted[0]:
                yield f, accepted[0]
                f.half_close()  # else each would wait for the other's Close


def place_of(listener: Any) -> tuple[str, int]:
    match = re.fullmatch(r"wss?://(.*):(\d+)/.*", listener.address)
    assert match is not None
    return match[1], int(match[2])


def connected(listener: Any) -> socket.socket:
    return socket.create_connection(place_of(listener), timeout=20)


def answer_to(listener: Any, request: bytes) -> bytes:
    """Return all that the listener says to *request*, up to its end."""
    with connected(listener) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))
