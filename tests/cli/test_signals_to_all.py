"""A signal that is sent to all processes of a relay or server, as systemd does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest
from commands import LIMIT, start
from programs import children_of
from relay_commands import exchange

pytestmark = pytest.mark.slow

COMMANDS = [
    ("relay", "--workers", "2", "tcp-listen://127.0.0.1:0", "exec:cat"),
    ("serve", "--workers", "2", "tcp://127.0.0.1:0", "--", "cat"),
]


@contextlib.contextmanager
def serving(*argv: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Run a command, and yield it with a connection that it serves."""
    with start(*argv, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        line = b""
        while not (found := re.search(rb"tcp://127.0.0.1:(\d+)\n", line)):
            line = process.stdout.readline()
            assert line
        try:
            with socket.create_connection(("127.0.0.1", int(found[1])), LIMIT) as sock:
                assert exchange(sock, b"before") == b"before"
                yield process, sock
        finally:
            process.kill()


@pytest.mark.parametrize("argv", COMMANDS)
def test_connections_finish(argv: tuple[str, ...]) -> None:
    """A worker that hears SIGTERM twice, from systemd and from the first process, cuts nobody."""
    with serving(*argv) as (process, sock):
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGTERM)
        assert process.stdout is not None
        while not re.search(rb"stopping: 1|accepted; 1 open", line := process.stdout.readline()):
            assert line
        process.terminate()
        for _ in range(50):
            assert exchange(sock, b"after") == b"after"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("argv", COMMANDS)
def test_second_signal_still_hurries(argv: tuple[str, ...]) -> None:
    """Two signals to the first process end everything at once, in its workers, too."""
    with serving(*argv) as (process, sock):
        process.terminate()
        assert process.stdout is not None
        while not re.search(rb"stopping: 1|accepted; 1 open", line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        assert process.wait(LIMIT) < 0
