"""How connections of programs end, event by event."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from peers import LIMIT
from tcp_ends import received
from until import run_until

import fildes
from fildes.drivers.loop import Loop
from fildes.relaying import ending
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.ending import Served
from fildes.relaying.programs import Programs
from fildes.streams import parting

#: Starts a service of a program; returns it and a client.
Start = Callable[..., tuple[Programs, socket.socket]]


class Errors(Observer):
    """How connections have ended."""

    def __init__(self) -> None:
        self.seen: list[Exception | None] = []

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.seen.append(error)


@pytest.fixture
def start(nothing_left_behind: None) -> Iterator[Start]:
    """Start services in a loop that ends with the test."""
    with Loop() as loop, fildes.listen("tcp://127.0.0.1:0") as listener:
        port = int(listener.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
            made: list[Programs] = []

            def start_one(*argv: str) -> tuple[Programs, socket.socket]:
                made.append(Programs(loop, listener.acceptor, argv, Errors()))
                return made[-1], client

            yield start_one
            for service in made:
                service.close()
            run_until(loop, lambda: all(service.ended for service in made))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be left because he is silent."""
    monkeypatch.setattr(parting, "LAST_WORDS", LIMIT)


@pytest.mark.parametrize("how", [Programs.abort, Programs.hurry])
def test_who_was_told_the_end_is_not_reset(
    how: Callable[[Programs], None], start: Start, patient: None
) -> None:
    """A client that takes its time after an end in order can be left at once."""
    service, client = start("echo", "hello")
    run_until(service.loop, lambda: bool(service.leaving))
    service.drain()
    how(service)
    assert service.ended
    assert received(client) == (6, None)
    assert service.observer.seen == [None]  # type: ignore[attr-defined]  # it is one of ours


def test_who_was_not_told_is_reset(start: Start) -> None:
    """A program that was ended in haste has its client reset at once."""
    service, client = start("sleep", "1000")
    run_until(service.loop, lambda: bool(service.children))
    service.drain()
    service.hurry()
    run_until(service.loop, lambda: service.ended)
    assert received(client) == (0, ConnectionResetError)


@pytest.fixture
def hung_up(start: Start, patient: None) -> tuple[Programs, socket.socket]:
    """A service whose program has closed its connection and lives on, and the client it told."""
    service, client = start("sh", "-c", "echo hello; exec <&- >&-; exec sleep 1000")
    run_until(service.loop, lambda: any(child.hanging_up for child in service.children.values()))
    assert received(client) == (6, None)
    return service, client


def test_who_hangs_up_may_end_first(hung_up: tuple[Programs, socket.socket]) -> None:
    """A program that ends while its client is being left changes nothing for that."""
    service, client = hung_up
    for child in service.children.values():
        child.process.kill()
    run_until(service.loop, lambda: bool(service.leaving))
    client.close()
    run_until(service.loop, lambda: not service.connections)
    assert service.observer.seen == [None]  # type: ignore[attr-defined]  # it is one of ours


def test_who_hangs_up_may_end_last(hung_up: tuple[Programs, socket.socket]) -> None:
    """A connection is over once its program has ended, though the client was left before."""
    service, client = hung_up
    client.close()
    run_until(service.loop, lambda: not any(c.hanging_up for c in service.children.values()))
    assert service.connections
    for child in service.children.values():
        child.process.kill()
    run_until(service.loop, lambda: not service.connections)


def test_who_hangs_up_can_be_hurried(hung_up: tuple[Programs, socket.socket]) -> None:
    """Nobody waits for a client that is being left, once all is ended in haste."""
    service, _ = hung_up
    service.drain()
    service.hurry()
    run_until(service.loop, lambda: service.ended)


def test_program_is_looked_at_less_and_less() -> None:
    """A program that keeps its connection is looked at again and again, but not often."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        program = Served(process)
        pauses = [program.next_look() for _ in range(9)]
        assert pauses[:2] == [ending.FIRST_LOOK, 2 * ending.FIRST_LOOK]
        assert pauses[-1] == ending.LONGEST_PAUSE
        process.kill()
        process.wait()
        program.release()


def test_what_a_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor is found by what it is; who ends, or cannot be looked at, has it still."""
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(["sleep", "1000"], stdin=theirs.fileno()) as process:
        program = Served(process)
        assert program.has(theirs.fileno())
        assert not program.has(ours.fileno())
        monkeypatch.setattr(ending, "is_exiting", lambda pid: True)
        assert program.has(ours.fileno())
        monkeypatch.undo()
        monkeypatch.setattr(os, "listdir", refuse)
        assert program.has(ours.fileno())
        monkeypatch.undo()
        process.kill()
        process.wait()
        program.release()


def test_what_a_group_has() -> None:
    """A descriptor is found with all of a group, and with nobody else."""
    ours, theirs = socket.socketpair()
    holder = ["sh", "-c", "exec 3<&0; sleep 1000 <&3 & exec <&- 3<&-; wait"]
    with ours, theirs, subprocess.Popen(holder, stdin=theirs.fileno(), process_group=0) as process:
        program = Served(process)
        while program.has(theirs.fileno()):
            pass
        assert program.shares(theirs.fileno())
        assert not program.shares(ours.fileno())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while program.leaves_others():
            pass
        assert not program.shares(theirs.fileno())
        program.release()


def test_who_may_not_be_asked_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of a group that are somebody else's are there."""
    with subprocess.Popen(["sleep", "1000"], process_group=0) as process:
        program = Served(process)
        assert program.leaves_others()
        process.kill()
        process.wait()
        assert not program.leaves_others()
        monkeypatch.setattr(os, "killpg", refuse)
        assert program.leaves_others()
        program.release()


def refuse(*arguments: object) -> None:
    raise PermissionError
