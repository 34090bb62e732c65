"""Senders of datagrams, for tests of who receives them."""

from __future__ import annotations

import socket
from typing import Any

from peers import LIMIT

#: Of RFC 2365's administrative scope: it leaves no site, and here not the machine.
GROUP = "239.255.7.7"
HERE = "multicast-if=127.0.0.1"


def client(listener: Any, *datagrams: bytes, host: str = "127.0.0.1") -> socket.socket:
    """Return a socket that is connected to *listener* and has sent *datagrams*."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(20)
    sock.connect((host, int(listener.address.rpartition(":")[2])))
    for datagram in datagrams:
        sock.send(datagram)
    return sock


def answerer(host: str = "127.0.0.1") -> socket.socket:
    """Return a socket at an address of loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(LIMIT)
    sock.bind((host, 0))
    return sock
