"""What ends the wait of a loop: calls of other threads, signals, Ctrl-C."""

from __future__ import annotations

import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from types import FrameType

import pytest
from loops import rounds

from fildes.drivers.loop import Loop
from fildes.waiting import wait_any, wait_readable

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def loop(nothing_left_behind: None) -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


def test_call_from_another_thread_ends_the_wait(loop: Loop) -> None:
    """A loop that waits for nothing hears of a call that another thread asks for."""
    called: list[int] = []
    caller = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(lambda: called.append(threading.get_ident()))
    )
    loop.call_soon(caller.start)
    loop.run(lambda: bool(called))
    caller.join()
    assert called == [threading.get_ident()]


def test_moment_that_is_years_away(loop: Loop) -> None:
    """It may be so far away that no system call waits for so long."""
    loop.call_at(loop.now + 1e9, lambda: None)
    loop.wake()
    loop.round()


def test_many_calls_from_many_threads(loop: Loop) -> None:
    """None of them is lost, however many wake the loop at once."""
    called: Counter[int] = Counter()

    def call(number: int) -> None:
        for _ in range(500):
            loop.call_soon_threadsafe(lambda: called.update([number]))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    loop.run(lambda: called.total() == 2000)
    for thread in threads:
        thread.join()
    assert called == dict.fromkeys(range(4), 500)


def test_wakes_beyond_counting(loop: Loop) -> None:
    """Waking a loop that does not run never blocks, and one round takes all of it."""
    for _ in range(100_000):  # more than a socket's buffer holds
        loop.wake()
    rounds(loop, 1)
    loop.call_soon(lambda: None)  # else the next round could not be told from a wait
    assert loop.poll.poll(0) == []


def signalled_elsewhere(number: int) -> threading.Thread:
    """Return a thread that takes the signal *number* itself, so that no wait of ours is cut."""
    return threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), number))


def test_signal_ends_the_wait(loop: Loop) -> None:
    """A handler of Python runs at once, even if the kernel gives the signal to another thread."""
    seen: list[int] = []

    def act(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGUSR1, act)
    try:
        sender = signalled_elsewhere(signal.SIGUSR1)
        loop.call_soon(sender.start)
        loop.run(lambda: bool(seen))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def test_interrupt_ends_the_run(loop: Loop, ends: Pair) -> None:
    """Ctrl-C comes out of the loop, closes the protocol that ran, and the loop can go on."""
    closed: list[bool] = []

    async def wait() -> None:
        try:
            await wait_readable(ends[0].fileno())
        finally:
            closed.append(True)

    sender = signalled_elsewhere(signal.SIGINT)
    loop.call_soon(sender.start)
    with pytest.raises(KeyboardInterrupt):
        loop.run_protocol(wait())
    sender.join()
    assert (closed, len(loop.tasks), len(loop.handlers)) == ([True], 0, 1)
    assert loop.run_protocol(wait_any({}, 0)) == {}


def test_wakeup_of_others_is_given_back(loop: Loop, ends: Pair) -> None:
    """Whoever had Python's one descriptor for signals has it again after a run."""
    ends[0].setblocking(False)
    before = signal.set_wakeup_fd(ends[0].fileno())
    try:
        rounds(loop, 0)
        with pytest.raises(ZeroDivisionError):
            loop.run(lambda: bool(1 // 0))
    finally:
        found = signal.set_wakeup_fd(before)
    assert found == ends[0].fileno()
