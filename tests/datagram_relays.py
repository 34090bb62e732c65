"""A relay of datagrams in a loop, for tests."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from until import run_until

import fildes
from fildes.drivers.loop import Loop
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.dialing import opener_of
from fildes.relaying.service import Service
from fildes.verbs import prepare


class Log(Observer):
    """The errors of what is over."""

    def __init__(self) -> None:
        self.errors: list[Exception | None] = []

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.errors.append(error)


class Serving(NamedTuple):
    """A relay of datagrams in a loop, and the socket that it leads to."""

    loop: Loop
    listener: Any
    service: Service
    behind: socket.socket
    log: Log

    def run(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so."""
        run_until(self.loop, until)

    def receive(self, count: int) -> list[tuple[bytes, Any]]:
        """Return what has come through, and from where."""
        found: list[tuple[bytes, Any]] = []

        def is_there() -> bool:
            with contextlib.suppress(BlockingIOError):
                while len(found) < count:
                    found.append(self.behind.recvfrom(1000, socket.MSG_DONTWAIT))
            return len(found) == count

        self.run(is_there)
        return found


StartServing = Callable[..., Serving]


@pytest.fixture
def start_serving(nothing_left_behind: None) -> Iterator[StartServing]:
    """Start a relay with what limits it is given."""
    services: list[tuple[Service, Any]] = []
    with Loop() as loop, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind:
        behind.bind(("127.0.0.1", 0))

        def start(limits: str = "", host: str = "127.0.0.1", **options: Any) -> Serving:
            listener = fildes.listen(f"udp-listen://{host}:0{limits}")
            target = f"udp://127.0.0.1:{behind.getsockname()[1]}"
            opening, _ = prepare(target, "r+b", None, {})
            open_far = opener_of(opening.address, opening.policy, opening.options)
            log = Log()
            service = Service(loop, listener.acceptor, open_far, log, **options)
            services.append((service, listener))
            return Serving(loop, listener, service, behind, log)

        yield start
        for service, listener in services:
            service.close()
            listener.close()
