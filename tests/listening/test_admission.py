"""Who is let in: networks, connections at once, connections from one client."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
from typing import Any

import pytest
from authority import Authority
from loops import LOOPS, RunLoop
from tasks import together
from tls_listeners import options

import fildes
import fildes.aio
from fildes.listening import admission
from fildes.listening.admission import Admission, Bell, Limits, key_of

needs_socat = pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")


def port_of(listener: Any) -> int:
    return int(listener.address.rpartition(":")[2])


def connect(listener: Any, host: str = "127.0.0.1", source: str = "") -> socket.socket:
    local = (source, 0) if source else None
    return socket.create_connection((host, port_of(listener)), 20, source_address=local)


def is_refused(client: socket.socket) -> bool:
    """Tell whether a connection was reset before a byte came."""
    with client:
        try:
            return not client.recv(1)
        except ConnectionResetError:
            return True


@pytest.mark.parametrize(
    ("allow", "source", "welcome"),
    [
        (["127.0.0.0/8"], "", True),
        (["127.0.0.2/32"], "127.0.0.2", True),
        (["127.0.0.2"], "127.0.0.3", False),
        (["10.0.0.0/8", "::/0"], "", False),
        (["0.0.0.0/0"], "", True),
        ([], "", True),
    ],
)
def test_networks_that_are_allowed(allow: list[str], source: str, welcome: bool) -> None:
    """TCP4RANGE: outsiders are refused, /0 is everybody, and so is no list."""
    with fildes.listen("tcp://127.0.0.1:0", allow=allow) as listener:
        client = connect(listener, source=source)
        if welcome:
            with client, listener.accept(timeout=20) as f:
                assert f.peer == "tcp://{}:{}".format(*client.getsockname())
        else:
            while not select.select([client], [], [], 0)[0]:
                with pytest.raises(TimeoutError):
                    listener.accept(timeout=0.01)
            assert is_refused(client)


def test_network_in_the_address() -> None:
    """TCP6RANGE: the address itself may say who is let in; several networks add up."""
    with fildes.listen("tcp-listen://:0?allow=%3A%3A1&allow=10.0.0.0/8") as listener:
        refused = connect(listener)
        with connect(listener, "::1"), listener.accept(timeout=20) as f:
            assert f.peer is not None
            assert f.peer.startswith("tcp://[::1]:")
        assert is_refused(refused)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"allow": ["10.0.0.0/33"]}, "no network"),
        ({"allow": ["10.1.0.0/8"]}, "no network"),
        ({"max_connections": 0}, "a whole number from 1"),
        ({"max_per_peer": -1}, "a whole number from 1"),
    ],
)
def test_limits_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    """A limit that would let nobody in, or is none, is an error before anything is bound."""
    with pytest.raises(fildes.AddressError, match=message):
        fildes.listen("tcp://127.0.0.1:0", **given)


def test_unix_clients_have_no_address() -> None:
    """Where clients have no address there is no list of networks."""
    with pytest.raises(TypeError, match="no option 'allow'"):
        fildes.listen("unix:@fildes-test-allow", allow=["10.0.0.0/8"])


def test_connections_from_one_client() -> None:
    """Beyond its number a client is refused, others are not, and an end makes room."""
    with fildes.listen("tcp://127.0.0.1:0", max_per_peer=1) as listener:
        with connect(listener), listener.accept(timeout=20):
            second = connect(listener)
            with connect(listener, source="127.0.0.2"), listener.accept(timeout=20) as other:
                assert other.peer is not None
                assert "127.0.0.2" in other.peer
            assert is_refused(second)
        with connect(listener), listener.accept(timeout=20):
            pass


@pytest.mark.parametrize("end", ["close", "abort"])
@pytest.mark.parametrize("scheme", ["tcp://127.0.0.1:0", "unix:@fildes-test-most"])
def test_connections_at_once(end: str, scheme: str) -> None:
    """L_MAXCHILDREN: the limit holds, further clients wait, and an end lets the next one in."""
    with fildes.listen(scheme, max_connections=2) as listener, contextlib.ExitStack() as clients:
        for _ in range(4):
            clients.callback(fildes.open(listener.address).abort)
        files = [listener.accept(timeout=20) for _ in range(2)]
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        for _ in range(2):
            getattr(files.pop(), end)()
            files.append(listener.accept(timeout=20))
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        for f in files:
            f.close()


def test_end_in_another_thread_makes_room() -> None:
    """An accept that waits for room goes on when another thread closes a connection."""
    with (
        fildes.listen("tcp://127.0.0.1:0", max_connections=1) as listener,
        connect(listener),
        connect(listener) as second,
    ):
        first = listener.accept(timeout=20)
        accepted = []
        thread = threading.Thread(target=lambda: accepted.append(listener.accept(timeout=20)))
        thread.start()
        first.close()
        thread.join()
        assert accepted[0].peer == "tcp://{}:{}".format(*second.getsockname())
        accepted[0].close()


def test_stalled_handshake_makes_room(tls_ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all places are taken, a handshake that stalls gives way to whoever waits."""
    monkeypatch.setattr(admission, "GRACE", 0.02)
    monkeypatch.setattr(admission, "LOOK", 0.01)
    tls = options(tls_ca.localhost)
    with (
        fildes.listen("tls://127.0.0.1:0", max_connections=1, tls=tls) as listener,
        connect(listener) as stalled,
    ):
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0.1)  # nobody waits, so it has its time
        stalled.setblocking(False)
        with pytest.raises(BlockingIOError):
            stalled.recv(1)
        clients: list[Any] = []
        thread = threading.Thread(target=lambda: clients.append(secured(listener, tls_ca)))
        thread.start()
        with listener.accept(timeout=20):
            thread.join()
            clients[0].close()
        stalled.settimeout(20)
        assert is_refused(stalled)


