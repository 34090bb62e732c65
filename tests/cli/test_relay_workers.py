"""fildes relay in several processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes
from programs import free_port
from relay_commands import Running, relay_running

from fildes.cli.status import Status

__all__ = ["fildes"]  # a fixture


def workers_of(running: Running) -> list[int]:
    """Return the processes that a relay has started."""
    pid = running.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def two_workers(*argv: str) -> Iterator[Running]:
    """Run a relay in two processes, both of which listen."""
    with relay_running("--workers", "2", *argv) as running:
        assert running.err.readline() == b"fildes: 2 workers listening\n"
        yield running


def answers(port: int, count: int) -> set[bytes]:
    """Return what so many connections get."""
    found = set()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock:
            sock.shutdown(socket.SHUT_WR)
            found.add(sock.makefile("rb").read())
    return found


def test_workers_share_the_connections() -> None:
    """--workers N: N processes accept at one port, and all of them end with the first."""
    port = free_port()
    argv = [f"tcp-listen://127.0.0.1:{port}", "SYSTEM:echo $PPID"]
    with two_workers(*argv) as running:
        workers = workers_of(running)
        assert len(workers) == 2
        served = answers(port, 40)  # that one of two gets none of 40 happens once in 2**39
        assert served == {b"%d\n" % pid for pid in workers}
        running.process.terminate()
        assert running.wait() == 0
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_reload_reaches_every_worker(tmp_path: Path) -> None:
    """SIGHUP: all processes read the configuration again."""
    path, port = tmp_path / "relays.toml", free_port()
    text = '[relay.a]\nlisten = "tcp-listen://127.0.0.1:{}"\nconnect = "SYSTEM:echo {}"\n'
    path.write_text(text.format(port, "old"))
    with two_workers("--config", str(path)) as running:
        assert answers(port, 20) == {b"old\n"}
        path.write_text(text.format(port, "new"))
        running.process.send_signal(signal.SIGHUP)
        lines = [running.err.readline() for _ in range(2)]
        assert all(b"reloaded" in line for line in lines)
        assert answers(port, 20) == {b"new\n"}


def test_a_worker_that_dies_ends_all() -> None:
    """When a process is killed, the others end, and the status tells of it."""
    with two_workers(f"tcp-listen://:{free_port()}", "exec:cat") as running:
        os.kill(workers_of(running)[0], signal.SIGKILL)
        assert b"a worker has ended with status 137" in running.err.readline()
        assert running.wait() == 137


@pytest.mark.parametrize("argv", [
    ["tcp-listen://:0", "exec:cat"], ["unix-listen://./socket", "exec:cat"], ["-", "exec:cat"],
    ["--watch", "tcp-listen://:1", "exec:cat"], ["--metrics", ":0", "tcp-listen://:1", "exec:cat"],
])  # fmt: skip
def test_what_cannot_be_shared_is_refused(fildes: RunMain, argv: list[str]) -> None:
    """A listener that several processes cannot have says so, and nothing is started."""
    assert fildes("relay", "--workers", "2", *argv).status == Status.USAGE
