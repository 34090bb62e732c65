"""Peers for one scenario of every kind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authority import Authority
from peers import Conversation, ScriptedPeer, StartPeer, echo
from websocket_script import CLOSE, frame, recv_frame, switched

DOCUMENT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answer(talk: Conversation) -> None:
    """Serve one document."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(DOCUMENT)


def echo_messages(talk: Conversation) -> None:
    """Send each message of a WebSocket back, and answer the Close."""
    opcode = 0
    while opcode != CLOSE:
        opcode, data = recv_frame(talk)
        talk.send(frame(opcode, data))


class Servers:
    """What the scenarios talk to."""

    def __init__(self, peer: StartPeer, authority: Authority, directory: Path) -> None:
        context = authority.localhost.server_context()
        self.plain: ScriptedPeer = peer(echo, repeat=True)
        self.tls: ScriptedPeer = peer(echo, repeat=True, tls=context)
        self.http: ScriptedPeer = peer(answer, repeat=True)
        self.https: ScriptedPeer = peer(answer, repeat=True, tls=context)
        self.ws: ScriptedPeer = peer(switched(echo_messages), repeat=True)
        self.unix: ScriptedPeer = peer(echo, repeat=True, path=directory / "socket")
        self.ca = str(authority.ca_file)
        self.directory = directory
        (directory / "document").write_bytes(b"hello")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.unused_port = listener.getsockname()[1]


#: What answers "hello" with "hello", or just says so: an address and options.
CONVERSATIONS: dict[str, Callable[[Servers], tuple[str, dict[str, Any]]]] = {
    "tcp": lambda servers: (f"tcp://localhost:{servers.plain.port}", {}),
    "unix": lambda servers: (servers.unix.address("unix"), {}),
    "tls": lambda servers: (f"tls://localhost:{servers.tls.port}?ca={servers.ca}", {}),
    "http": lambda servers: (servers.http.address("http", "/x"), {}),
    "https": lambda servers: (
        f"https://localhost:{servers.https.port}/x",
        {"https": {"ca": servers.ca}},
    ),
    "ws": lambda servers: (servers.ws.address("ws"), {"ws": {"ping": 60}}),
    "exec": lambda servers: ("exec:cat", {}),
}
