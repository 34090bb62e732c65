"""Happy Eyeballs, RFC 8305, with a driver that needs neither a clock nor a network."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest
from leaks import open_descriptors

import fildes
from fildes.address import Address
from fildes.opening.connecting import connect_host
from fildes.opening.opening import Opening, Target
from fildes.opening.resolving import Candidate, interleaved, numeric
from fildes.waiting import CallBlocking, Protocol, WaitAny

V4, V6 = socket.AF_INET, socket.AF_INET6


class Network:
    """Sockets that connect as a test says: ``"ok"``, ``"never"``, or an errno.

    It is the driver, too: each wait is one turn. A connect that is bound to end ends
    in the next turn; when nothing is ready the turn's timeout passes, unless there
    is none: then the deadline has come.
    """

    def __init__(self, fates: dict[str, str | int]) -> None:
        self.fates = fates
        self.sockets: list[Sock] = []
        self.waits: list[float | None] = []

    def socket(self, family: int, kind: int) -> Sock:
        sock = Sock(self, len(self.sockets) + 100)
        self.sockets.append(sock)
        return sock

    @property
    def started(self) -> list[str]:
        return [sock.host for sock in self.sockets]

    @property
    def open(self) -> list[str]:
        return [sock.host for sock in self.sockets if not sock.closed]

    def run(self, protocol: Protocol[Any]) -> Any:
        try:
            request = protocol.send(None)
            while True:
                if isinstance(request, CallBlocking):
                    request = protocol.send(request.function())
                    continue
                assert isinstance(request, WaitAny)
                request = self.turn(protocol, request)
        except StopIteration as stop:
            return stop.value

    def turn(self, protocol: Protocol[Any], request: WaitAny) -> Any:
        self.waits.append(request.timeout)
        waiting = [sock for sock in self.sockets if sock.fd in request.interest]
        ready = {sock.fd: 4 for sock in waiting if self.fates[sock.host] != "never"}
        if not ready and request.timeout is None:
            return protocol.throw(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))
        return protocol.send(ready)


class Sock:
    """One socket of the `Network`."""

    def __init__(self, network: Network, fd: int) -> None:
        self.network, self.fd, self.closed = network, fd, False
        self.host = ""

    def connect_ex(self, sockaddr: tuple[str, int]) -> int:
        self.host = sockaddr[0]
        fate = self.network.fates[self.host]
        # An address that this machine has no route to fails at once.
        return fate if fate == errno.ENETUNREACH else errno.EINPROGRESS

    def getsockopt(self, level: int, option: int) -> int:
        fate = self.network.fates[self.host]
        return fate if isinstance(fate, int) else 0

    def fileno(self) -> int:
        return self.fd

    def getpeername(self) -> tuple[str, int]:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))  # not yet: as over a network

    def setblocking(self, blocking: bool) -> None:
        assert blocking

    def close(self) -> None:
        self.closed = True


#: A function, with what it has started as its attributes.
Connect = Any


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Connect to a name whose addresses have the given fates; return network and winner."""

    def run(fates: dict[str, str | int], policy: fildes.Policy | None = None) -> Any:
        network = Network(fates)
        found = [
            (V6 if ":" in host else V4, socket.SOCK_STREAM, 6, "", (host, 80)) for host in fates
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: found)
        address = Address("tcp", host="name.example", port=80)
        opening = Opening(address, "r+b", policy or fildes.Policy.trusted(), {})
        run.network, run.opening = network, opening  # type: ignore[attr-defined]  # for errors
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", network.socket)
            return network.run(connect_host(opening, Target("name.example", 80), lambda _: None))

    return run


def test_first_address_wins_alone(connect: Connect) -> None:
    """When the first address answers, no other is tried."""
    assert connect({"2001:db8::1": "ok", "192.0.2.1": "ok"}).host == "2001:db8::1"
    assert connect.network.started == ["2001:db8::1"]


def test_silent_address_loses_its_head_start(connect: Connect) -> None:
    """After 250 ms without an answer the next address is tried as well, and may win."""
    assert connect({"2001:db8::1": "never", "192.0.2.1": "ok"}).host == "192.0.2.1"
    network = connect.network
    assert network.waits == [0.250, None]
    assert network.open == ["192.0.2.1"]


