"""TLS and a socket, copied by callbacks: what TLS changes about ends and readiness.

TLS in TLS stands for codecs over one another, as a WebSocket over TLS.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import pytest
from authority import Authority
from until import run_until

from fildes.drivers.loop import Loop
from fildes.relaying.coded import CodedPair
from fildes.relaying.pairing import pair_for
from fildes.streams.kernel import SocketStream
from fildes.streams.stream import Stream
from fildes.testing import both
from fildes.tls.context import harden
from fildes.tls.stream import TlsStream

BUFFER = 131072  #: of each socket; the kernel doubles it, socket(7)

LARGE = bytes(range(256)) * 16384  #: 4 MiB, more than all buffers on the way take


class Between(NamedTuple):
    """A pair, whose left is the server of *client*, and whose right ends at *far*."""

    loop: Loop
    client: TlsStream
    far: socket.socket
    pair: CodedPair[None]
    ended: list[Exception | None]

    def run(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so."""
        run_until(self.loop, until)

    def heard(self, size: int) -> bytes:
        """Return *size* bytes, or all up to the end, that the client receives."""
        found, room = bytearray(), memoryview(bytearray(65536))

        def enough() -> bool:
            while len(found) < size:
                received = self.client.try_recv_into(room)
                if not received:
                    return received == 0
                found.extend(room[:received])
            return True

        self.busy(enough)
        return bytes(found)

    def say(self, data: bytes) -> None:
        """Send *data* as the client, while the loop runs."""
        left = memoryview(data)

        def sent() -> bool:
            nonlocal left
            while left:
                size = self.client.try_send(left)
                if size is None:
                    return False
                left = left[size:]
            return True

        self.busy(sent)

    def busy(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so that the loop itself is not told of."""

        def again() -> None:
            if not done:
                self.loop.call_soon(again)

        done: list[None] = []
        again()
        self.run(until)
        done.append(None)

    def received(self, size: int) -> bytes:
        """Return *size* bytes, or all up to the end, that the far end receives."""
        found = bytearray()

        def enough() -> bool:
            while len(found) < size:
                try:
                    data = self.far.recv(65536, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return False
                if not data:
                    return True
                found.extend(data)
            return True

        self.busy(enough)
        return bytes(found)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection whose buffers are small."""
    client = socket.socket()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for sock in (client, listener):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def layered(sock: socket.socket, depth: int, *how: Any, **more: Any) -> list[TlsStream]:
    """Return TLS over *sock*, so often over itself, innermost first."""
    layers = [TlsStream(SocketStream(sock), *how, **more)]
    for _ in range(depth - 1):
        layers.append(TlsStream(layers[-1], *how, **more))
    return layers


@pytest.fixture(params=["1.2", "1.3", "1.3 in 1.3"])
def between(
    request: pytest.FixtureRequest, tls_ca: Authority, nothing_left_behind: None
) -> Iterator[Between]:
    serving, asking = tls_ca.server_context(), tls_ca.client_context()
    for context in (serving, asking):
        harden(context)
    version, *more = request.param.split(" in ")
    asking.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    one, other = tcp_pair()
    far, near = tcp_pair()
    clients = layered(one, 1 + len(more), asking, server_name="localhost")
    servers = layered(other, 1 + len(more), serving, server_side=True)
    client, left = clients[-1], servers[-1]
    right = SocketStream(near)
    ended: list[Exception | None] = []

    def note(_: None, error: Exception | None) -> None:
        ended.append(error)

    with Loop() as loop, far:

        async def shake() -> None:
            for asks, serves in zip(clients, servers, strict=True):
                await both(asks.handshake(), serves.handshake())

        loop.run_protocol(shake())
        assert pair_for(left, right) is CodedPair
        pair: CodedPair[None] = CodedPair(loop, cast("Any", left), right, note, None)
        pair.start()
        yield Between(loop, client, far, pair, ended)
        if not ended:
            pair.stop()
        for stream in (client, left, right):
            stream.abort()


def test_there_and_back(between: Between) -> None:
    """Little and much arrives on both sides, as it was."""
    between.say(b"ask")
    assert between.received(3) == b"ask"
    between.far.send(b"answer")
    assert between.heard(6) == b"answer"
    assert between.pair.there.copied == 3
    assert between.pair.back.copied == 6


def test_slow_client_is_waited_for(between: Between) -> None:
    """What the client does not take yet holds up the far end, and arrives whole."""
    left = memoryview(LARGE)

    def stuck() -> bool:
        nonlocal left
        assert left, "the buffers have taken it all"
        try:
            left = left[between.far.send(left, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            return between.pair.back.left is not None
        return False

    between.busy(stuck)
    sent = len(LARGE) - len(left)
    assert between.heard(sent) == LARGE[:sent]


def test_slow_far_end_is_waited_for(between: Between) -> None:
    """What the far end does not take yet holds up the client, and arrives whole."""
    sent = 0

    def stuck() -> bool:
        nonlocal sent
        assert sent < len(LARGE), "the buffers have taken it all"
        size = between.client.try_send(memoryview(LARGE)[sent : sent + 65536])
        sent += size or 0
        return size is None and between.pair.there.left is not None

    between.busy(stuck)
    assert between.received(sent)[:sent] == LARGE[:sent]  # more may be under way


def test_half_close_of_the_client(between: Between) -> None:
    """The client's close_notify ends its direction alone: the answer comes behind it."""
    between.client.try_send(memoryview(b"last words"))
    between.client.shut_down()  # in one gulp with the words before it
    assert between.received(100) == b"last words"
    between.far.send(b"answer")
    assert between.heard(6) == b"answer"
    between.far.shutdown(socket.SHUT_WR)
    assert between.heard(100) == b""
    between.run(lambda: between.ended == [None])


def test_half_close_of_the_far_end(between: Between) -> None:
    """The far end's is a close_notify, and what the client says afterwards arrives."""
    between.far.shutdown(socket.SHUT_WR)
    assert between.heard(100) == b""
    between.say(b"still here")
    assert between.received(10) == b"still here"
    between.client.shut_down()
    between.run(lambda: between.ended == [None])
    assert between.far.recv(100) == b""


def test_what_was_said_while_the_far_end_ended(between: Between) -> None:
    """What comes together with the end of the other direction is not lost in OpenSSL."""
    between.client.try_send(memoryview(b"meanwhile"))
    between.far.shutdown(socket.SHUT_WR)
    left = between.pair.there.source
    assert isinstance(left, TlsStream)
    with left.lock:  # it has left the socket before the end is passed on
        left.fetch()
    assert between.received(9) == b"meanwhile"


def test_cut_connection_is_an_error(between: Between) -> None:
    """An end without close_notify is no end of file, and what came before it arrives."""
    between.say(b"said")
    *_, carrier = between.client.layers()
    assert isinstance(carrier, SocketStream)
    carrier.sock.shutdown(socket.SHUT_WR)
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], ssl.SSLEOFError)
    assert between.far.recv(100) == b"said"


def test_both_ends_close_at_once(between: Between) -> None:
    """With both ends of file there is nothing left to wait for, unless another TLS is below."""
    near, right = between.pair.there.source, between.pair.there.sink
    between.client.shut_down()
    between.far.shutdown(socket.SHUT_WR)
    between.run(lambda: between.ended == [None])
    assert between.heard(100) == b""
    assert near.closes_at_once == isinstance(near.inner, SocketStream)
    between.loop.run_protocol(both(near.close(), between.client.close()))
    right.close_now()


def test_end_that_a_socket_does_not_take_yet(
    between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end for which there was no room goes out as the stream is closed, and is no error."""
    near, right = between.pair.there.source, between.pair.there.sink
    between.client.shut_down()
    assert between.received(100) == b""
    *_, carrier = near.layers()
    try_send, refusals = carrier.try_send, [None] * 4
    monkeypatch.setattr(
        carrier, "try_send", lambda data: refusals.pop() if refusals else try_send(data)
    )
    between.far.shutdown(socket.SHUT_WR)
    between.run(lambda: between.ended == [None])
    assert not near.closes_at_once
    between.loop.run_protocol(both(near.close(), between.client.close()))
    assert not refusals
    right.close_now()


def test_tls_on_both_sides(tls_ca: Authority) -> None:
    """Under TLS from end to end it is two TLS connections, copied as one is."""
    context = tls_ca.client_context()
    one, other = tcp_pair()
    streams: list[Stream] = [
        TlsStream(SocketStream(sock), context, server_name="localhost") for sock in (one, other)
    ]
    assert pair_for(streams[0], streams[1]) is CodedPair
    for stream in streams:
        stream.abort()
