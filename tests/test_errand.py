"""Protocol code that is run by tries, as drivers run it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator

import pytest

from fildes.drivers.blocking import wait
from fildes.streams.errand import Errand
from fildes.waiting import READ, Protocol, call_blocking, wait_any, wait_readable


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the reading and the writing end of a pipe."""
    source, sink = os.pipe()
    yield source, sink
    os.close(source)
    os.close(sink)


def finish(errand: Errand) -> None:
    """Run *errand* to its end, waiting as it says."""
    while not errand.advance():
        assert wait(errand.wants(), 10)


def test_nothing_is_run_before_the_first_try() -> None:
    """What was never tried has done nothing, and is released by cancelling it."""
    done: list[str] = []

    async def note() -> None:
        done.append("begun")

    errand = Errand(note())
    errand.cancel()
    assert done == []


def test_readiness(pipe: tuple[int, int]) -> None:
    """It goes on once a descriptor is ready, and not before."""
    source, sink = pipe
    seen: list[dict[int, int]] = []

    async def look() -> None:
        seen.append(await wait_any({source: READ}))

    errand = Errand(look())
    assert [errand.advance(), errand.advance()] == [False, False]
    assert errand.wants()[source] == READ
    os.write(sink, b"x")
    assert errand.advance()
    assert seen == [{source: READ}]


def test_time(pipe: tuple[int, int]) -> None:
    """It goes on once it has waited long enough, and says so by a descriptor."""
    source, _ = pipe
    seen: list[dict[int, int]] = []

    async def look() -> None:
        seen.append(await wait_any({source: READ}, 0.01))
        seen.append(await wait_any({}, 0))
        seen.append(await wait_any({}, 0.01))

    finish(Errand(look()))
    assert seen == [{}, {}, {}]


def test_calls() -> None:
    """A call is made in a thread; its result or its error comes back."""
    seen: list[object] = []

    def fail() -> None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "no")

    async def ask() -> None:
        seen.append(await call_blocking(threading.get_ident))
        try:
            await call_blocking(fail)
        except ConnectionRefusedError as error:
            seen.append(error.errno)

    finish(Errand(ask()))
    assert seen[0] != threading.get_ident()
    assert seen[1:] == [errno.ECONNREFUSED]


def test_errors_are_raised_by_the_try() -> None:
    """What the protocol raises is raised by the try that ran it, and it is over then."""

    async def fail() -> None:
        await wait_any({}, 0)
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    errand = Errand(fail())
    with pytest.raises(ConnectionResetError):
        errand.advance()
    with pytest.raises(OSError, match="Bad file descriptor"):
        errand.advance()


def test_cancelled_errand_cleans_up(pipe: tuple[int, int]) -> None:
    """Cancelled, the protocol is ended where it waits; the next try is that of a closed file."""
    done: list[str] = []

    async def forever() -> None:
        try:
            await wait_readable(pipe[0])
        finally:
            done.append("cleaned up")

    errand = Errand(forever())
    errand.advance()
    errand.cancel()
    errand.cancel()
    assert done == ["cleaned up"]
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        errand.advance()
    assert caught.value.errno == errno.EBADF


def test_cancelling_wakes_who_waits(pipe: tuple[int, int]) -> None:
    """A thread that waits for it finds out at once that it is over."""
    found: list[int | None] = []
    waiting = threading.Event()

    async def forever() -> None:
        await wait_readable(pipe[0])

    errand = Errand(forever())

    def read() -> None:
        try:
            while not errand.advance():
                wants = errand.wants()
                waiting.set()
                wait(wants, 10)
        except OSError as error:
            found.append(error.errno)

    thread = threading.Thread(target=read)
    thread.start()
    assert waiting.wait(10)
    errand.cancel()
    thread.join(10)
    assert found == [errno.EBADF]


def test_cancelled_while_it_runs() -> None:
    """Cancelled by another thread in the middle of a step, it is released after that step."""
    done: list[str] = []
    errands: list[Errand] = []

    async def cancelled() -> None:
        canceller = threading.Thread(target=lambda: errands[0].cancel())
        canceller.start()
        canceller.join(10)
        done.append("went on")
        try:
            await wait_any({}, 1000)
        finally:
            done.append("cleaned up")

    errands.append(Errand(cancelled()))
    with pytest.raises(OSError, match="Bad file descriptor"):
        errands[0].advance()
    assert done == ["went on", "cleaned up"]


def test_call_that_returns_too_late() -> None:
    """A call that returns after the end writes to no descriptor of others."""
    go_on = threading.Event()

    async def ask() -> None:
        await call_blocking(lambda: go_on.wait(10))

    errand = Errand(ask())
    errand.advance()
    errand.cancel()
    source, sink = os.pipe()  # of the numbers that were the errand's
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "fildes-call":
            thread.join(10)
    os.set_blocking(source, False)
    with pytest.raises(BlockingIOError):
        os.read(source, 8)
    os.close(source)
    os.close(sink)


def test_interrupt_in_a_step() -> None:
    """Ctrl-C in a step is raised by the try, and leaves nothing behind."""

    async def interrupted() -> None:
        raise KeyboardInterrupt

    protocol: Protocol[None] = interrupted()
    errand = Errand(protocol)
    with pytest.raises(KeyboardInterrupt):
        errand.advance()
    assert errand.wants() == {}
