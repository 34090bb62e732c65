"""What the asyncio driver asks of the event loop and the kernel, and leaves to them."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from leaks import open_descriptors
from loops import LOOPS, RunLoop
from peers import LIMIT
from tasks import count_calls, fill

from fildes import drivers
from fildes.drivers import poller
from fildes.drivers.asyncio import Driver
from fildes.drivers.poller import MAX_OVER, poller_of
from fildes.waiting import READ, WRITE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def run(runner: asyncio.Runner, work: Callable[[Driver], Awaitable[Any]]) -> Any:
    """Run *work* with a driver in the loop of *runner*."""

    async def main() -> Any:
        return await work(Driver())

    return runner.run(main())


def test_a_loop_without_descriptors(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none is left for epoll(7), that is the error of whoever waits, and no other one."""
    refused = Mock(side_effect=OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    monkeypatch.setattr(select, "epoll", refused)
    with pytest.raises(OSError) as caught:
        run(runner, lambda driver: driver.wait({}, 0))
    assert caught.value.errno == errno.EMFILE


def test_a_loop_watches_one_descriptor_and_one_timer(runner: asyncio.Runner, ends: Pair) -> None:
    """However often and by whomever it is waited, the loop hears of it once."""
    counts = count_calls(runner.get_loop(), "add_reader", "add_writer", "call_later")
    left, right = ends

    async def work(driver: Driver) -> None:
        for each in (driver, Driver()):
            for _ in range(50):
                right.send(b"x")
                assert await each.wait({left.fileno(): READ}, 60) == {left.fileno(): READ}
                left.recv(1)

    run(runner, work)
    assert counts == {"add_reader": 1, "call_later": 1}


def test_nothing_is_held_between_files(runner: asyncio.Runner, ends: Pair) -> None:
    """A driver that has let go leaves no descriptor behind while the loop goes on."""

    async def work(driver: Driver) -> None:
        before = open_descriptors()
        for timeout in (None, 60):
            await driver.wait({ends[0].fileno(): WRITE}, timeout)
            assert len(open_descriptors()) == len(before) + 1
            driver.release()
            assert open_descriptors() == before

    run(runner, work)


def test_a_thread_holds_nothing(runner: asyncio.Runner) -> None:
    """A call that is still in its thread when nobody waits any more holds no descriptor."""
    runner.get_loop()  # makes descriptors of its own
    before = open_descriptors()
    begun, goes_on = threading.Event(), threading.Event()

    def function() -> None:
        begun.set()
        goes_on.wait(LIMIT)

    async def main() -> None:
        driver = Driver()
        assert await driver.wait({}, 0.0) == {}
        with pytest.raises(TimeoutError):
            await driver.call(function, 0.0)

    try:
        runner.run(main())
        assert begun.wait(LIMIT)
        assert open_descriptors() == before
    finally:
        goes_on.set()
        for thread in threading.enumerate():
            if thread.name == "fildes-call":
                thread.join(LIMIT)


@pytest.mark.parametrize("loop", LOOPS)
def test_taken_and_let_go_again(loop: RunLoop, ends: Pair) -> None:
    """A driver may let go and wait again at once, for one and for several tasks."""

    async def work() -> None:
        fd = ends[0].fileno()
        first, second = drivers.here(), drivers.here()
        for _ in range(20):
            for driver in (first, second, second):
                assert await driver.wait({fd: WRITE}, 60) == {fd: WRITE}
            first.release()
            assert await first.wait({fd: READ}, 0) == {}
            first.release()
            second.release()

    loop(work())


def test_a_loop_may_be_closed_first(ends: Pair) -> None:
    """A driver that is held longer than its loop lets go without an error."""
    before = open_descriptors()
    with asyncio.Runner() as runner:

        async def work(driver: Driver) -> Driver:
            await driver.wait({ends[0].fileno(): WRITE}, 60)
            return driver

        driver = run(runner, work)
    driver.release()
    assert open_descriptors() == before


def test_another_thread_may_let_go(runner: asyncio.Runner, ends: Pair) -> None:
    """Where the collector runs in another thread, the loop is asked to forget."""

    async def work(driver: Driver) -> None:
        before = open_descriptors()
        await driver.wait({ends[0].fileno(): WRITE}, 60)
        await asyncio.to_thread(driver.release)
        assert open_descriptors() == before

    run(runner, lambda _: asyncio.to_thread(int))  # the thread's loop is woken by a descriptor
    run(runner, work)


def test_each_loop_has_its_own_poller(ends: Pair) -> None:
    """A loop that comes after another one, perhaps at its place in memory, begins anew."""
    for _ in range(3):
        with asyncio.Runner() as runner:
            fd = ends[0].fileno()
            assert run(runner, lambda driver: driver.wait({ends[0].fileno(): WRITE})) == {fd: WRITE}


def test_a_number_used_again_is_watched_again(runner: asyncio.Runner) -> None:
    """A descriptor that was closed after a wait is not confused with the next of its number."""

    async def work(driver: Driver) -> set[int]:
        numbers = set()
        for _ in range(3):
            left, right = socket.socketpair()
            with left, right:
                right.send(b"x")
                numbers.add(left.fileno())
                assert await driver.wait({left.fileno(): READ}, 60) == {left.fileno(): READ}
        return numbers

    assert len(run(runner, work)) == 1


def test_a_descriptor_that_lives_on_elsewhere_says_nothing(runner: asyncio.Runner) -> None:
    """What was waited for in vain and closed is not heard of, though another process has it."""

    async def work(driver: Driver) -> list[tuple[int, int]]:
        left, right = socket.socketpair()
        waiting = asyncio.ensure_future(driver.wait({left.fileno(): READ}))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        with left.dup(), right:  # to epoll(7) as good as a child's copy
            left.close()
            right.send(b"x")
            return poller_of(asyncio.get_running_loop()).epoll.poll(0)

    assert run(runner, work) == []


def test_readers_and_writers_of_one_descriptor(runner: asyncio.Runner, ends: Pair) -> None:
    """Tasks that wait for the same descriptor are told of what each of them asked."""
    left, right = ends
    fd = left.fileno()

    async def work(driver: Driver) -> tuple[Any, Any, Any]:
        reads = [asyncio.ensure_future(driver.wait({fd: READ})) for _ in range(2)]
        wrote = await driver.wait({fd: WRITE})
        assert not any(read.done() for read in reads)
        right.send(b"x")
        return wrote, await reads[0], await reads[1]

    assert run(runner, work) == ({fd: WRITE}, {fd: READ}, {fd: READ})


def test_one_who_leaves_takes_nothing_from_the_others(runner: asyncio.Runner, ends: Pair) -> None:
    """A cancelled wait leaves the other waits for its descriptor as they were."""
    left, right = ends
    fd = left.fileno()

    async def work(driver: Driver) -> Any:
        stays, leaves = (asyncio.ensure_future(driver.wait({fd: READ})) for _ in range(2))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.wait([leaves])
        right.send(b"x")
        return await stays

    assert run(runner, work) == {fd: READ}


def test_who_waits_for_what_was_closed_is_told(runner: asyncio.Runner) -> None:
    """A wait that cannot go on ends, to learn the error from the next call."""

    async def work(driver: Driver) -> tuple[Any, Any]:
        left, right = socket.socketpair()
        fill(left)
        fd = left.fileno()
        waits = [asyncio.ensure_future(driver.wait({fd: events})) for events in (READ, WRITE)]
        await asyncio.sleep(0)
        with left.dup(), right:  # else there would be no event
            left.close()
            right.send(b"x")
            return await waits[0] == {fd: READ}, await waits[1] == {fd: WRITE}

    assert run(runner, work) == (True, True)


def test_times_of_waits_that_are_over_are_forgotten(runner: asyncio.Runner, ends: Pair) -> None:
    """However many waits end before their time, no more than some are kept."""
    fd = ends[0].fileno()

    async def work(driver: Driver) -> int:
        for _ in range(3 * MAX_OVER):
            await driver.wait({fd: WRITE}, 60)
        return len(poller_of(asyncio.get_running_loop()).times)

    assert run(runner, work) <= MAX_OVER + 2


def test_an_earlier_time_comes_first(
    runner: asyncio.Runner, ends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits end each at its own time, whichever began first."""
    fd, began = ends[0].fileno(), time.monotonic()
    monkeypatch.setattr(poller, "time", SimpleNamespace(monotonic=lambda: began))

    async def work(driver: Driver) -> list[float]:
        ended: list[float] = []

        async def wait(timeout: float) -> None:
            assert await driver.wait({fd: READ}, timeout) == {}
            ended.append(timeout)

        async def go_on() -> None:
            monkeypatch.setattr(poller, "time", time)

        # They begin at one moment, however long the machine stands still between them.
        await asyncio.gather(*map(wait, (0.2, 0.05, 0.12)), go_on())
        return ended

    assert run(runner, work) == [0.05, 0.12, 0.2]
    assert time.monotonic() - began >= 0.2


def test_wake_ends_waits_with_ebadf(runner: asyncio.Runner, ends: Pair) -> None:
    """What is woken may be closed at once: the kernel watches it no more."""
    fd = ends[0].fileno()

    async def work(driver: Driver) -> int | None:
        waiting = asyncio.ensure_future(driver.wait({fd: READ}))
        await asyncio.sleep(0)
        driver.wake()
        with pytest.raises(FileNotFoundError):
            poller_of(asyncio.get_running_loop()).epoll.modify(fd, READ)
        with pytest.raises(OSError, match="closed while") as caught:
            await waiting
        return caught.value.errno

    assert run(runner, work) == errno.EBADF
