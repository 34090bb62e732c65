"""Servers that others wrote, started on a port of their own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: Seconds in which a program must be listening.
START_TIMEOUT = 30.0  # arbitrary

#: Seconds in which it should end.
STOP_TIMEOUT = 10.0  # arbitrary

LISTEN = "0A"  #: TCP_LISTEN, as proc_net_tcp(5) writes it


def need(program: str) -> str:
    """Return the path of *program*, or skip the test because it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@contextlib.contextmanager
def serving(
    argv: Callable[[int], list[str]], stop: signal.Signals = signal.SIGTERM
) -> Iterator[int]:
    """Run what *argv* returns for a port; yield the port once it is listening.

    Most programs cannot be told to take any port, so they are given one that was
    free a moment ago; one that finds it taken ends, and gets another.
    """
    for _ in range(5):  # arbitrary
        port = free_port()
        with running(argv(port), stop) as program:
            if wait_listening(program, port):
                yield port
                return
    raise AssertionError(f"{argv(0)[0]} does not listen")


@contextlib.contextmanager
def running(
    argv: list[str], stop: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *argv* with its output in nobody's way; end it by the signal *stop*."""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        try:
            yield program
        finally:
            program.send_signal(stop)
            try:
                program.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:  # it is none of ours, and not what is tested
                program.kill()


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback that nobody has, for sockets of a *kind*."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_listening(program: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until somebody listens on *port*; False if *program* ends before."""
    wait_until(lambda: is_listening(port) or program.poll() is not None)
    return program.poll() is None


def wait_until(ready: Callable[[], bool]) -> None:
    """Wait until another program has got so far as *ready* tells."""
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        assert time.monotonic() < deadline, "it does not get ready"
        time.sleep(0.005)  # the start of another program has no event here


def children_of(pid: int) -> list[int]:
    """Return the processes that process *pid* has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_listening(port: int) -> bool:
    """Tell whether a socket listens on *port*; asking does not take a connection."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
                return True
    return False
