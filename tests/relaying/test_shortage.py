"""L1: where nothing is left to serve a client with it waits, and nothing spins."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from peers import LIMIT
from service_bench import Bench, StartBench, start_bench

from fildes.drivers.loop_task import Timer
from fildes.listening import admission
from fildes.listening.accepting import FIRST_PAUSE, LONGEST_PAUSE
from fildes.relaying import shortage
from fildes.relaying.dialing import ShortWay
from fildes.relaying.shortage import CALM, is_scarce
from fildes.streams.stream import Stream
from fildes.waiting import Protocol, wait_any

__all__ = ["start_bench"]  # a fixture


def exhausted() -> OSError:
    return OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class Scarcity:
    """Whether sockets can be had for the other sides of a service."""

    def __init__(self) -> None:
        self.lasts = False
        self.told: list[OSError] = []


@pytest.fixture
def scarcity(monkeypatch: pytest.MonkeyPatch) -> Scarcity:
    """Let nothing but a connection that ends end a shortage: no time passes."""
    state = Scarcity()
    dial = ShortWay.dial

    def dial_if_it_can(way: ShortWay) -> Any:
        if state.lasts:
            raise exhausted()
        return dial(way)

    monkeypatch.setattr(ShortWay, "dial", dial_if_it_can)
    monkeypatch.setattr(shortage, "FIRST_PAUSE", 10 * LIMIT)
    monkeypatch.setattr(shortage, "LONGEST_PAUSE", 10 * LIMIT)
    return state


def start(start_bench: StartBench, scarcity: Scarcity, **options: Any) -> Bench:
    """Start a service that tells of its shortages."""
    bench = start_bench(**options)
    bench.log.scarce = scarcity.told.append  # type: ignore[assignment, method-assign]  # this one only
    return bench


def open_by(bench: Bench, open_far: Callable[[Stream], Protocol[Stream]]) -> None:
    """Have the service open its other sides by *open_far*, which takes a while."""
    service = bench.service
    service.open_far = open_far
    service.gate.take, service.gate.begin = service.acceptor.try_accept, service.begin


def asking(bench: Bench, text: bytes) -> socket.socket:
    """Return a client that has said *text*."""
    client = socket.create_connection(bench.place, LIMIT)
    client.send(text)
    return client


def heard(bench: Bench) -> bytes:
    """Return what the next client says behind the service."""
    bench.behind.settimeout(LIMIT)
    server, _ = bench.behind.accept()
    with server:
        server.settimeout(LIMIT)
        return server.recv(99)


@pytest.mark.parametrize("drained", [False, True])
def test_clients_wait_for_an_end(
    drained: bool, start_bench: StartBench, scarcity: Scarcity
) -> None:
    """Who cannot be served is, in turn, once a connection has ended; which is told of once."""
    bench = start(start_bench, scarcity)
    first, served = bench.connect()
    with first, served, asking(bench, b"second") as second, asking(bench, b"third") as third:
        scarcity.lasts = True
        bench.run(lambda: bool(bench.service.shortage.waiting))
        if drained:
            bench.service.drain()
        served.close()
        first.close()
        bench.run(lambda: bench.log.events.count("closed") == 1)
        bench.run(lambda: bench.service.shortage.timer is not None)  # there was still nothing
        scarcity.lasts = False
        assert bench.service.accepted == 2  # the third is in the backlog
        bench.service.shortage.stir()
        count = 2 if drained else 3
        bench.run(lambda: bench.log.events.count("opened") == count)
        bench.run(lambda: bench.service.totals[0] == (6 if drained else 11))
        said = [heard(bench) for _ in range(count - 1)]
        second.close()
        third.close()
        bench.run(bench.over)
    assert said == [b"second", b"third"][: count - 1]
    assert [error.errno for error in scarcity.told] == [errno.EMFILE]


def test_nobody_to_wait_for(start_bench: StartBench, scarcity: Scarcity) -> None:
    """Where no end could help a client waits as long as an open may take."""
    bench = start(start_bench, scarcity, timeout=0.0)
    scarcity.lasts = True
    with asking(bench, b"hello") as client:
        bench.run(lambda: bool(bench.log.errors))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    (error,) = bench.log.errors
    assert isinstance(error, OSError)
    assert error.errno == errno.EMFILE
    assert bench.service.shortage.timer is None


def test_one_makes_room_for_others(start_bench: StartBench, scarcity: Scarcity) -> None:
    """Where all wait, and nobody else's end could help, one of them has to go."""
    bench = start(start_bench, scarcity)

    async def open_far(near: Stream) -> NoReturn:
        await wait_any({}, 0)
        raise exhausted()

    open_by(bench, open_far)
    bench.service.gate.share = 2  # both come in at once
    with asking(bench, b"one"), asking(bench, b"other"):
        bench.run(lambda: bool(bench.service.shortage.waiting))
    assert bench.service.accepted == 2
    assert len(bench.log.errors) == 1


