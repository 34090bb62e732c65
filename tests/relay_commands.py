"""`fildes relay` as a process that listens, and socat as its counterpart."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import IO

from commands import LIMIT, start
from programs import need

#: What the command says once it listens.
LISTENING = re.compile(rb"fildes: (?:[\w.-]+: )?listening at (\S+)\n")


#: A relay that answers each client with what it says.
ECHO = ["TCP-LISTEN:0,reuseaddr,fork", "EXEC:cat"]


class Running:
    """A relay that listens.

    Attributes:
      address: where; for a client of socat's, see `target`.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stderr is not None
        self.err: IO[bytes] = process.stderr
        self.address = self.next_address()

    def next_address(self) -> str:
        """Return the next address that it says it listens at."""
        seen = b""
        while not (match := LISTENING.fullmatch(line := self.err.readline())):
            seen += line
            assert line, f"it ended before it listened: {seen!r}"
        return match[1].decode()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def wait(self) -> int:
        """Wait for its end and return its status."""
        return self.process.wait(LIMIT)


@contextlib.contextmanager
def relay_running(*argv: str, stdin: int = subprocess.DEVNULL) -> Iterator[Running]:
    """Run the command; it is killed if it still runs at the end."""
    with start("relay", *argv, stdin=stdin) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def socat(*argv: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run socat with *given* on its standard input; -t is how long it waits for an answer."""
    command = [need("socat"), "-t", "20", *argv]
    return subprocess.run(command, input=given, capture_output=True, timeout=LIMIT, check=False)


@contextlib.contextmanager
def socat_serving(listen: str, answer: str, *argv: str) -> Iterator[str]:
    """Run socat listening at *listen*, and yield its port, or its path, once it does."""
    command = [need("socat"), "-d", "-d", "-t", "20", *argv, listen, answer]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield listening_place(process)
        finally:
            process.terminate()
            process.communicate()


def listening_place(process: subprocess.Popen[bytes]) -> str:
    """Return where socat says that it listens."""
    assert process.stderr is not None
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        line = process.stderr.readline().decode()
        match = re.search(r"listening on (?:LEN=\d+ )?AF=\d+ (\S+)", line)
        if match:
            return match[1].rpartition(":")[2] if "/" not in match[1] else match[1].strip('"')
        assert line, "socat ended before it listened"
    raise AssertionError("socat does not listen")


def relay(*argv: str, given: bytes = b"") -> tuple[int, bytes]:
    """Run `fildes relay` with *given* on standard input; return status and output."""
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(given, timeout=LIMIT)
    return process.returncode, out


def connect(running: Running) -> socket.socket:
    """Return a connection to the relay."""
    return socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT)


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Send *data*, and return as many bytes."""
    sock.sendall(data)
    received = b""
    while len(received) < len(data):
        more = sock.recv(len(data) - len(received))
        if not more:
            break
        received += more
    return received
