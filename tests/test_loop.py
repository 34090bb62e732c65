"""The loop itself: whose turn it is, what ends a wait, and what an error leaves behind."""

from __future__ import annotations

import functools
import socket
import threading
import weakref
from collections.abc import Iterator

import pytest
from loops import rounds
from peers import LIMIT

from fildes.drivers.loop import TIDY_SIZE, Loop
from fildes.waiting import READ, call_blocking, wait_any, wait_readable

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def loop(nothing_left_behind: None) -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


# Timers


def test_timers_ring_in_the_order_of_their_moments(loop: Loop) -> None:
    """What is due earlier is called earlier, and of one moment what was asked for first."""
    rung: list[str] = []
    for name, moment in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("also b", 2.0)):
        loop.call_at(moment, functools.partial(rung.append, name))
    rounds(loop, 1)
    assert rung == ["a", "b", "also b", "c"]


def test_cancelled_timer_is_silent(loop: Loop) -> None:
    """A timer is not called once it is cancelled, be it by one that is due with it."""
    rung: list[str] = []
    loop.call_at(1.0, lambda: late.cancel())
    late = loop.call_at(2.0, lambda: rung.append("late"))
    loop.call_at(1.0, lambda: rung.append("cancelled")).cancel()
    rounds(loop, 2)
    assert rung == []
    assert loop.timers == []


def test_timer_of_the_future_waits(loop: Loop) -> None:
    """What is not yet due is not called, and what is due does not wait for it."""
    rung: list[str] = []
    future = loop.call_at(loop.now + LIMIT, lambda: rung.append("future"))
    loop.call_at(loop.now, lambda: rung.append("now"))
    loop.run(lambda: bool(rung))
    assert rung == ["now"]
    future.cancel()


def test_now_is_when_the_wait_ended(loop: Loop, ends: Pair) -> None:
    """However long nothing happened, who is called for what happened then learns the time."""
    ours, theirs = ends
    told: list[float] = []
    loop.watch(ours.fileno(), READ, lambda fd, events: told.append(loop.now))
    theirs.send(b"x")
    loop.now = 0.0  # long ago
    rounds(loop, 1)
    loop.forget(ours.fileno())
    assert told[0] > 0


def test_timer_that_is_always_late_holds_nobody_up(loop: Loop, ends: Pair) -> None:
    """One that asks for a moment of the past again and again has one turn in each round."""
    left, right = ends
    seen: list[str] = []

    def again() -> None:
        seen.append("again")
        loop.call_at(0.0, again)

    loop.call_at(0.0, again)
    loop.call_at(1.0, lambda: seen.append("timer"))
    loop.watch(left.fileno(), READ, lambda fd, events: seen.append("ready"))
    right.send(b"x")
    rounds(loop, 2)
    loop.forget(left.fileno())
    assert seen == ["ready", "again", "timer", "ready", "again"]


def test_cancelled_timers_are_not_kept(loop: Loop) -> None:
    """However many are cancelled before their time, only a bounded number is remembered."""
    kept = [loop.call_at(loop.now + LIMIT, print) for _ in range(10)]
    for _ in range(20 * TIDY_SIZE):
        loop.call_at(loop.now + LIMIT, print).cancel()
    assert len(loop.timers) <= 2 * TIDY_SIZE
    assert {each for _, _, each in loop.timers} >= set(kept)


# Errors


def test_handler_that_raises_ends_the_run_and_nothing_else(loop: Loop, ends: Pair) -> None:
    """An error passes to whoever runs the loop; the next run finds all that was to be done."""
    left, right = ends
    right.send(b"x")
    seen: list[str] = []

    def handler(fd: int, events: int) -> None:
        seen.append("handler")
        loop.forget(fd)
        raise ZeroDivisionError

    loop.watch(left.fileno(), READ, handler)
    loop.call_at(0.0, lambda: seen.append("timer"))
    loop.call_soon(lambda: seen.append("soon"))
    with pytest.raises(ZeroDivisionError):
        rounds(loop, 1)
    rounds(loop, 1)
    assert seen == ["handler", "timer", "soon"]


