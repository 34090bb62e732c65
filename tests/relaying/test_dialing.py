"""The short ways to the far side of a relay."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from tcp_ends import packets

import fildes
from fildes.address import Address
from fildes.drivers.blocking import run
from fildes.errors import PolicyError
from fildes.policy.policy import Policy
from fildes.relaying import dialing
from fildes.relaying.dialing import NamedWay, ShortWay, short_opener
from fildes.streams.kernel import acknowledge
from fildes.streams.stream import Stream
from fildes.verbs import prepare

NEAR = cast("Stream", None)  # no short way looks at it


class Names:
    """A resolver that says what a test wants, and counts who asks."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts
        self.asked = 0

    def __call__(self, host: str, port: int, *wanted: int) -> list[Any]:
        self.asked += 1
        if not self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in self.hosts]


@pytest.fixture
def port() -> Iterator[int]:
    """A place on 127.0.0.1 where connections wait."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def named_way(port: int, policy: Policy | None = None) -> NamedWay:
    """Return the way to a host by its name."""
    way = short_opener(Address("tcp", host="db.test", port=port), policy or Policy.trusted(), {})
    assert isinstance(way, NamedWay)
    return way


def names(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> Names:
    """Let each name stand for *hosts*."""
    found = Names(*hosts)
    monkeypatch.setattr(socket, "getaddrinfo", found)
    return found


def peer_of(way: NamedWay) -> str | None:
    """Return whom *way* has connected to."""
    stream = run(way(NEAR))
    try:
        return stream.peer
    finally:
        stream.abort()


@pytest.mark.parametrize(
    "text",
    [
        "tls://127.0.0.1:1",
        "unix:///x",
        "tcp://h:1::socks5://127.0.0.1:1080",
        "tcp://127.0.0.1:1?bind=127.0.0.2",
        "tcp://127.0.0.1:1?proxy-protocol=v1",
        "tcp://127.0.0.1:1?congestion=reno",
    ],
)
def test_only_plain_tcp_is_short(text: str) -> None:
    """What takes more than a connect(2) is opened as everywhere else."""
    opening, _ = prepare(text, "r+b", None, {})
    assert short_opener(opening.address, opening.policy, opening.options) is None


def test_number_is_connected_at_once(port: int) -> None:
    """On loopback a connection is there when it is asked for."""
    way = short_opener(Address("tcp", host="127.0.0.1", port=port), Policy.trusted(), {})
    assert isinstance(way, ShortWay)
    stream = way(NEAR)
    assert isinstance(stream, Stream)
    assert stream.peer == f"tcp://127.0.0.1:{port}"
    stream.abort()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Whoever has connected is there at once, or is not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(params=["number", "name"])
def held(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> Iterator[Stream]:
    """A stream to *listener*, by each of the short ways."""
    names(monkeypatch, "127.0.0.1")
    host = {"number": "127.0.0.1", "name": "db.test"}[request.param]
    address = Address("tcp", host=host, port=listener.getsockname()[1])
    way = short_opener(address, Policy.trusted(), {})
    assert way is not None
    stream = way(NEAR)
    stream = stream if isinstance(stream, Stream) else run(stream)
    yield stream
    stream.abort()


def test_first_bytes_end_the_handshake(held: Stream, listener: socket.socket) -> None:
    """The first bytes go out in the packet that ends the handshake, the second one there."""
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert held.try_send(memoryview(b"first")) == 5
    server, _ = listener.accept()
    with server:
        assert server.recv(100) == b"first"
        assert packets(server) == 2


def test_handshake_ends_without_bytes(held: Stream, listener: socket.socket) -> None:
    """A client that has said nothing keeps no server waiting."""
    acknowledge(held)
    listener.accept()[0].close()


def test_policy_forbids_before_the_first_client() -> None:
    """An address that is never allowed is told of at the start."""
    address = Address("tcp", host="127.0.0.1", port=1)
    with pytest.raises(PolicyError):
        short_opener(address, Policy.untrusted(), {})


def test_policy_looks_behind_a_name(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """A name that stands for what is not allowed is not connected to."""
    names(monkeypatch, "127.0.0.1")
    with pytest.raises(PolicyError):
        run(named_way(port, Policy.untrusted())(NEAR))


def test_name_is_not_resolved_for_each_client(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Clients that come together ask the resolver once."""
    monkeypatch.setattr(dialing, "RESOLVED_FOR", math.inf)
    asked, way = names(monkeypatch, "127.0.0.1"), named_way(port)
    assert [peer_of(way) for _ in range(3)] == [f"tcp://127.0.0.1:{port}"] * 3
    assert asked.asked == 1


def test_name_is_resolved_again(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """A name may come to stand for another address."""
    monkeypatch.setattr(dialing, "RESOLVED_FOR", 0)
    way = named_way(port)
    names(monkeypatch, "127.0.0.2")
    with pytest.raises(ConnectionRefusedError):
        run(way(NEAR))
    names(monkeypatch, "127.0.0.1")
    assert peer_of(way) == f"tcp://127.0.0.1:{port}"


def test_last_place_comes_first(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Where one address of a name refuses, only the first client meets it."""
    monkeypatch.setattr(dialing, "RESOLVED_FOR", math.inf)
    names(monkeypatch, "127.0.0.2", "127.0.0.1")
    way = named_way(port)
    assert peer_of(way) == f"tcp://127.0.0.1:{port}"
    assert [place.sockaddr[0] for place in way.places] == ["127.0.0.1", "127.0.0.2"]


def test_name_that_is_none_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """A resolver's failure is one client's error, and the next client asks anew."""
    monkeypatch.setattr(dialing, "RESOLVED_FOR", math.inf)
    way = named_way(port)
    names(monkeypatch)
    with pytest.raises(OSError, match="no such name") as caught:
        run(way(NEAR))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "resolve"
    names(monkeypatch, "127.0.0.1")
    assert peer_of(way) == f"tcp://127.0.0.1:{port}"


def test_clients_do_not_wait_for_a_resolver_that_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """While one client asks the resolver again the others go where the last ones went."""
    monkeypatch.setattr(dialing, "RESOLVED_FOR", math.inf)
    asked, way = names(monkeypatch, "127.0.0.1"), named_way(port)
    peer_of(way)
    way.until = -math.inf
    first = way(NEAR)
    with contextlib.closing(first):
        first.send(None)  # it has a thread ask
        assert peer_of(way) == f"tcp://127.0.0.1:{port}"
        assert asked.asked == 1
