"""Senders of datagrams, for tests of who receives them."""

from __future__ import annotations

import socket
from typing import Any


def client(listener: Any, *datagrams: bytes, host: str = "127.0.0.1") -> socket.socket:
    """Return a socket that is connected to *listener* and has sent *datagrams*."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(20)
    sock.connect((host, int(listener.address.rpartition(":")[2])))
    for datagram in datagrams:
        sock.send(datagram)
    return sock