def note_and_raise(called: list[str]) -> None:
    called.append("a")
    raise ZeroDivisionError


def test_timer_that_raises(loop: Loop) -> None:
    """Those that were due with it are called in the next run, in their order, and once."""
    rung: list[str] = []
    loop.call_at(1.0, lambda: note_and_raise(rung))
    loop.call_at(1.0, lambda: rung.append("b"))
    loop.call_at(1.0, lambda: rung.append("c"))
    with pytest.raises(ZeroDivisionError):
        rounds(loop, 1)
    rounds(loop, 2)
    assert rung == ["a", "b", "c"]


def test_call_that_raises(loop: Loop) -> None:
    """A call of `call_soon` that raises takes none of the others with it."""
    called: list[str] = []
    loop.call_soon(lambda: note_and_raise(called))
    loop.call_soon(lambda: called.append("b"))
    with pytest.raises(ZeroDivisionError):
        rounds(loop, 1)
    rounds(loop, 1)
    assert called == ["a", "b"]


def test_calls_that_ask_for_more_hold_nobody_up(loop: Loop) -> None:
    """A call that asks for itself again has one turn in each round."""
    seen: list[str] = []

    def again() -> None:
        seen.append("again")
        loop.call_soon(again)

    loop.call_soon(again)
    rounds(loop, 3)
    assert seen == ["again"] * 3
    loop.soon.clear()


# Runs


def test_run_within_a_run(loop: Loop, ends: Pair) -> None:
    """A handler may run a protocol to its end; all others go on meanwhile, and afterwards."""
    left, right = ends
    seen: list[str] = []

    async def inner() -> str:
        await wait_readable(left.fileno())
        return "inner"

    loop.call_at(0.0, lambda: seen.append(loop.run_protocol(inner())))
    loop.call_soon(lambda: seen.append("beside"))
    sender = threading.Thread(target=right.send, args=(b"x",))
    loop.call_soon(sender.start)
    loop.run(lambda: len(seen) == 2)
    sender.join()
    assert seen == ["beside", "inner"]


def test_one_run_after_another(loop: Loop) -> None:
    """A loop is not used up by a run, in this thread or in another one."""
    assert [loop.run_protocol(call_blocking(each)) for each in (int, str)] == [0, ""]
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(loop.run_protocol(call_blocking(int))))
    thread.start()
    thread.join(LIMIT)
    assert got == [0]


def test_closed_loop_has_ended_its_tasks(ends: Pair) -> None:
    """What still waits when a loop is closed is closed, and what it watched stays open."""
    closed: list[bool] = []

    async def wait() -> None:
        try:
            await wait_readable(ends[0].fileno())
        finally:
            closed.append(True)

    with Loop() as loop:
        loop.spawn(wait(), lambda result, error: closed.append(False))
    assert closed == [True]
    ends[0].send(b"still open")


def test_deadline_of_a_task_that_ended_is_off(loop: Loop) -> None:
    """A protocol that ends in time leaves no timer that matters."""

    async def wait() -> str:
        await wait_any({}, 0)
        return "done"

    assert loop.run_protocol(wait(), loop.now + LIMIT) == "done"
    assert [timer for _, _, timer in loop.timers if timer.callback is not None] == []


def test_ended_task_lets_go_of_who_was_told(loop: Loop) -> None:
    """Whoever keeps a task that has ended keeps nothing else: no circle holds a connection."""
    told: list[None] = []

    def done(result: dict[int, int] | None, error: Exception | None) -> None:
        told.append(None)

    task = loop.spawn(wait_any({}, 0), done)
    kept = weakref.ref(done)
    del done
    loop.run(lambda: bool(told))
    assert task is not None
    assert kept() is None