def secured(listener: Any, tls_ca: Authority) -> ssl.SSLSocket:
    """Return a client that has done its handshake."""
    return tls_ca.client_context().wrap_socket(connect(listener), server_hostname="localhost")


def test_close_ends_an_accept_that_waits_for_room() -> None:
    """A listener with all its connections in use can be closed by another thread."""
    listener = fildes.listen("tcp://127.0.0.1:0", max_connections=1)
    with connect(listener), listener.accept(timeout=20):
        ended: list[object] = []
        began = threading.Event()

        def serve() -> None:
            began.set()
            ended.extend([*listener, "end"])

        thread = threading.Thread(target=serve)
        thread.start()
        assert began.wait(20)
        listener.close()
        thread.join(20)
    assert ended == ["end"]


@pytest.mark.parametrize("loop", LOOPS)
def test_end_in_another_task_makes_room(loop: RunLoop) -> None:
    """Limits hold under event loops, too."""

    async def main() -> list[str]:
        order = []
        async with fildes.aio.listen("tcp://127.0.0.1:0", max_connections=1) as listener:
            with connect(listener), connect(listener):
                first = await listener.accept(timeout=20)

                async def next_one() -> None:
                    async with await listener.accept(timeout=20):
                        order.append("accepted")

                async def leave() -> None:
                    order.append("left")
                    await first.close()

                await together(next_one, leave)
        return order

    assert loop(main()) == ["left", "accepted"]


@pytest.mark.slow
def test_refused_clients_cost_no_descriptor() -> None:
    """L4, FDLEAK: after 10,000 refused clients there are as many descriptors as before."""
    with fildes.listen("tcp://127.0.0.1:0", max_per_peer=1) as listener, connect(listener):
        count = []
        listener.acceptor.refused = lambda peer, reason: count.append(peer)
        kept = listener.accept(timeout=20)
        before = os.listdir("/proc/self/fd")
        for total in range(100, 10_001, 100):
            clients = [connect(listener) for _ in range(100)]
            while len(count) < total:
                with pytest.raises(TimeoutError):
                    listener.accept(timeout=0.01)
            for client in clients:
                client.close()
        assert len(count) == 10_000
        assert os.listdir("/proc/self/fd") == before
        kept.close()


@needs_socat
def test_socat_is_refused() -> None:
    """A client that is not allowed gets an error, and no answer."""
    with fildes.listen("tcp://127.0.0.1:0", allow=["10.0.0.0/8"]) as listener:
        ours = threading.Thread(target=lambda: list(listener))
        ours.start()
        result = subprocess.run(
            ["socat", "-", f"TCP:127.0.0.1:{port_of(listener)}"],
            input=b"hello\n",
            capture_output=True,
            timeout=60,
        )
        listener.close()
        ours.join()
    assert result.stdout == b""


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "20010db800000000"),
        ("2001:db8::ffff:2", "20010db800000000"),
        ("2001:db8:0:1::1", "20010db800000001"),
        ("fe80::1%lo", "fe80000000000000"),
        ("", ""),
    ],
)
def test_what_one_client_is(host: str, key: str) -> None:
    """An IPv4 address, whichever way it came; over IPv6 a network of 64 bits."""
    assert key_of(host) == key


def test_slots_are_released_once() -> None:
    """However often and late a connection is closed, it was one."""
    bell = Bell()
    bell.hang()
    admission = Admission(Limits(connections=1, per_peer=1), bell)
    slot = admission.admit(("127.0.0.1", 1))
    assert slot is not None
    assert admission.full
    assert admission.admit(("127.0.0.1", 2)) is None
    bell.close()
    slot.release()
    slot.release()
    assert (admission.count, dict(admission.by_peer)) == (0, {})
