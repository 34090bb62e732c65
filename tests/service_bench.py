"""A relay's service in a loop that a test runs, and what becomes of its connections."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from peers import LIMIT

import fildes
from fildes.drivers.loop import Loop
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.dialing import opener_of
from fildes.relaying.service import Service
from fildes.verbs import prepare


class Log(Observer):
    """What happened, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.errors: list[Exception | None] = []

    def accepted(self, connection: Connection) -> None:
        self.events.append("accepted")

    def opened(self, connection: Connection) -> None:
        self.events.append("opened")

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.events.append("closed")
        self.errors.append(error)


class Bench(NamedTuple):
    """A loop with a service, which connects to *behind*."""

    loop: Loop
    service: Service
    log: Log
    behind: socket.socket
    place: tuple[str, int]

    def run(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so."""
        late: list[None] = []
        timer = self.loop.call_at(self.loop.now + LIMIT, lambda: late.append(None))
        self.loop.run(lambda: until() or bool(late))
        timer.cancel()
        assert not late, "it did not happen"

    def connect(self, receive_buffer: int = 0) -> tuple[socket.socket, socket.socket]:
        """Return a client, and the server that the service has connected it to."""
        client = socket.socket()
        client.settimeout(LIMIT)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(self.place)
        opened = self.log.events.count("opened") + 1
        self.run(lambda: self.log.events.count("opened") == opened)
        return client, self.connected()

    def connected(self) -> socket.socket:
        """Return the server that the service has connected to somebody."""
        self.run(lambda: bool(select.select([self.behind], [], [], 0)[0]))
        server, _ = self.behind.accept()
        server.settimeout(LIMIT)
        return server

    def over(self) -> bool:
        """Tell whether no connection is left."""
        return not self.service.connections


StartBench = Callable[..., Bench]


@pytest.fixture
def start_bench(nothing_left_behind: None) -> Iterator[StartBench]:
    """Start a service with what options it is given."""
    with (
        Loop() as loop,
        socket.create_server(("127.0.0.1", 0)) as behind,
        fildes.listen("tcp://127.0.0.1:0") as listener,
    ):
        services = []

        def start(host: str = "127.0.0.1", **options: Any) -> Bench:
            target = f"tcp://{host}:{behind.getsockname()[1]}"
            opening, _ = prepare(target, "r+b", None, {})
            log = Log()
            open_far = opener_of(opening.address, opening.policy, opening.options)
            service = Service(loop, listener.acceptor, open_far, log, **options)
            services.append(service)
            port = int(listener.address.rpartition(":")[2])
            return Bench(loop, service, log, behind, ("127.0.0.1", port))

        yield start
        for service in services:
            service.close()
