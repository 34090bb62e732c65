"""The forwarder in a loop, event by event: its books, its ends, its limits."""

from __future__ import annotations

import contextlib
import socket
import weakref
from typing import Any, cast

import pytest
from datagram_clients import client
from fault_proxy import reset
from leaks import uncollected
from peers import LIMIT
from service_bench import StartBench, start_bench
from tcp_ends import received
from until import run_until

import fildes
from fildes.drivers.loop import Loop
from fildes.listening.arrivals import Arrival
from fildes.listening.udp import UdpAcceptor
from fildes.relaying.dialing import opener_of
from fildes.relaying.gate import BATCH
from fildes.relaying.service import Service
from fildes.streams import delivering
from fildes.verbs import prepare

__all__ = ["start_bench"]  # a fixture

SMALL = 4096  #: a receive buffer; the kernel doubles it, socket(7)


def test_books(start_bench: StartBench) -> None:
    """Connections are told of and counted, and the bytes of both directions with them."""
    bench = start_bench()
    client, server = bench.connect()
    with client, server:
        client.send(b"ask")
        server.send(b"answer")
        bench.run(lambda: bench.service.totals == (3, 6))
        assert [connection.number for connection in bench.service.connections] == [1]
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        bench.run(bench.over)
    assert (bench.log.events, bench.log.errors) == (["accepted", "opened", "closed"], [None])
    assert (bench.service.totals, bench.service.accepted) == ((3, 6), 1)
    assert not bench.service.failed


@pytest.mark.parametrize("eof", ["propagate", "ignore"])
def test_server_may_speak_first(start_bench: StartBench, eof: str) -> None:
    """A server has its client when it is connected to, even if that one says nothing."""
    bench = start_bench(eof=eof)
    with socket.create_connection(bench.place):
        bench.connected().close()


def test_failure_is_counted_by_its_step(start_bench: StartBench) -> None:
    """A place that refuses is a failed connect; the service goes on."""
    bench = start_bench()
    bench.behind.close()
    with socket.create_connection(bench.place, LIMIT) as client:
        bench.run(lambda: bool(bench.log.errors))
        assert isinstance(bench.log.errors[0], ConnectionRefusedError)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert bench.service.failed == {"connect": 1}


@pytest.mark.parametrize("said", [b"", b"something"])
@pytest.mark.parametrize("refused", [False, True])
def test_failures_leave_no_circle(
    said: bytes, refused: bool, start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a connection took is free when it has failed, not when somebody collects."""
    bench = start_bench()
    streams: list[weakref.ref[Any]] = []
    monkeypatch.setattr(
        bench.log, "closed", lambda connection, _: streams.append(weakref.ref(connection.near))
    )
    if refused:
        bench.behind.close()
    with uncollected():
        client = socket.create_connection(bench.place, LIMIT)
        client.send(said)
        bench.run(lambda: "opened" in bench.log.events or bool(streams))
        reset(client)
        bench.run(lambda: bool(streams))
        assert [stream() for stream in streams] == [None]


def test_drained_service_ends_with_its_last_connection(start_bench: StartBench) -> None:
    """Once it drains nobody is let in, and it ends when the last one has."""
    bench = start_bench()
    client, server = bench.connect()
    with client, server:
        bench.service.drain()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(bench.place, LIMIT)
        client.send(b"more")
        bench.run(lambda: bench.service.totals == (4, 0))
        assert not bench.service.ended
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        bench.run(lambda: bench.service.ended)
    assert bench.log.errors == [None]


def test_draining_has_a_limit(start_bench: StartBench) -> None:
    """What is left when the limit is over is cut, which is an error for both peers."""
    bench = start_bench()
    client, server = bench.connect()
    with client, server:
        bench.service.drain(0.01)
        bench.run(lambda: bench.service.ended)
        for sock in (client, server):
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
    assert isinstance(bench.log.errors[0], ConnectionAbortedError)


def test_silent_connections_are_ended(start_bench: StartBench) -> None:
    """Two who have said nothing to each other for the idle limit are cut."""
    bench = start_bench(idle_timeout=0.05)
    client, server = bench.connect()
    with client, server:
        bench.run(bench.over)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert isinstance(bench.log.errors[0], TimeoutError)


def test_silence_is_over_with_the_next_byte(start_bench: StartBench) -> None:
    """Who has just said something is not cut, though nobody has heard it yet."""
    bench = start_bench(idle_timeout=LIMIT)
    client, server = bench.connect()
    with client, server:
        client.send(b"there")
        sweeper = bench.service.sweeper
        sweeper.limit = 0.0  # everybody has been silent for so long
        sweeper.sweep()
        sweeper.close()  # it would look again at once
        assert not bench.over()
        bench.run(lambda: bench.service.totals == (5, 0))
        assert not bench.over()
        sweeper.sweep()
        assert bench.over()


def test_abort_waits_for_no_delivery(
    start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has still to take what was said before a reset is waited for, but not by an abort."""
    monkeypatch.setattr(delivering, "PATIENCE", LIMIT)
    bench = start_bench()
    client, server = bench.connect(SMALL)
    with client, server:
        (connection,) = bench.service.connections
        server.send(bytes(20_000))  # far more than the client's kernel takes
        bench.run(lambda: bench.service.totals == (0, 20_000))
        reset(server)
        bench.run(lambda: connection.pair is None)
        assert not bench.over()
        bench.service.abort()
        assert bench.over()
        assert received(client)[1] is ConnectionResetError
    assert isinstance(bench.log.errors[0], ConnectionAbortedError)


def test_more_senders_than_are_taken_at_once(nothing_left_behind: None) -> None:
    """Datagrams of many that came at once are all answered, though none comes after them."""
    count = BATCH + 8
    with (
        Loop() as loop,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind,
        fildes.listen("udp://127.0.0.1:0") as listener,
        contextlib.ExitStack() as senders,
    ):
        behind.bind(("127.0.0.1", 0))
        for number in range(count):
            senders.enter_context(client(listener, b"%3d" % number))
        opening, _ = prepare(f"udp://127.0.0.1:{behind.getsockname()[1]}", "r+b", None, {})
        open_far = opener_of(opening.address, opening.policy, opening.options)
        service = Service(loop, listener.acceptor, open_far)
        late = loop.call_at(loop.now + LIMIT, service.close)
        loop.run(lambda: service.totals[0] == 3 * count or service.ended)
        late.cancel()
        service.close()
    assert service.accepted == count


def test_datagram_that_the_listener_got(nothing_left_behind: None) -> None:
    """What the kernel gives to the listener, of a peer who has a conversation, goes on at once."""
    with (
        Loop() as loop,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind,
        fildes.listen("udp://127.0.0.1:0") as listener,
        client(listener, b"first") as sender,
    ):
        behind.bind(("127.0.0.1", 0))
        behind.settimeout(LIMIT)
        opening, _ = prepare(f"udp://127.0.0.1:{behind.getsockname()[1]}", "r+b", None, {})
        open_far = opener_of(opening.address, opening.policy, opening.options)
        acceptor = cast("UdpAcceptor", listener.acceptor)
        service = Service(loop, acceptor, open_far)
        run_until(loop, lambda: service.totals == (5, 0))
        arrival = Arrival(b"second", sender.getsockname(), acceptor.sockets[0], "127.0.0.1")
        assert acceptor.deliver(arrival)
        run_until(loop, lambda: service.totals == (11, 0))
        assert [behind.recv(99) for _ in range(2)] == [b"first", b"second"]
        service.close()
