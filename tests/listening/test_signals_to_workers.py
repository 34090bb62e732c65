"""Signals to `fildes.serve` with workers: to its first process, to all of them, to none."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from peers import LIMIT
from programs import children_of, is_listening
from relay_commands import exchange
from serving_commands import SOURCE

pytestmark = pytest.mark.slow

SERVER = """
import sys
import fildes

def echo(f):
    while line := f.readline():
        f.write(line)
        f.flush()

async def echo_in_task(f):
    while line := await f.readline():
        await f.write(line)
        await f.flush()

handler = {"thread": echo, "task": echo_in_task}[sys.argv[1]]
fildes.serve("tcp://127.0.0.1:0", handler, workers=2, ready=lambda a: print(a, flush=True))
print("returned", flush=True)
"""

#: The same, whose workers hear of the end again when they have done their work.
HEARING_LATE = (
    """
import os, signal
from fildes.sharing import Sharing

work = Sharing.work

def hear_late(self, number):
    status = work(self, number)
    os.kill(os.getpid(), signal.SIGTERM)
    os.write(1, b"heard\\n")  # in one piece, beside the other worker
    return status

Sharing.work = hear_late
"""
    + SERVER
)

every_handler = pytest.mark.parametrize("handler", ["thread", "task"])


@contextlib.contextmanager
def serving(
    handler: str, server: str = SERVER
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Run the server, and yield it with a connection to it."""
    with subprocess.Popen(
        [sys.executable, "-c", server, handler],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port), LIMIT) as sock:
                assert exchange(sock, b"before\n") == b"before\n"
                yield process, sock
        finally:
            process.kill()


def wait_unheard(sock: socket.socket) -> None:
    """Wait until nobody listens any more where *sock* has connected to."""
    _, port = sock.getpeername()
    while is_listening(port):
        pass


def check_end(process: subprocess.Popen[bytes]) -> None:
    """Check that the server has returned, and all is well."""
    assert process.stdout is not None
    assert process.stdout.read() == b"returned\n"
    assert process.wait(LIMIT) == 0


@every_handler
def test_connections_finish(handler: str) -> None:
    """A worker that hears SIGTERM twice, from systemd and from the first process, cuts nobody."""
    with serving(handler) as (process, sock):
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGTERM)
        for _ in range(50):  # meanwhile it is seen to
            assert exchange(sock, b"between\n") == b"between\n"
        process.terminate()
        wait_unheard(sock)
        for _ in range(50):
            assert exchange(sock, b"after\n") == b"after\n"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
        check_end(process)


@every_handler
def test_signal_that_comes_late(handler: str) -> None:
    """A worker that hears SIGTERM again after its work, before its end, does not die of it."""
    with serving(handler, HEARING_LATE) as (process, sock):
        process.terminate()
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
        assert process.stdout is not None
        assert process.stdout.read() == b"heard\nheard\nreturned\n"
        assert process.wait(LIMIT) == 0


@every_handler
def test_second_signal_hurries(handler: str) -> None:
    """Two signals to the first process end everything at once, in its workers, too."""
    with serving(handler) as (process, sock):
        process.terminate()
        wait_unheard(sock)
        process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        check_end(process)


@every_handler
def test_workers_end_with_who_has_forked_them(handler: str) -> None:
    """If that one is killed they accept no more, and connections finish."""
    with serving(handler) as (process, sock):
        process.kill()
        wait_unheard(sock)
        assert exchange(sock, b"after\n") == b"after\n"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
