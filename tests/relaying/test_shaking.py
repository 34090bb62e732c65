"""Handshakes of a relay's clients: each by itself, within its time, and no packet too many."""

from __future__ import annotations

import socket
import ssl
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from authority import Authority
from fault_proxy import reset
from leaks import uncollected
from peers import LIMIT
from until import run_until

import fildes
from fildes.drivers.loop import Loop
from fildes.errors import failure_of
from fildes.listening import admission
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.dialing import opener_of
from fildes.relaying.service import Service
from fildes.tls.engine import TlsEngine
from fildes.verbs import prepare


class Log(Observer):
    """The errors of what is over."""

    def __init__(self) -> None:
        self.errors: list[Exception | None] = []

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.errors.append(error)


class Bench(NamedTuple):
    """A loop with a relay that ends TLS, and leads to *behind*."""

    loop: Loop
    service: Service
    log: Log
    behind: socket.socket

    def run(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so."""
        run_until(self.loop, until)

    def connect(self) -> socket.socket:
        """Return a client that has said nothing yet."""
        return socket.create_connection(self.service.acceptor.sockets[0].getsockname(), LIMIT)

    def shaken(self, client: Client) -> None:
        """Do the handshake of *client*."""
        while not client.engine.handshake():
            client.send()
            self.run(client.receive)
        client.send()


class Client:
    """A client whose TLS is done by hand, so that each of its receives is seen."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self.engine = TlsEngine(context, "localhost", server_side=False)

    def send(self) -> None:
        self.sock.sendall(self.engine.outgoing.read())

    def receive(self) -> bool:
        """Take what has come; whether there was anything."""
        self.sock.setblocking(False)
        try:
            self.engine.incoming.write(self.sock.recv(65536))
        except BlockingIOError:
            return False
        finally:
            self.sock.settimeout(LIMIT)
        return True


StartBench = Callable[..., Bench]


@pytest.fixture
def start_bench(tls_ca: Authority, nothing_left_behind: None) -> Iterator[StartBench]:
    """Start a relay whose listener has what options it is given."""
    me = tls_ca.localhost
    with Loop() as loop, socket.create_server(("127.0.0.1", 0)) as behind:
        started = []

        def start(query: str = "", **options: Any) -> Bench:
            listener = fildes.listen(
                f"tls://127.0.0.1:0{query}",
                **options,
                tls={"cert": str(me.cert_file), "key": str(me.key_file)},
            )
            target = f"tcp://127.0.0.1:{behind.getsockname()[1]}"
            opening, _ = prepare(target, "r+b", None, {})
            open_far = opener_of(opening.address, opening.policy, opening.options)
            log = Log()
            service = Service(loop, listener.acceptor, open_far, log)
            started.append((service, listener))
            return Bench(loop, service, log, behind)

        yield start
        for service, listener in started:
            service.close()
            listener.close()


def test_nothing_is_sent_for_tickets_alone(start_bench: StartBench, tls_ca: Authority) -> None:
    """Tickets for the next handshake come with the first data, and are good."""
    bench = start_bench()
    context = tls_ca.client_context()
    with bench.connect() as sock:
        client = Client(sock, context)
        bench.shaken(client)
        bench.run(lambda: all(each.far is not None for each in bench.service.connections))
        assert not client.receive()
        server, _ = bench.behind.accept()
        with server:
            server.send(b"first")
            bench.run(client.receive)
            room = memoryview(bytearray(100))
            assert client.engine.decrypt_into(room) == 5
        session = client.engine.tls.session
        assert session is not None
        assert session.has_ticket
    with bench.connect() as sock:
        again = Client(sock, context)
        again.engine.tls.session = session
        bench.shaken(again)
        assert again.engine.tls.session_reused


def test_end_of_a_handshake_is_acknowledged(start_bench: StartBench, tls_ca: Authority) -> None:
    """A client that waits for that before it says more (Nagle, RFC 896) does not wait long."""
    bench = start_bench()
    with bench.connect() as sock:
        client = Client(sock, tls_ca.client_context())
        while not client.engine.handshake():
            client.send()
            bench.run(client.receive)
        (connection,) = bench.service.connections
        near: Any = connection.near
        before = segments_sent(near.inner.sock)
        client.send()
        bench.run(lambda: connection.far is not None)
        assert segments_sent(near.inner.sock) == before + 1
        assert not client.receive()  # it has no data


def segments_sent(sock: socket.socket) -> int:
    """Return how many segments *sock* has sent, those without data too: tcpi_segs_out."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 140)
    return int.from_bytes(info[136:140], sys.byteorder)


def test_silent_client_is_refused(start_bench: StartBench) -> None:
    """Who says nothing within the time for a handshake is cut; others come in meanwhile."""
    bench = start_bench(handshake_timeout=0.05)
    with bench.connect() as silent:
        bench.run(lambda: bool(bench.log.errors))
        with pytest.raises(ConnectionResetError):
            silent.recv(1)
    assert isinstance(bench.log.errors[0], TimeoutError)
    assert not bench.service.connections


def test_slow_client_delays_nobody(start_bench: StartBench, tls_ca: Authority) -> None:
    """While one client says nothing another one's handshake goes on."""
    bench = start_bench()
    with bench.connect(), bench.connect() as sock:
        bench.shaken(Client(sock, tls_ca.client_context()))
        bench.run(lambda: any(each.far is not None for each in bench.service.connections))
    bench.run(lambda: not bench.service.connections)


def test_end_in_the_middle(start_bench: StartBench) -> None:
    """A client that goes before its handshake is done is a failure, and costs nothing more."""
    bench = start_bench()
    with bench.connect() as sock:
        sock.send(b"\x16\x03\x01")
    bench.run(lambda: bool(bench.log.errors))
    assert isinstance(bench.log.errors[0], ssl.SSLError)


def test_reset_leaves_no_circle(start_bench: StartBench, tls_ca: Authority) -> None:
    """What a connection under TLS took is free when it is reset, not when somebody collects."""
    bench = start_bench()
    with bench.connect() as sock, uncollected():
        bench.shaken(Client(sock, tls_ca.client_context()))
        bench.run(lambda: all(each.far is not None for each in bench.service.connections))
        (near,) = (weakref.ref(each.near) for each in bench.service.connections)
        reset(sock)
        bench.run(lambda: bool(bench.log.errors))
        assert near() is None


@pytest.mark.parametrize(("said", "advice"), [
    (b"GET / HTTP/1.0\r\n\r\n", "the client speaks plain HTTP"),
    (b"SSH-2.0-me\r\n", "the client does not speak TLS"),
    (b"", "the client hung up"),
])  # fmt: skip
def test_client_is_to_blame(said: bytes, advice: str, start_bench: StartBench) -> None:
    """A handshake that fails is the client's, by its address, and no fault of the far side."""
    bench = start_bench()
    with bench.connect() as sock:
        sock.send(said)
        sock.shutdown(socket.SHUT_WR)
        host, port = sock.getsockname()
        bench.run(lambda: bool(bench.log.errors))
    (error,) = bench.log.errors
    assert error is not None
    failure = failure_of(error)
    assert failure is not None
    assert (failure.step, failure.address) == ("accept", f"tcp://{host}:{port}")
    assert failure.advice.startswith(advice)
    assert bench.service.failed == {"accept": 1}


def test_what_is_wrong_is_told(start_bench: StartBench) -> None:
    """Whose handshake is none gets an alert, which arrives before the reset."""
    bench = start_bench()
    with bench.connect() as sock:
        sock.send(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")  # an empty ClientHello
        bench.run(lambda: bool(bench.log.errors))
        assert sock.recv(1) == b"\x15"  # an alert; RFC 8446 section 5.1
    assert isinstance(bench.log.errors[0], ssl.SSLError)


def test_abort_ends_handshakes(start_bench: StartBench) -> None:
    """A relay that is told to end waits for no handshake."""
    bench = start_bench()
    with bench.connect() as sock:
        bench.run(lambda: bool(bench.service.connections))
        bench.service.close()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert isinstance(bench.log.errors[0], ConnectionAbortedError)


def test_stalled_handshakes_make_room(
    start_bench: StartBench, tls_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all places are taken, a handshake that stalls gives way to whoever waits."""
    monkeypatch.setattr(admission, "GRACE", 0.02)
    monkeypatch.setattr(admission, "LOOK", 0.01)
    bench = start_bench(max_connections=2)
    with bench.connect() as stalled, bench.connect() as other:
        bench.run(lambda: len(bench.service.connections) == 2)
        with bench.connect() as sock:
            bench.shaken(Client(sock, tls_ca.client_context()))
            bench.run(lambda: any(each.far is not None for each in bench.service.connections))
            with pytest.raises(ConnectionResetError):
                stalled.recv(1)
            assert isinstance(bench.log.errors[0], TimeoutError)
            other.setblocking(False)
            with pytest.raises(BlockingIOError):  # nobody waits, so the other one goes on
                other.recv(1)


def test_stalled_headers_make_room(
    start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is so of whatever a client has to say first, the PROXY header too."""
    monkeypatch.setattr(admission, "GRACE", 0.02)
    monkeypatch.setattr(admission, "LOOK", 0.01)
    bench = start_bench("?proxy-protocol=on", max_connections=1)
    with bench.connect() as stalled, bench.connect():
        bench.run(lambda: bench.service.accepted == 2)
        with pytest.raises(ConnectionResetError):
            stalled.recv(1)
    assert isinstance(bench.log.errors[0], TimeoutError)


def test_nobody_gives_way_to_nobody(
    start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow a handshake is: where nobody waits it has its whole time."""
    monkeypatch.setattr(admission, "GRACE", 0.0)
    monkeypatch.setattr(admission, "LOOK", 0.001)
    bench = start_bench(max_connections=1)
    with bench.connect():
        bench.run(lambda: bool(bench.service.connections))
        looks: list[None] = []
        look = bench.service.greeter.room.look

        def counted() -> None:
            looks.append(None)
            look()

        monkeypatch.setattr(bench.service.greeter.room, "look", counted)
        bench.run(lambda: len(looks) > 3)
        assert not bench.log.errors
