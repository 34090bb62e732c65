"""Several processes that accept at the same place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serving_commands import SOURCE, StartServer, serve

import fildes

__all__ = ["serve"]  # a fixture

pytestmark = pytest.mark.slow

#: Serves, in processes of their own, who asks for their number.
SERVER = """
import os, sys
import fildes

def handle(f):
    line = f.readline()
    if line == b"die\\n":
        os.kill(os.getpid(), 9)
    f.write(b"%d\\n" % os.getpid())
    f.flush()
    f.readline()

async def handle_in_task(f):
    line = await f.readline()
    if line == b"die\\n":
        os.kill(os.getpid(), 9)
    await f.write(b"%d\\n" % os.getpid())
    await f.flush()
    await f.readline()

handler = {"thread": handle, "task": handle_in_task}[sys.argv[2]]
fildes.serve(sys.argv[1], handler, workers=2, ready=lambda a: print(a, flush=True))
print("returned", flush=True)
"""


#: The same, whose worker 1 ends before it accepts, if there is a file, which it removes.
DYING = (
    """
import os
from fildes.listening.accepting import Acceptor

share = Acceptor.share

def begin(self, number, count):
    if number == 1 and os.path.exists("dying"):
        os.unlink("dying")
        os._exit(3)
    share(self, number, count)

Acceptor.share = begin
"""
    + SERVER
)


def numbers(address: str, most: int) -> set[int]:
    """Return the numbers of the processes that answer, *most* of them at least."""
    found: set[int] = set()
    open_ones: list[Any] = []
    try:
        while len(found) < most:
            f = fildes.open(address, timeout=20)
            open_ones.append(f)
            f.write(b"who\n")
            found.add(int(f.readline()))
    finally:
        for f in open_ones:
            f.close()
    return found


@pytest.mark.parametrize("handler", ["thread", "task"])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_handlers_in_several_processes(kind: str, handler: str, tmp_path: Path) -> None:
    """All workers accept, one that dies is replaced, and a signal ends all in order."""
    address = "tcp://127.0.0.1:0" if kind == "tcp" else f"unix:{tmp_path}/s"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, address, handler],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        first = numbers(address, 2)
        assert process.pid not in first
        with fildes.open(address) as f:
            f.write(b"die\n")
            assert f.read() == b""
        while len(numbers(address, 2) | first) < 3:
            pass
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "returned\n"
    assert process.returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("handler", ["thread", "task"])
def test_workers_are_ready_once_all_of_them_accept(handler: str, tmp_path: Path) -> None:
    """`ready` is called once a worker that has died before it accepted is replaced."""
    (tmp_path / "dying").touch()
    with subprocess.Popen(
        [sys.executable, "-c", DYING, "tcp://127.0.0.1:0", handler],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "worker 1" in (line := process.stdout.readline())
        assert "ended with status 3" in line
        assert process.stdout.readline().startswith("tcp://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "returned\n"
    assert process.returncode == 0


def test_programs_of_several_processes(serve: StartServer) -> None:
    """`--workers`: programs have different parents, and SIGTERM lets them finish."""
    server = serve("sh", "-c", "echo $PPID; cat", options=["--workers", "2"])
    socks: list[socket.socket] = []
    parents: set[int] = set()
    while len(parents) < 2:
        socks.append(server.connect())
        parents.add(int(socks[-1].recv(99)))
    assert server.process.pid not in parents
    server.process.send_signal(signal.SIGTERM)
    while server.is_listening():
        pass
    for sock in socks:
        with sock:
            sock.sendall(b"hello")
            assert sock.recv(99) == b"hello"
    assert server.wait()[0] == 0


def test_second_signal_ends_all_workers(serve: StartServer) -> None:
    """A second SIGTERM ends the workers and their programs at once."""
    server = serve("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done",
                   options=["--workers", "2"])  # fmt: skip
    with server.connect() as sock:
        assert sock.recv(99) == b"ready\n"
        server.process.send_signal(signal.SIGTERM)
        while server.is_listening():
            pass
        server.process.send_signal(signal.SIGTERM)
        assert server.wait()[0] == -signal.SIGTERM
        with pytest.raises(ConnectionResetError):  # its program was killed
            sock.recv(99)
