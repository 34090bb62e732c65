"""Relays of a configuration that is read again."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

from commands import LIMIT
from relay_commands import Running

RELAY = '[relay.{}]\nlisten = "tcp-listen://127.0.0.1:0"\nconnect = "exec:{}"\n'


def echo_at(address: str, data: bytes = b"hello") -> bytes:
    """Return what a relay at *address* answers to *data* and the end of file."""
    with connected(address) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return sock.makefile("rb").read()


@contextlib.contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """Connect to a relay."""
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock:
        yield sock


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Send *data*, and return what comes."""
    sock.sendall(data)
    return sock.recv(100)


def reload(running: Running) -> list[str]:
    """Let *running* read its configuration again; return what it says."""
    running.process.send_signal(signal.SIGHUP)
    lines: list[str] = []
    while not lines or "reloaded" not in lines[-1]:
        lines.append(running.err.readline().decode())
        assert lines[-1], lines
    return lines
