"""The two ends of a relay, as plain sockets in the hands of one test."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from peers import LIMIT, listening_socket
from relays_under_test import Relay, RelayTo


def connect(address: str) -> socket.socket:
    """Connect to a relay at *address*, of tcp or unix."""
    scheme, _, place = address.partition("://")
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(LIMIT)
        sock.connect(place)
        return sock
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=LIMIT)


def recv_all(sock: socket.socket) -> bytes:
    """Return everything up to the end of file."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def recv_into(got: bytearray, sock: socket.socket) -> None:
    """Collect everything up to the end of file; what came before an error stays in *got*."""
    while data := sock.recv(65536):
        got += data


def reset(sock: socket.socket) -> None:
    """Close by RST; SO_LINGER with a time of zero, socket(7)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pattern(size: int, seed: bytes = b"fildes") -> bytes:
    """Return *size* bytes in which every loss and every swap shows."""
    return hashlib.shake_128(seed).digest(size)


def read_up_to_a_reset(file: Any) -> bytes:
    """Return what comes before a reset; an end of file is none."""
    got = b""
    try:
        while data := file.read(65536):
            got += data
    except ConnectionResetError:
        return got
    raise AssertionError(f"an end of file after {len(got)} bytes")


class Ends(NamedTuple):
    """Whoever connects to a relay, the one it connects to, and the relay."""

    left: socket.socket
    right: socket.socket
    relay: Relay


@contextlib.contextmanager
def bench(relay_to: RelayTo, *unix: str, directory: Path) -> Iterator[Callable[[], Ends]]:
    """Start a relay; return what connects two sockets by it; those named *unix* are of unix."""
    family = socket.AF_UNIX if "right" in unix else socket.AF_INET
    with listening_socket(family, directory / "target" if "right" in unix else None) as listener:
        listener.settimeout(LIMIT)
        name = listener.getsockname()
        target = f"unix://{name}" if "right" in unix else f"tcp://127.0.0.1:{name[1]}"
        listen = f"unix://{directory}/relay" if "left" in unix else "tcp://127.0.0.1:0"
        relay = relay_to(target, listen)

        def connect_both() -> Ends:
            left = connect(relay.address)
            right, _ = listener.accept()
            right.settimeout(LIMIT)
            return Ends(left, right, relay)

        yield connect_both


@contextlib.contextmanager
def relayed_ends(relay_to: RelayTo, *unix: str, directory: Path) -> Iterator[Ends]:
    """Connect two sockets by a relay of their own."""
    with bench(relay_to, *unix, directory=directory) as connect_both:
        ends = connect_both()
        with ends.left, ends.right:
            yield ends
