"""The conformance kit itself: it finds what is broken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from fildes.drivers import blocking
from fildes.streams.kernel import SocketStream
from fildes.streams.stream import Stream
from fildes.testing import STREAM_CHECKS, ScriptedDriver, both, check_file, check_stream
from fildes.waiting import READ, CallBlocking, WaitAny, call_blocking, wait_any, wait_readable


class Broken(SocketStream):
    """A stream with a fault."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.sent = 0


class ReturnsZeroForNothing(Broken):
    def try_recv_into(self, buffer: memoryview) -> int | None:
        return super().try_recv_into(buffer) or 0


class LosesBytes(Broken):
    def try_send(self, data: memoryview) -> int | None:
        self.sent += 1
        return len(data) if self.sent == 2 else super().try_send(data)


class NeverEnds(Broken):
    async def half_close(self) -> None:
        raise OSError("cannot")


class ForgetsADescriptor(Broken):
    def abort(self) -> None:
        """Do nothing."""


class ClosesOnce(Broken):
    async def close(self) -> None:
        self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.sock.close()


class Inherited(Broken):
    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        sock.set_inheritable(True)


@pytest.fixture
def socks() -> Iterator[list[socket.socket]]:
    """Collect what broken streams leave open."""
    made: list[socket.socket] = []
    yield made
    for sock in made:
        sock.close()


@pytest.mark.parametrize(
    "kind",
    [
        ReturnsZeroForNothing,
        LosesBytes,
        NeverEnds,
        ForgetsADescriptor,
        ClosesOnce,
        Inherited,
    ],
)
def test_a_broken_stream_is_found(kind: type[Broken], socks: list[socket.socket]) -> None:
    """Each fault fails the kit."""

    async def make_pair() -> tuple[Stream, Stream]:
        left, right = socket.socketpair()
        socks[:] = [*socks, left, right]
        return kind(left), SocketStream(right)

    with pytest.raises((AssertionError, OSError)):
        check_stream(make_pair, timeout=0.1, without={"abort_is_seen", "large_transfers"})


def test_a_sound_stream_passes() -> None:
    """The faults above are faults: without them the same stream passes the same checks."""

    async def make_pair() -> tuple[Stream, Stream]:
        left, right = socket.socketpair()
        return Broken(left), SocketStream(right)

    checks = [check for check in STREAM_CHECKS if check.__name__ != "large_transfers"]
    check_stream(make_pair, checks=checks, without={"abort_is_seen"})
    check_file(make_pair, without={"exception_aborts"})


def test_a_script_answers_in_order() -> None:
    """Each request gets the next answer: a value, an error, or what a function returns."""

    async def protocol() -> list[object]:
        got: list[object] = [await wait_any({3: READ}, 1.0)]
        try:
            await wait_readable(4)
        except TimeoutError as error:
            got.append(str(error))
        got.append(await call_blocking(lambda: "computed"))
        return got

    def compute(request: object) -> object:
        assert isinstance(request, CallBlocking)
        return request.function()

    driver = ScriptedDriver([{3: READ}, TimeoutError("late"), compute])
    assert driver.run(protocol()) == [{3: READ}, "late", "computed"]
    assert driver.requests[:2] == [WaitAny({3: READ}, 1.0), WaitAny({4: READ})]


def test_a_script_must_fit() -> None:
    """Too few and too many answers are mistakes."""
    with pytest.raises(AssertionError, match="no answer is left"):
        ScriptedDriver([]).run(wait_readable(3))
    with pytest.raises(AssertionError, match="never asked"):
        ScriptedDriver([{3: READ}, {4: READ}]).run(wait_readable(3))


def test_both_run_until_each_has_ended(ends: tuple[socket.socket, socket.socket]) -> None:
    """Two coroutines that need each other get to their ends, with their own timeouts."""
    left, right = (SocketStream(end) for end in ends)

    async def ping() -> bytes:
        await left.send_all(b"ping")
        return await left.recv()

    async def pong() -> str:
        assert await right.recv() == b"ping"
        assert await wait_any({}, 0.001) == {}
        await right.send_all(b"pong")
        return await call_blocking(lambda: "over")

    assert blocking.run(both(ping(), pong())) == (b"pong", "over")


def test_the_error_of_one_ends_both(ends: tuple[socket.socket, socket.socket]) -> None:
    """The other coroutine is closed and cleans up."""
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await wait_readable(ends[0].fileno())
        finally:
            cleaned.append("yes")

    async def fail() -> None:
        raise OSError("at once")

    with pytest.raises(OSError, match="at once"):
        blocking.run(both(wait(), fail()))
    assert cleaned == ["yes"]
