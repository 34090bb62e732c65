"""Relays of ours that listen, and pass each connection on to one address."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

import pytest
from commands import start
from peers import LIMIT

import fildes
from fildes.listening.naming import listening_text
from fildes.relaying import brief, socket_half, splicing
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.dialing import opener_of
from fildes.relaying.forwarding import forward
from fildes.streams import pipes
from fildes.verbs import prepare


class Relay(Protocol):
    """A relay that runs."""

    @property
    def address(self) -> str:
        """Where it listens."""
        ...

    @property
    def port(self) -> int: ...

    def outcome(self) -> Exception | None:
        """Wait until one more connection is over; return its error, None if all was well."""
        ...


class VerbRelay:
    """`fildes.listen`, and `fildes.relay` in a thread for each connection."""

    def __init__(self, target: str, listen: str, options: dict[str, Any]) -> None:
        self.target = target
        self.options = options
        self.outcomes: queue.Queue[Exception | None] = queue.Queue()
        self.listener = fildes.listen(listen)
        self.address = self.listener.address
        self.threads = [threading.Thread(target=self.accept_all, name="relay: accept")]
        self.threads[0].start()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def accept_all(self) -> None:
        for client in self.listener:
            thread = threading.Thread(target=self.relay, args=(client,), name="relay")
            self.threads.append(thread)
            thread.start()

    def relay(self, client: Any) -> None:
        try:
            with client, fildes.open(self.target, **self.options) as server:
                fildes.relay(client, server)
            self.outcomes.put(None)
        except (OSError, EOFError) as error:
            client.abort()  # an end of file would say that all is complete
            self.outcomes.put(error)

    def outcome(self) -> Exception | None:
        return self.outcomes.get(timeout=LIMIT)

    def finish(self) -> None:
        self.listener.close()
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive(), f"{thread.name} did not end"


@contextlib.contextmanager
def verbs(target: str, listen: str, options: dict[str, Any]) -> Iterator[Relay]:
    """Relay by the two verbs."""
    relay = VerbRelay(target, listen, options)
    try:
        yield relay
    finally:
        relay.finish()


class Outcomes(Observer):
    """Puts how each connection ended into a queue."""

    def __init__(self, outcomes: queue.Queue[Exception | None]) -> None:
        self.outcomes = outcomes

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.outcomes.put(error)


class ServiceRelay:
    """What `fildes.relay` does between a listener and an address: one loop for all."""

    def __init__(self, target: str, listen: str, options: dict[str, Any]) -> None:
        self.outcomes: queue.Queue[Exception | None] = queue.Queue()
        self.listener = fildes.listen(listen)
        self.address = self.listener.address
        self.thread = threading.Thread(target=self.run, args=(target, options), name="relay")
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def run(self, target: str, options: dict[str, Any]) -> None:
        opening, _ = prepare(target, "r+b", None, options)
        open_far = opener_of(opening.address, opening.policy, opening.options)
        forward(self.listener, open_far, observer=Outcomes(self.outcomes))

    def outcome(self) -> Exception | None:
        return self.outcomes.get(timeout=LIMIT)

    def finish(self) -> None:
        self.listener.close()
        self.thread.join(LIMIT)
        assert not self.thread.is_alive(), "the relay did not end"


@contextlib.contextmanager
def service(target: str, listen: str, options: dict[str, Any]) -> Iterator[Relay]:
    """Relay by one verb."""
    relay = ServiceRelay(target, listen, options)
    try:
        yield relay
    finally:
        relay.finish()


class CommandRelay:
    """`fildes relay` as a process, whose events tell how each connection ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.outcomes: queue.Queue[Exception | None] = queue.Queue()
        self.process = process
        assert process.stdout is not None
        self.events: IO[bytes] = process.stdout
        first = json.loads(self.events.readline())
        self.address = str(first["address"])
        self.thread = threading.Thread(target=self.listen, name="relay: events")
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def listen(self) -> None:
        """Take down what the relay tells, up to its end."""
        errors: dict[int, Exception] = {}
        for line in self.events:
            event = json.loads(line)
            if event["event"] == "error":
                errors[event["connection"]] = error_of(event["message"])
            elif event["event"] == "closed":
                self.outcomes.put(errors.pop(event["connection"], None))

    def outcome(self) -> Exception | None:
        return self.outcomes.get(timeout=LIMIT)

    def finish(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.thread.join(LIMIT)
        assert not self.thread.is_alive(), "the relay did not end"


def error_of(message: str) -> Exception:
    """Return the error that the relay has told as *message*."""
    for number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNREFUSED, errno.ETIMEDOUT):
        if os.strerror(number) in message:
            return OSError(number, message)
    return OSError(message)


@contextlib.contextmanager
def by_command(target: str, listen: str, options: dict[str, Any]) -> Iterator[Relay]:
    """Relay by the command."""
    assert not options, "the command takes options in addresses"
    argv = ("relay", "--json", listening_text(listen), target)
    with start(*argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        relay = CommandRelay(process)
        try:
            yield relay
        finally:
            relay.finish()


def splice_always(monkeypatch: pytest.MonkeyPatch, pipe_size: int = 4096) -> None:
    """Let relays in this process splice as soon and as long as they can, by small pipes."""
    monkeypatch.setattr(socket_half, "MUCH", 0)
    monkeypatch.setattr(brief, "RECV_SIZE", 1)
    monkeypatch.setattr(socket_half, "STREAK", 1)
    monkeypatch.setattr(splicing, "LITTLE", 1)
    monkeypatch.setattr(pipes, "PIPE_SIZE", pipe_size)


KINDS = {"verbs": verbs, "service": service, "command": by_command}


class RelayTo(Protocol):
    """The `relay_to` fixture: start a relay that lasts until the test ends."""

    def __call__(self, target: str, listen: str = "tcp://127.0.0.1:0", **options: Any) -> Relay: ...


@pytest.fixture(params=KINDS)
def relay_to(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[RelayTo]:
    """Start relays, of each kind there is."""
    kind: Callable[..., contextlib.AbstractContextManager[Relay]] = KINDS[request.param]
    with contextlib.ExitStack() as relays:

        def start(target: str, listen: str = "tcp://127.0.0.1:0", **options: Any) -> Relay:
            return relays.enter_context(kind(target, listen, options))

        yield start
