"""SIGHUP, where there is nothing to read again: the terminal has gone."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest
from commands import ENVIRONMENT, LIMIT, command

pytestmark = pytest.mark.slow

#: Commands that listen, with one process and with two.
LISTENING = [
    ("relay", "tcp-listen://127.0.0.1:0", "exec:cat"),
    ("relay", "--workers", "2", "tcp-listen://127.0.0.1:0", "exec:cat"),
    ("relay", "-", "TCP-LISTEN:0"),
    ("serve", "tcp://127.0.0.1:0", "--", "cat"),
    ("serve", "--workers", "2", "tcp://127.0.0.1:0", "--", "cat"),
]


@contextlib.contextmanager
def running(*argv: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command, and yield it with its port once it listens and knows its signals."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        line = b""
        while not (found := re.search(rb"tcp://127.0.0.1:(\d+)\n", line)):
            line = process.stdout.readline()
            assert line
        if "--workers" in argv and "relay" in argv:
            assert process.stdout.readline() == b"fildes: 2 workers\n"
        try:
            yield process, int(found[1])
        finally:
            process.kill()


@pytest.mark.parametrize("argv", LISTENING)
def test_the_end(argv: tuple[str, ...]) -> None:
    """Whoever listens ends with the terminal that started it."""
    with running(*command(*argv)) as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.wait(LIMIT) in (0, -signal.SIGHUP)


@pytest.mark.parametrize("argv", LISTENING)
def test_under_nohup(argv: tuple[str, ...]) -> None:
    """Whom nohup(1) has started goes on."""
    with running("nohup", *command(*argv)) as (process, port):
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGUSR1)  # seen to after it
        assert process.stdout is not None
        assert re.search(rb", up 0:|^fildes: 0 bytes", process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), LIMIT):
            pass
