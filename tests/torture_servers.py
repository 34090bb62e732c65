"""Peers for one scenario of every kind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authority import Authority
from peers import Conversation, ScriptedPeer, StartPeer, echo

DOCUMENT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answer(talk: Conversation) -> None:
    """Serve one document."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(DOCUMENT)


class Servers:
    """What the scenarios talk to."""

    def __init__(self, peer: StartPeer, authority: Authority, directory: Path) -> None:
        context = authority.localhost.server_context()
        self.plain: ScriptedPeer = peer(echo, repeat=True)
        self.tls: ScriptedPeer = peer(echo, repeat=True, tls=context)
        self.http: ScriptedPeer = peer(answer, repeat=True)
        self.https: ScriptedPeer = peer(answer, repeat=True, tls=context)
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
    "exec": lambda servers: ("exec:cat", {}),
}