def limit_to(
    pairs: int, bench: Bench, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave descriptors for so many connections."""
    last = max(int(name) for name in os.listdir("/proc/self/fd"))
    while shortage.lowest_free() < last:  # others have left gaps
        stack.callback(os.close, os.dup(0))
    limit = shortage.lowest_free() + 2 * pairs
    bench.service.shortage.limit = 0.0  # it is asked for anew
    monkeypatch.setattr(shortage, "most_descriptors", lambda: limit)


def test_stalled_handshakes_give_way(
    start_bench: StartBench, scarcity: Scarcity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes longer than most has to go, if somebody waits, and only then."""
    monkeypatch.setattr(admission, "GRACE", 0.0)
    bench = start(start_bench, scarcity)

    async def shake(near: Stream) -> NoReturn:
        await wait_any({})
        raise AssertionError("not reached")

    open_by(bench, shake)
    bench.service.acceptor.handshake = shake
    bench.service.acceptor.handshake_timeout = 10 * LIMIT
    with contextlib.ExitStack() as clients:
        stalled, _ = (clients.enter_context(asking(bench, b"hello")) for _ in range(2))
        limit_to(1, bench, clients, monkeypatch)
        bench.run(lambda: bench.service.accepted == 2)
        with pytest.raises(ConnectionResetError):
            stalled.recv(1)
        bench.run(lambda: bench.service.shortage.timer is not None)
        assert len(bench.service.connections) == 1
    assert [type(error) for error in bench.log.errors] == [TimeoutError]


def test_room_for_both_sides(
    start_bench: StartBench, scarcity: Scarcity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of clients whose other side takes its descriptor later no more are let in than have one."""
    bench = start(start_bench, scarcity)

    async def open_far(near: Stream) -> NoReturn:
        await wait_any({})
        raise AssertionError("not reached")

    open_by(bench, open_far)
    with contextlib.ExitStack() as clients:
        for _ in range(6):
            clients.enter_context(asking(bench, b"hello"))
        limit_to(3, bench, clients, monkeypatch)
        for count in (3, 4, 5):
            bench.run(lambda: bench.service.shortage.timer is not None)
            assert bench.service.accepted == count
            last_one = max(bench.service.connections, key=lambda each: each.near.fileno())
            bench.service.finish(last_one, TimeoutError())  # so that there is no gap again
            bench.run(lambda count=count: bench.service.accepted > count)  # type: ignore[misc]  # it is bound


def test_pauses_grow(start_bench: StartBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing left to accept with is waited out, longer and longer, without spinning."""
    bench = start_bench()
    pauses: list[float] = []
    take = bench.service.gate.take

    def failing() -> object:
        pauses.append(bench.service.shortage.pause)
        if len(pauses) <= 4:
            raise exhausted()
        return take()

    monkeypatch.setattr(bench.service.gate, "take", failing)
    client, server = bench.connect()
    with client, server:
        assert pauses[:5] == [FIRST_PAUSE * 2**count for count in range(5)]


def test_shortages_are_told_of_once(
    start_bench: StartBench, scarcity: Scarcity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that goes on is told of once, one after a calm while again, and its pauses are short."""
    bench = start(start_bench, scarcity)
    short = bench.service.shortage
    now = [1000.0]
    monkeypatch.setattr(shortage, "FIRST_PAUSE", FIRST_PAUSE)
    monkeypatch.setattr(shortage, "LONGEST_PAUSE", LONGEST_PAUSE)
    monkeypatch.setattr(shortage, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(bench.loop, "call_at", lambda moment, call: Timer(call))
    pauses = []
    for later in (0.0, CALM, CALM, CALM + 1):
        now[0] += later
        short.rest(exhausted())
        short.rest(exhausted())  # it rests already
        pauses.append(short.pause)
        short.timer = None
    assert len(scarcity.told) == 2
    assert pauses == [2 * FIRST_PAUSE] * 4


def test_gate_that_was_left_stays_so(start_bench: StartBench, scarcity: Scarcity) -> None:
    """What another service has taken over is not accepted at, when a shortage is over."""
    bench = start(start_bench, scarcity)
    bench.service.shortage.rest(exhausted())
    bench.service.gate.leave()
    bench.service.shortage.stir()
    with asking(bench, b"hello"):
        done: list[None] = []
        bench.loop.call_soon(lambda: bench.loop.call_soon(lambda: done.append(None)))
        bench.run(lambda: bool(done))
        assert not bench.service.gate.accepting
    assert bench.service.accepted == 0


@pytest.mark.parametrize("left", [True, False])
def test_resolver_without_descriptors(left: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that could not be looked up for want of a descriptor is no unknown name."""

    def reserved() -> NoReturn:
        raise exhausted()

    if not left:
        monkeypatch.setattr(shortage, "reserved", reserved)
    error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert is_scarce(error) is not left
