"""What a peer said before its connection broke is delivered before the break is."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

import pytest
from peers import LIMIT, Conversation, StartPeer
from relays_under_test import RelayTo
from stream_copies import relay_streams
from tcp_ends import fill, hang_up, received, tcp_pair, wait_acknowledged

from fildes.drivers import blocking
from fildes.drivers.loop import Loop
from fildes.relaying.pair import Pair
from fildes.streams import delivering
from fildes.streams.kernel import SocketStream

QUESTION = b"q" * 200_000  # more than anybody reads

#: One fits into the client's receive buffer, one needs the relay's memory as well.
SIZES = [20_000, 300_000]


class Breaking:
    """A server that reads little, answers, and closes when the answer has left it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.closed = threading.Event()

    def __call__(self, talk: Conversation) -> None:
        talk.recv_exactly(10)
        talk.send(b"a" * self.size)
        wait_acknowledged(talk.sock)
        assert select.select([talk.sock], [], [], LIMIT)[0]  # more of the question is there
        talk.close()  # with the question unread, which makes the kernel send RST
        self.closed.set()


def slow_client(port: int) -> socket.socket:
    """Return a connection of which little fits into the receive buffer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(LIMIT)
    sock.connect(("127.0.0.1", port))
    return sock


@pytest.mark.parametrize("size", SIZES)
def test_answer_before_a_reset(size: int, peer: StartPeer, relay_to: RelayTo) -> None:
    """A server that answers and resets is heard to the end, and then the reset is told."""
    server = Breaking(size)
    relay = relay_to(peer(server).address())
    with slow_client(relay.port) as client:
        client.sendall(QUESTION)
        assert server.closed.wait(LIMIT)
        assert received(client) == (size, ConnectionResetError)


def by_streams(near: socket.socket, far: socket.socket) -> Exception | None:
    """Relay as the verbs do."""
    left, right = SocketStream(near), SocketStream(far)
    try:
        blocking.run(relay_streams(left, right))
    except OSError as error:
        return error
    finally:
        left.abort()
        right.abort()
    return None


def by_pair(near: socket.socket, far: socket.socket) -> Exception | None:
    """Relay as the service does."""
    left, right = SocketStream(near), SocketStream(far)
    ended: list[Exception | None] = []
    with Loop() as loop:
        Pair(loop, left, right, lambda _, error: ended.append(error), None).start()
        loop.run(lambda: bool(ended))
    left.abort()
    right.abort()
    return ended[0]


@pytest.mark.parametrize("relay", [by_streams, by_pair])
def test_reset_that_a_send_met(relay: Callable[..., Exception | None]) -> None:
    """The kernel tells a reset once: when sending met it, the end that follows is none."""
    (client, near), (server, far) = tcp_pair(), tcp_pair()
    with client, near, far, server:
        client.send(b"?")
        server.send(b"begin")
        hang_up(server, far)
        assert isinstance(relay(near, far), ConnectionResetError)
        assert received(client) == (5, ConnectionResetError)


def test_peer_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that does not read what was sent to it is not waited for without end."""
    monkeypatch.setattr(delivering, "PATIENCE", 0.02)
    (client, near), (server, far) = tcp_pair(), tcp_pair()
    with client, near, far, server:
        fill(near)
        assert delivering.undelivered([near])
        hang_up(server, far)
        assert isinstance(by_streams(near, far), ConnectionResetError)
