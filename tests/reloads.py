"""Relays of a configuration that is read again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

from commands import ENVIRONMENT, LIMIT
from relay_commands import Running

RELAY = '[relay.{}]\nlisten = "tcp-listen://127.0.0.1:0"\nconnect = "exec:{}"\n'


#: The command, which gets a signal at the moment in which it says that it listens.
EAGER = """
import os, signal, sys
from fildes.cli import main
from fildes.cli.relaying.reporter import Reporter

say = Reporter.listening

def listening(self, address, relay=""):
    say(self, address, relay)
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])

Reporter.listening = listening
sys.exit(main(sys.argv[2:]))
"""


#: The command, which gets SIGTERM while the last of two workers is about to begin.
HASTY = """
import os, signal, sys
from fildes.cli import main
from fildes.listening.accepting import Acceptor

share = Acceptor.share

def begin(self, number, count):
    if number == 1:
        os.kill(os.getppid(), signal.SIGTERM)
        while signal.SIGTERM not in signal.sigpending():
            os.sched_yield()
    share(self, number, count)

Acceptor.share = begin
sys.exit(main(sys.argv[2:]))
"""


#: The command, whose worker 1 ends before it accepts, if there is a file, which it removes.
DYING = """
import os, sys
from fildes.cli import main
from fildes.listening.accepting import Acceptor

share = Acceptor.share

def begin(self, number, count):
    if number == 1 and os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
        os._exit(3)
    share(self, number, count)

Acceptor.share = begin
sys.exit(main(sys.argv[2:]))
"""


@contextlib.contextmanager
def signalled(signum: str, *argv: str, by: str = EAGER) -> Iterator[Running]:
    """Run a relay that gets a signal as soon as it says that it listens."""
    with relay_by(by, signum, *argv) as running:
        yield running


@contextlib.contextmanager
def relay_by(program: str, told: str, *argv: str) -> Iterator[Running]:
    """Run a relay as *program* does it, which is *told* something; it is killed at the end."""
    command = [sys.executable, "-c", program, told, "relay", *argv]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


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
