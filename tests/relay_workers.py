"""Relays in several processes, and which of these serves whom."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from commands import LIMIT
from programs import children_of
from relay_commands import Running, connect, relay_running

#: Tells which worker it is of, then answers with what comes.
WHO = "SYSTEM:echo $PPID; exec cat"


def workers_of(running: Running) -> list[int]:
    """Return the processes that a relay has started."""
    return children_of(running.process.pid)


@contextlib.contextmanager
def two_workers(*argv: str) -> Iterator[Running]:
    """Run a relay in two processes."""
    with relay_running("--workers", "2", *argv) as running:
        while running.err.readline() != b"fildes: 2 workers\n":
            pass
        yield running


def spread(running: Running, stack: contextlib.ExitStack) -> dict[int, list[socket.socket]]:
    """Return open connections by worker, one of each at least; `WHO` has to be what answers.

    Who is free first takes a client, so that worker may take several in a row.
    """
    found: dict[int, list[socket.socket]] = {pid: [] for pid in workers_of(running)}
    while not all(found.values()):
        sock = stack.enter_context(connect(running))
        found[int(sock.recv(99))].append(sock)
    return found


def answers(port: int, count: int) -> set[bytes]:
    """Return what so many connections get."""
    found = set()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock:
            sock.shutdown(socket.SHUT_WR)
            found.add(sock.makefile("rb").read())
    return found
