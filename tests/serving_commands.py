"""`fildes serve` as a process, for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from leaks import statuses

SOURCE = Path(__file__).parents[1] / "src"

StartServer = Callable[..., "ServeCommand"]


class ServeCommand:
    """A running server; its address is known."""

    def __init__(self, *arguments: str, program: list[str], **options: Any) -> None:
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), **options.pop("env", {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fildes", "serve", *arguments, "--", *program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **options,
        )
        self.address = ""
        if "--ready-fd" not in arguments:
            assert self.process.stdout is not None
            self.address = self.process.stdout.readline().strip()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self, **options: Any) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 20, **options)

    def ask(self, data: bytes = b"", **options: Any) -> bytes:
        """Return all that the program answers to *data* and its end."""
        with self.connect(**options) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def children(self) -> list[str]:
        """Return the states of the server's children, zombies included."""
        found = []
        for text in statuses():
            state, parent = text.rpartition(") ")[2].split()[:2]
            if int(parent) == self.process.pid:
                found.append(state)
        return found

    def is_listening(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; return its status, and what it has said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Return its status once it has ended, and what it has said."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def first_line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stderr is not None
        line: str = self.process.stderr.readline()
        return line


@pytest.fixture
def serve(nothing_left_behind: None) -> Iterator[StartServer]:
    """Start servers at a port of loopback, or where they are told, that end with the test."""
    servers: list[ServeCommand] = []

    def start(*program: str, at: str = "tcp://127.0.0.1:0", **options: Any) -> ServeCommand:
        given = options.pop("options", ())
        servers.append(ServeCommand(*given, at, program=list(program), **options))
        return servers[-1]

    yield start
    for server in servers:
        with server.process as process:
            if process.poll() is None:
                process.kill()
