"""TlsStream over a stream that takes little at a time."""

from __future__ import annotations

import errno
import ssl

import pytest
from authority import Authority
from tls_cases import pattern

from fildes.drivers import blocking
from fildes.streams.stream import Stream
from fildes.tls.stream import TlsStream
from fildes.waiting import Interest

Queue = bytearray


class Wire(Stream):
    """One end of two queues; sending takes no more than there is room for."""

    def __init__(self, source: Queue, sink: Queue) -> None:
        self.source, self.sink = source, sink
        self.room = 1 << 30
        self.gone = False  # the other end is closed

    def try_recv_into(self, buffer: memoryview) -> int | None:
        size = min(len(buffer), len(self.source))
        buffer[:size] = self.source[:size]
        del self.source[:size]
        return size or None

    def try_send(self, data: memoryview) -> int | None:
        if self.gone:
            raise BrokenPipeError(errno.EPIPE, "gone")
        size = min(len(data), self.room)
        self.sink += data[:size]
        self.room -= size
        return size or None

    def recv_wants(self) -> Interest:
        return {3: 1}

    def send_wants(self) -> Interest:
        return {4: 4}

    async def half_close(self) -> None: ...
    async def close(self) -> None: ...
    def abort(self) -> None: ...
    def interrupt(self) -> None: ...


@pytest.fixture
def ends(tls_ca: Authority) -> tuple[TlsStream, TlsStream, Wire]:
    """Return a client, a server, and what carries the client, after the handshake."""
    up, down = Queue(), Queue()
    wire = Wire(down, up)
    client = TlsStream(wire, tls_ca.client_context(), server_name="localhost")
    server = TlsStream(Wire(up, down), tls_ca.server_context(), server_side=True)
    both = [client.handshake(), server.handshake()]
    while both:
        for protocol in list(both):
            try:
                protocol.send(None)
            except StopIteration:
                both.remove(protocol)
    return client, server, wire


def received(stream: TlsStream) -> bytes:
    """Return everything that *stream* can receive now."""
    buffer = memoryview(bytearray(1 << 20))
    size = stream.try_recv_into(buffer)
    return bytes(buffer[: size or 0])


Ends = tuple[TlsStream, TlsStream, Wire]


def test_data_is_sent_when_its_ciphertext_is(ends: Ends) -> None:
    """try_send takes nothing until the inner stream has taken all the ciphertext."""
    client, server, wire = ends
    data = memoryview(pattern(50_000))
    for room in (0, 1, 20_000):
        wire.room = room
        assert client.try_send(data) is None
    wire.room = 1 << 30
    assert client.try_send(data) == len(data)
    assert received(server) == data


def test_receiver_says_what_is_unsent(ends: Ends) -> None:
    """While ciphertext is unsent, receiving waits for room too, and pushes it out."""
    client, server, wire = ends
    wire.room = 10
    assert client.try_send(memoryview(b"hello")) is None
    assert client.recv_wants() == {3: 1, 4: 4}
    wire.room = 1 << 30
    assert received(client) == b""
    assert client.recv_wants() == {3: 1}
    assert received(server) == b"hello"


def test_retry_with_less(ends: Ends) -> None:
    """A sender that comes back with a part of its data gets each byte confirmed once."""
    client, server, wire = ends
    wire.room = 10
    assert client.try_send(memoryview(b"hello world")) is None
    wire.room = 1 << 30
    assert client.try_send(memoryview(b"hello")) == 5
    assert client.try_send(memoryview(b" world!")) == 6
    assert client.try_send(memoryview(b"!")) == 1
    assert received(server) == b"hello world!"


def test_sender_that_gave_up(ends: Ends) -> None:
    """Other data after a send that timed out follows what was encrypted then; none is lost."""
    client, server, wire = ends
    wire.room = 10
    assert client.try_send(memoryview(b"timed out ")) is None
    wire.room = 1 << 30
    assert client.try_send(memoryview(b"new")) == 3
    assert received(server) == b"timed out new"


def test_half_close_sends_what_is_unsent(ends: Ends) -> None:
    """half_close pushes ciphertext that is left, then close_notify."""
    client, server, wire = ends
    wire.room = 10
    assert client.try_send(memoryview(b"left")) is None
    wire.room = 1 << 30
    blocking.run(client.half_close())
    assert received(server) == b"left"
    assert server.try_recv_into(memoryview(bytearray(1))) == 0
    with pytest.raises(BrokenPipeError):
        client.try_send(memoryview(b"more"))


def test_small_receives(ends: Ends) -> None:
    """A record is received in pieces of any size, before and after our half-close."""
    client, server, _ = ends
    server.try_send(memoryview(b"abc"))
    one = memoryview(bytearray(1))
    assert (client.try_recv_into(one), bytes(one)) == (1, b"a")
    blocking.run(client.half_close())
    assert (client.try_recv_into(one), bytes(one)) == (1, b"b")
    assert received(client) == b"c"
    assert client.try_recv_into(one) is None


def test_last_words_of_who_has_gone(tls_ca: Authority) -> None:
    """Why a peer has closed, which its alert says, is told rather than that it takes no more."""
    up, down = Queue(), Queue()
    wire = Wire(down, up)
    context = tls_ca.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(tls_ca.ca_file))
    client = TlsStream(wire, tls_ca.client_context(), server_name="localhost")
    server = TlsStream(Wire(up, down), context, server_side=True)
    while client.shake():
        server.shake()
    with pytest.raises(ssl.SSLError):  # the client has no certificate, which TLS 1.3 tells late
        server.shake()
    wire.gone = True
    with pytest.raises(BrokenPipeError):
        client.try_send(memoryview(b"question"))
    with pytest.raises(ssl.SSLError, match="certificate required"):
        client.try_recv_into(memoryview(bytearray(9)))
    with pytest.raises(ssl.SSLError, match="certificate required"):
        client.try_recv_into(memoryview(bytearray(9)))


def test_nothing_more_of_who_has_gone(ends: Ends) -> None:
    """Where a peer that has closed said nothing else, that it takes no more is the error."""
    client, _, wire = ends
    wire.gone = True
    with pytest.raises(BrokenPipeError):
        client.try_send(memoryview(b"question"))
    wire.source.clear()
    with pytest.raises(BrokenPipeError):
        client.try_recv_into(memoryview(bytearray(9)))