def test_failed_address_is_followed_at_once(connect: Connect) -> None:
    """A refusal, in connect(2) or later, starts the next address without a pause."""
    fates: dict[str, str | int] = {
        "2001:db8::1": errno.ENETUNREACH,
        "192.0.2.1": errno.ECONNREFUSED,
        "192.0.2.2": "ok",
    }
    assert connect(fates).host == "192.0.2.2"
    network = connect.network
    assert network.waits == [0.250, None]  # none of them had to pass
    assert network.open == ["192.0.2.2"]


def test_all_failures_are_told(connect: Connect) -> None:
    """The error is the first one's and names every attempt; nothing stays open."""
    with pytest.raises(ConnectionRefusedError) as caught:
        connect({"192.0.2.1": errno.ECONNREFUSED, "192.0.2.2": errno.EHOSTUNREACH})
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    numbers = [error.errno for error in failure.attempts if isinstance(error, OSError)]
    assert numbers == [errno.ECONNREFUSED, errno.EHOSTUNREACH]
    assert connect.network.open == []
    steps = [step for step in connect.opening.trace if step.name == "connect"]
    assert [(step.detail, bool(step.error)) for step in steps] == [
        ("192.0.2.1:80", True),
        ("192.0.2.2:80", True),
    ]


def test_deadline_closes_all_attempts(connect: Connect) -> None:
    """When the deadline comes, every attempt under way is closed and told."""
    with pytest.raises(TimeoutError) as caught:
        connect({"2001:db8::1": "never", "192.0.2.1": "never"})
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert [type(error) for error in failure.attempts] == [TimeoutError, TimeoutError]
    assert connect.network.open == []


def test_cancellation_closes_all_attempts(connect: Connect) -> None:
    """Ctrl-C during the attempts leaves no socket."""
    network = Network({"192.0.2.1": "never"})

    def interrupt(protocol: Protocol[Any], request: WaitAny) -> Any:
        return protocol.throw(KeyboardInterrupt())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", network.socket)
        patch.setattr(network, "turn", interrupt)
        opening = Opening(Address("tcp", "h", 80), "r+b", fildes.Policy.trusted(), {})
        with pytest.raises(KeyboardInterrupt):
            network.run(connect_host(opening, Target("192.0.2.1", 80), lambda _: None))
    assert network.open == []


def test_forbidden_addresses_are_not_tried(connect: Connect) -> None:
    """N13: of a mixed answer only what the policy allows is connected to."""
    policy = fildes.Policy.untrusted()
    assert connect({"127.0.0.1": "ok", "8.8.8.8": "ok"}, policy).host == "8.8.8.8"
    assert connect.network.started == ["8.8.8.8"]
    with pytest.raises(PermissionError):
        connect({"127.0.0.1": "ok", "::1": "ok"}, policy)
    assert connect.network.started == []


def test_forbidden_schemes_are_told_like_other_failures() -> None:
    """N9: a scheme that the policy refuses is an error with step and address, too."""
    with pytest.raises(PermissionError) as caught:
        fildes.open("png::exec:id", policy=fildes.Policy.untrusted())
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("resolve", "png::exec://id")
    assert caught.value.filename == failure.address


def test_families_take_turns() -> None:
    """The addresses of both families are interleaved, the resolver's first one first."""
    names = ["::1", "::2", "::3", "10.0.0.1"]
    found = [Candidate(V6 if ":" in n else V4, socket.SOCK_STREAM, (n, 80)) for n in names]
    order = [each.sockaddr[0] for each in interleaved(found)]
    assert order == ["::1", "10.0.0.1", "::2", "::3"]


@pytest.mark.parametrize(
    ("host", "sockaddr"),
    [
        ("192.0.2.1", ("192.0.2.1", 80)),
        ("2001:db8::1", ("2001:db8::1", 80, 0, 0)),
        ("fe80::1%1", ("fe80::1", 80, 0, 1)),
        ("fe80::1%lo", ("fe80::1", 80, 0, 1)),
    ],
)
def test_literal_is_not_resolved(host: str, sockaddr: tuple[object, ...]) -> None:
    """A literal address, with its zone, needs no resolver."""
    candidate = numeric(Target(host, 80), socket.SOCK_STREAM)
    assert candidate is not None
    assert candidate.sockaddr == sockaddr


def test_unknown_name_is_the_resolver_s_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not exist is a gaierror in step resolve."""

    def fail(*args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    before = open_descriptors()
    with pytest.raises(socket.gaierror) as caught:
        fildes.open("tcp://no.example:80")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("resolve", "tcp://no.example:80")
    assert "no such host" in failure.advice
    assert open_descriptors() == before
