"""How clients come in, and which of their connections are brief."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, cast

import pytest
from service_bench import Bench, StartBench, start_bench

from fildes.relaying import dialing
from fildes.relaying.brief import Brief
from fildes.relaying.connection import Connection
from fildes.relaying.dialing import ShortWay
from fildes.streams.kernel import SocketStream

__all__ = ["start_bench"]  # a fixture


def only(bench: Bench) -> Connection:
    """Return the connection that is open."""
    (connection,) = bench.service.connections
    return connection


def question_and_answer(bench: Bench, client: socket.socket, server: socket.socket) -> None:
    """Let something be said both ways, and both ends."""
    client.send(b"ask")
    bench.run(lambda: only(bench).copied == (3, 0))
    assert server.recv(9) == b"ask"
    server.send(b"answer")
    server.shutdown(socket.SHUT_WR)
    bench.run(lambda: only(bench).copied == (3, 6))
    assert client.recv(9) + client.recv(9) == b"answer"
    client.close()
    bench.run(bench.over)
    assert (server.recv(9), bench.log.errors) == (b"", [None])


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connect(2) be seen to be done in the next round only, as everywhere but on loopback."""

    def dial(way: ShortWay) -> Any:
        sock = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM)
        sock.connect(way.place.sockaddr)
        return way.rest(sock, 0.0, BlockingIOError())

    monkeypatch.setattr(ShortWay, "dial", dial)


@pytest.mark.parametrize("how", ["at once", "later", "by name"])
def test_brief_whichever_way_it_is_opened(
    how: str, start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain tcp connection is brief, whether it is open at once, later, or by a name."""
    if how == "later":
        later(monkeypatch)
    bench = start_bench("localhost" if how == "by name" else "127.0.0.1")
    client, server = bench.connect()
    with client, server:
        connection = only(bench)
        assert type(connection) is Brief
        question_and_answer(bench, client, server)
        assert type(connection) is Brief


def test_who_was_announced_is_remembered(start_bench: StartBench) -> None:
    """A client that somebody has named is not brief: of its socket there is more to know."""
    bench = start_bench(prepare=name_the_listener)
    client, server = bench.connect()
    with client, server:
        connection = only(bench)
        assert type(connection) is Connection
        assert connection.near.local == "tcp://192.0.2.1:80"
        question_and_answer(bench, client, server)


def name_the_listener(connection: Connection, near: Any, far: Any) -> tuple[Any, Any]:
    """Have been told by a proxy where the client has connected to."""
    cast("SocketStream", near).local_name = ("192.0.2.1", 80)
    return near, far


def test_who_asks_gets_streams(start_bench: StartBench) -> None:
    """The streams of a brief connection say where its ends are; so it stays brief."""
    bench = start_bench()
    client, server = bench.connect()
    with client, server:
        connection = only(bench)
        assert connection.near.peer == "tcp://{}:{}".format(*client.getsockname())
        assert connection.far is not None
        assert connection.far.peer == "tcp://{}:{}".format(*server.getsockname())
        question_and_answer(bench, client, server)
        assert type(connection) is Brief


def test_growing(start_bench: StartBench) -> None:
    """Who asks what a brief connection does not remember gets one that does, and it goes on."""
    bench = start_bench()
    client, server = bench.connect()
    with client, server:
        connection = only(bench)
        client.send(b"first")
        bench.run(lambda: connection.copied == (5, 0))
        assert server.recv(9) == b"first"
        pair = connection.pair_now()
        assert pair is not None
        assert pair is connection.pair
        assert connection.copied == (5, 0)
        assert type(connection) is Connection
        client.send(b"ask")
        bench.run(lambda: connection.copied == (8, 0))
        server.shutdown(socket.SHUT_WR)
        client.close()
        bench.run(bench.over)
    assert bench.log.errors == [None]


def refuse_at_once(*args: object) -> None:
    """Fail in connect(2) itself."""
    raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


@pytest.mark.parametrize("how", ["at once", "later"])
def test_refused(how: str, start_bench: StartBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens the client is reset, and told of with the step that failed."""
    bench = start_bench()
    bench.behind.close()
    if how == "at once":
        monkeypatch.setattr(dialing, "connecting", refuse_at_once)
    with socket.create_connection(bench.place) as client:
        bench.run(lambda: bool(bench.log.errors))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert bench.log.events == ["accepted", "closed"]
    assert isinstance(bench.log.errors[0], ConnectionRefusedError)
    assert dict(bench.service.failed) == {"connect": 1}
