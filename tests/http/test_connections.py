"""Connections that are kept for the next document, and those that are not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from counting import Asked, CountingServer, answer, whole
from http_script import END_OF_HEAD, answering, document
from peers import Conversation, StartPeer

import fildes
from fildes.address import parse
from fildes.http.connection import Connection, key_of
from fildes.http.pool import Pool
from fildes.http.request import Request
from fildes.opening.opening import Opening
from fildes.opening.registry import find_scheme
from fildes.streams.kernel import SocketStream


def read(opener: fildes.Opener, address: str, **how: Any) -> bytes:
    with opener.open(address, **how) as file:
        data: bytes = file.read()
    return data


def test_documents_share_a_connection() -> None:
    """Documents read to their ends one after the other come over one connection."""
    with CountingServer(b"document", whole) as server, fildes.Opener() as opener:
        for number in range(3):
            assert read(opener, server.address(f"/{number}")) == b"document"
        assert (server.count, server.connections) == (3, 1)
        assert b"\r\nconnection:" not in server.asked[0].head.lower()


def test_open_keeps_nothing() -> None:
    """Without an Opener each document has a connection of its own."""
    with CountingServer(b"document", whole) as server:
        for _ in range(2):
            with fildes.open(server.address()) as file:
                assert file.read() == b"document"
        assert server.connections == 2


def test_unread_document_takes_its_connection_along() -> None:
    """A connection with an unread body is not used again."""
    with CountingServer(bytes(1 << 20), whole) as server, fildes.Opener() as opener:
        opener.open(server.address()).close()
        assert len(read(opener, server.address())) == 1 << 20
        assert server.connections == 2


def last_answer(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    return answer("200 OK", server.data, Connection="close"), True


def excess(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    return answer("200 OK", server.data) + b"HTTP/1.1 200 OK\r\n", False


def old(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    return answer("200 OK", server.data).replace(b"1.1", b"1.0", 1), False


@pytest.mark.parametrize("reply", [last_answer, excess, old])
def test_doubtful_connection_is_not_used_again(reply: Any) -> None:
    """One that the server ends, that is HTTP/1.0, or that brought too much, is closed."""
    with CountingServer(b"document", reply) as server, fildes.Opener() as opener:
        for _ in range(2):
            assert read(opener, server.address()) == b"document"
        assert server.connections == 2


def test_stale_connection_is_tried_once(peer: StartPeer) -> None:
    """A kept connection that ends before any answer costs a new one, not the open."""

    def answer_once(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        talk.send(document(b"one"))
        talk.recv_until(END_OF_HEAD)

    server = peer(answer_once, answering(document(b"two")))
    with fildes.Opener() as opener:
        assert read(opener, server.address("http", "/")) == b"one"
        assert read(opener, server.address("http", "/")) == b"two"


def test_answer_that_has_begun_is_not_asked_for_again(peer: StartPeer) -> None:
    """A kept connection that ends within an answer is an error: it was no stale one."""

    def answer_half(talk: Conversation) -> None:
        talk.recv_until(END_OF_HEAD)
        talk.send(document(b"one"))
        talk.recv_until(END_OF_HEAD)
        talk.send(b"HTTP/1.1 2")

    server = peer(answer_half)
    with fildes.Opener() as opener:
        assert read(opener, server.address("http", "/")) == b"one"
        with pytest.raises(fildes.IncompleteError):
            opener.open(server.address("http", "/"))


def test_threads_share_an_opener() -> None:
    """Threads that open at once get each its document, over a connection of its own."""
    with CountingServer(bytes(300_000), whole) as server, fildes.Opener() as opener:

        def fetch(number: int) -> bytes:
            return read(opener, server.address(f"/{number}"))

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(fetch, range(12))) == [server.data] * 12
        assert server.connections <= 4


def test_defaults_of_an_opener() -> None:
    """What an Opener was told holds for each open, which may say otherwise by name."""
    defaults = {"headers": {"X-A": "1"}, "max_redirects": 3}
    with CountingServer(b"", whole) as server, fildes.Opener(http=defaults) as opener:
        read(opener, server.address())
        read(opener, server.address(), http={"headers": {"X-B": "2"}})
        assert b"X-A: 1" in server.asked[0].head
        assert b"X-A: 1" not in server.asked[1].head
        assert b"X-B: 2" in server.asked[1].head
        assert server.connections == 1


def test_policy_of_an_opener() -> None:
    """The policy of an Opener forbids what it would forbid a single open."""
    untrusted = fildes.Policy.untrusted()
    with fildes.Opener(policy=untrusted) as opener, pytest.raises(PermissionError):
        opener.open("http://127.0.0.1:9/")


def test_closed_opener_opens_nothing() -> None:
    """After close an Opener refuses, and what it had lent is not kept."""
    with CountingServer(b"document", whole) as server:
        opener = fildes.Opener()
        file = opener.open(server.address())
        opener.close()
        with pytest.raises(ValueError, match="closed"):
            opener.open(server.address())
        with file:
            assert file.read() == b"document"
        assert opener.pool.idle == []


def test_unknown_option_of_an_opener() -> None:
    """An option that no scheme declares is refused when the Opener is made."""
    with pytest.raises(TypeError, match="no option 'header'"):
        fildes.Opener(http={"header": {}})


PLAIN = "http://user:pass@localhost/"
KEYS: dict[str, tuple[str, dict[str, Any]]] = {
    "port": ("http://user:pass@localhost:81/", {}),
    "host": ("http://user:pass@127.0.0.1/", {}),
    "scheme": ("https://user:pass@localhost/", {}),
    "user": ("http://other:pass@localhost/", {}),
    "password": ("http://user:other@localhost/", {}),
    "proxy": (PLAIN + "::connect://proxy:3128", {}),
    "tls option": (PLAIN, {"tls": {"verify": False}}),
    "https option": (PLAIN, {"https": {"ca": "ca.pem"}}),
    "tcp option": (PLAIN, {"tcp": {"nodelay": True}}),
    "number, not flag": (PLAIN, {"tcp": {"nodelay": 1}}),
}


def key(text: str, options: dict[str, Any], policy: fildes.Policy | None = None) -> object:
    address = parse(text, find_scheme)
    opening = Opening(address, "rb", policy or fildes.Policy.trusted(), options)
    return key_of(opening, Request(address))


def test_keys_differ() -> None:
    """Whatever makes a connection another one makes another key."""
    keys = [key(PLAIN, {}), *(key(text, options) for text, options in KEYS.values())]
    keys.append(key(PLAIN, {}, fildes.Policy.untrusted()))
    for index, one in enumerate(keys):
        assert [other == one for other in keys].index(True) == index


def test_keys_of_the_same() -> None:
    """Path, headers and limits of requests leave a connection what it is."""
    assert key(PLAIN + "a?b", {"http": {"headers": {"A": "1"}}}) == key(PLAIN, {})
    assert key(PLAIN, {"tls": {"alpn": ["a"]}}) == key(PLAIN, {"tls": {"alpn": ["a"]}})


Make = Callable[[], Connection]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Make:
    """Return a function that makes connections, to peers that say nothing."""

    def connection() -> Connection:
        ours, theirs = socket.socketpair()
        request.addfinalizer(theirs.close)
        request.addfinalizer(ours.close)
        return Connection(SocketStream(ours), "key")

    return connection


def is_open(connection: Connection) -> bool:
    return connection.stream.fileno() >= 0


def test_pool_keeps_so_many(make: Make) -> None:
    """Beyond the limit the connection that was unused for longest is closed."""
    pool = Pool(max_idle=2)
    connections = [make() for _ in range(3)]
    for connection in connections:
        pool.give(connection)
    assert [is_open(connection) for connection in connections] == [False, True, True]
    pool.close()
    assert not any(map(is_open, connections))


def test_pool_keeps_so_long(make: Make) -> None:
    """A connection older than the limit is closed instead of used."""
    now = 0.0
    pool = Pool(max_age=10, clock=lambda: now)
    first, second = make(), make()
    pool.give(first)
    now = 11
    assert pool.take("key") is None
    pool.give(second)
    assert (is_open(first), pool.take("key")) == (False, second)


def test_pool_drops_what_ended(ends: tuple[socket.socket, socket.socket]) -> None:
    """A connection that the peer has closed, or that brings anything, is not used."""
    pool = Pool()
    ours, theirs = ends
    pool.give(Connection(SocketStream(ours), "key"))
    theirs.close()
    assert pool.take("key") is None


def test_pool_after_fork(make: Make) -> None:
    """In a child process a pool is empty, and its descriptors closed."""
    pool = Pool()
    connection = make()
    pool.give(connection)
    pool.pid -= 1  # as if that had been the parent
    assert (pool.take("key"), is_open(connection)) == (None, False)


def test_pool_closes_what_grew_old_beside_others(make: Make) -> None:
    """Each connection that is given closes those which grew too old, and no others."""
    moments = iter((0.0, 5.0, 11.0))
    pool = Pool(max_age=10, clock=lambda: next(moments))
    connections = [make() for _ in range(3)]
    for connection in connections:
        pool.give(connection)
    assert [is_open(connection) for connection in connections] == [False, True, True]
    pool.close()


def test_pool_is_closed_for_what_comes_later(make: Make) -> None:
    """What is given to a pool that was closed is closed at once."""
    pool, connection = Pool(), make()
    pool.close()
    pool.give(connection)
    assert not is_open(connection)


def test_pool_tells_connections_apart(make: Make) -> None:
    """Of several kept connections the one given last that fits is taken."""
    pool = Pool()
    fitting, newer, other = make(), make(), make()
    other.key = "another"
    for connection in (fitting, newer, other):
        pool.give(connection)
    assert [pool.take("key") for _ in range(3)] == [newer, fitting, None]
    pool.close()
