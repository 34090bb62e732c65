"""The loop and its descriptors: ready, hung up, closed, regular files."""

from __future__ import annotations

import os
import select
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from loops import rounds

from fildes.drivers import coalescing
from fildes.drivers.loop import Loop
from fildes.waiting import READ, WRITE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def loop(nothing_left_behind: None) -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


def test_every_ready_descriptor_gets_its_turn(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more are ready than one round sees to, they take turns, and timers are looked at."""
    monkeypatch.setattr(coalescing, "MAX_EVENTS", 4)
    turns: Counter[int] = Counter()
    rung: list[int] = []
    pairs = [socket.socketpair() for _ in range(12)]
    for left, right in pairs:
        right.send(b"x")  # which nobody takes: it is ready for ever
        loop.watch(left.fileno(), READ, lambda fd, events: turns.update([fd]))
    loop.call_at(0.0, lambda: rung.append(turns.total()))
    rounds(loop, 9)
    assert rung == [4]
    assert turns == {left.fileno(): 3 for left, _ in pairs}
    for left, right in pairs:
        loop.forget(left.fileno())
        left.close()
        right.close()


def test_descriptor_watched_otherwise(loop: Loop, ends: Pair) -> None:
    """Who watches a descriptor again replaces the events and the handler."""
    left, right = ends
    right.send(b"x")
    seen: list[tuple[str, int]] = []
    loop.watch(left.fileno(), READ, lambda fd, events: seen.append(("first", events)))
    loop.watch(left.fileno(), WRITE, lambda fd, events: seen.append(("second", events)))
    rounds(loop, 1)
    loop.forget(left.fileno())
    loop.forget(left.fileno())  # nothing is forgotten twice
    assert seen == [("second", WRITE)]


def test_descriptor_closed_while_it_is_watched(loop: Loop) -> None:
    """Its number may be another descriptor's: that one can be watched, and is heard alone."""
    heard: list[str] = []
    left, right = socket.socketpair()
    number = left.fileno()
    loop.watch(number, READ, lambda fd, events: heard.append("closed"))
    left.close()
    right.close()
    with reused(number) as (near, far):
        loop.watch(near, READ, lambda fd, events: heard.append("another"))
        os.write(far, b"x")
        rounds(loop, 2)
        loop.forget(near)
    assert heard == ["another", "another"]


def test_regular_file_closed_while_it_is_watched(loop: Loop, tmp_path: Path) -> None:
    """A number that was a regular file's, always ready, is not so for what has it next."""
    heard: list[str] = []
    number = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    loop.watch(number, READ, lambda fd, events: heard.append("file"))
    os.close(number)
    with reused(number) as (near, _):
        loop.watch(near, READ, lambda fd, events: heard.append("pipe"))
        loop.call_soon(lambda: None)
        rounds(loop, 1)
        assert (heard, loop.always) == ([], {})
        loop.forget(near)


class reused:
    """A pipe whose reading end has a certain number."""

    def __init__(self, number: int) -> None:
        reading, self.far = os.pipe()
        self.near = number
        if reading != number:
            os.dup2(reading, number, inheritable=False)
            os.close(reading)

    def __enter__(self) -> tuple[int, int]:
        return self.near, self.far

    def __exit__(self, *exc_info: object) -> None:
        os.close(self.near)
        os.close(self.far)


def test_closed_descriptor_is_refused(loop: Loop) -> None:
    """A descriptor that is none is an error when it is watched, and nothing is remembered."""
    left, right = socket.socketpair()
    number = left.fileno()
    left.close()
    right.close()
    before = dict(loop.handlers)
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.watch(number, READ, lambda fd, events: None)
    with pytest.raises(ValueError, match="negative"):
        loop.watch(-1, READ, lambda fd, events: None)
    assert loop.handlers == before


def test_regular_file_is_ready_in_each_round(loop: Loop, tmp_path: Path, ends: Pair) -> None:
    """What epoll(7) cannot watch is always ready, and holds up nobody else."""
    left, right = ends
    right.send(b"x")
    seen: Counter[str] = Counter()
    with open(tmp_path / "file", "w+b") as file:
        loop.watch(file.fileno(), READ, lambda fd, events: seen.update(["file"]))
        loop.watch(left.fileno(), READ, lambda fd, events: seen.update(["socket"]))
        rounds(loop, 5)
        loop.forget(file.fileno())
        rounds(loop, 1)
        loop.forget(left.fileno())
    assert seen == {"file": 5, "socket": 6}


def test_handler_may_forget_another(loop: Loop) -> None:
    """Of two that are ready, the first may close the second, which is then not called."""
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def handler(fd: int, events: int) -> None:
        called.append(fd)
        for left, right in pairs:
            loop.drop(left.fileno())
            left.close()
            right.close()

    for left, right in pairs:
        right.send(b"x")
        loop.watch(left.fileno(), READ, handler)
    loop.call_soon(lambda: None)
    rounds(loop, 2)
    assert len(called) == 1


def test_hang_up_is_told(loop: Loop, ends: Pair) -> None:
    """The end of the peer is told even to one who is watched for nothing."""
    left, right = ends
    told: list[int] = []
    loop.watch(left.fileno(), 0, lambda fd, events: told.append(events))
    right.close()
    loop.run(lambda: bool(told))
    loop.forget(left.fileno())
    assert told[0] & select.EPOLLHUP
