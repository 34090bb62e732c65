"""tcp, tcp4 and tcp6: connecting, and what the peer's ends look like."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from peers import Conversation, StartPeer, echo
from programs import need, serving
from ways import WAYS, Way

import fildes
from fildes.drivers import blocking
from fildes.waiting import Interest


def reset_when_told(talk: Conversation) -> None:
    talk.recv_until(b"!")
    talk.rst()


def ten_and_reset(talk: Conversation) -> None:
    talk.send(b"0123456789")
    talk.rst()


def ten_then_reset(talk: Conversation) -> None:
    talk.send(b"0123456789")
    talk.recv_until(b"!")  # the ten are read: a reset overtakes what is still queued
    talk.rst()


def send(f: fildes.BufferedFile, data: bytes) -> None:
    f.write(data)
    f.half_close()


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A listener whose backlog is full: connecting to it gets no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener


def test_conversation(peer: StartPeer) -> None:
    """What is written comes back, and half-close is the end of it."""
    server = peer(echo)
    with fildes.open(server.address()) as f:
        f.write(b"hello\n")
        assert f.readline() == b"hello\n"
        f.write(b"more")
        f.half_close()
        assert f.read() == b"more"
    assert server.received == b"hello\nmore"


def test_ipv4_only(peer: StartPeer) -> None:
    """tcp4 connects by IPv4, by name and by literal."""
    server = peer(echo, repeat=True)
    for name in ("localhost", "127.0.0.1"):
        with fildes.open(f"tcp4://{name}:{server.port}") as f:
            assert f.peer == f"tcp://127.0.0.1:{server.port}"


def test_ipv6_only(peer: StartPeer) -> None:
    """tcp6 connects by IPv6, and asks the resolver for nothing else."""
    server = peer(echo, family=socket.AF_INET6)
    with fildes.open(f"tcp6://[::1]:{server.port}") as f:
        assert f.peer == f"tcp://[::1]:{server.port}"


def test_other_family_is_not_tried(peer: StartPeer) -> None:
    """tcp6 does not resolve an IPv4 literal to anything."""
    with pytest.raises(socket.gaierror):
        fildes.open("tcp6://127.0.0.1:9")


def test_refused_names_the_address() -> None:
    """S1: connection refused says where, in which step, and what to do."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(ConnectionRefusedError) as caught:
            fildes.open(address)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (caught.value.errno, caught.value.filename) == (errno.ECONNREFUSED, address)
    assert (failure.step, failure.address) == ("connect", address)
    assert "nothing listens there" in failure.advice


def test_full_backlog_ends_at_the_deadline(full: socket.socket) -> None:
    """S2: a host that does not answer is given up when the time is over."""
    address = f"tcp://127.0.0.1:{full.getsockname()[1]}"
    with pytest.raises(TimeoutError) as caught:
        fildes.open(address, timeout=0.1)
    assert caught.value.errno == errno.ETIMEDOUT
    assert caught.value.filename == address


@pytest.mark.slow
def test_black_hole_does_not_hold_up_the_second_address(
    full: socket.socket, peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3: an address without an answer loses against the next one, and is closed."""
    server = peer(echo)
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", each)
        for each in (full.getsockname(), server.name)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: found)
    with fildes.open(f"tcp://two.example:{server.port}", timeout=5) as f:
        assert f.peer == server.address()
        connects = [step for step in f.trace if step.name == "connect"]
    assert sum(step.seconds for step in connects if not step.error) < 5


def test_every_failed_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """S4: when all addresses fail, one error tells of each attempt."""
    with socket.socket() as one, socket.socket(socket.AF_INET6) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("::1", 0))
        found = [
            (sock.family, socket.SOCK_STREAM, 6, "", sock.getsockname()) for sock in (one, two)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: found)
        with pytest.raises(ConnectionRefusedError) as caught:
            fildes.open("tcp://two.example:9")
        names = [f"127.0.0.1:{found[0][4][1]}", f"[::1]:{found[1][4][1]}"]
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert [getattr(each, "filename", "") for each in failure.attempts] == names
    assert all(name in str(caught.value) for name in names)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


@pytest.mark.parametrize("way", WAYS[:9], ids=lambda way: way.__name__)
def test_reset_is_no_end_of_file(peer: StartPeer, way: Way) -> None:
    """S6: after ten bytes and a reset every way of reading raises, again and again."""
    server = peer(ten_then_reset)
    with fildes.open(server.address()) as f:
        assert f.read(10) == b"0123456789"
        f.write(b"!")
        f.flush()
        with pytest.raises(ConnectionResetError):
            way(f, bytearray())
        if way.__name__ != "os_read":  # there the kernel is asked, who says it once
            with pytest.raises(ConnectionResetError):
                f.read()
        f.abort()


@pytest.mark.parametrize("buffering", [0, -1])
def test_reset_before_the_connect_was_seen(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch, buffering: int
) -> None:
    """A peer may send and reset before we look: its bytes come, and then the reset."""
    server = peer(ten_and_reset)
    wait = blocking.wait

    def wait_late(interest: Interest, timeout: float | None = None) -> dict[int, int]:
        server.wait()
        return wait(interest, timeout)

    monkeypatch.setattr(blocking, "wait", wait_late)
    with fildes.open(server.address(), buffering=buffering) as f:
        assert f.read(10) == b"0123456789"
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                f.read(1)


def test_reset_reaches_a_program(peer: StartPeer) -> None:
    """S6: a program that reads the bare descriptor sees the reset, too."""
    server = peer(ten_then_reset)
    with fildes.open(server.address()) as f:
        assert f.read(10) == b"0123456789"
        f.write(b"!")
        f.flush()
        done = subprocess.run(["cat"], stdin=f, capture_output=True, check=False)
        f.abort()
    assert done.returncode == 1
    assert os.strerror(errno.ECONNRESET).encode() in done.stderr


def test_writing_goes_on_after_the_peer_s_end(peer: StartPeer) -> None:
    """S7: the peer's end of file leaves our direction as it was."""

    def script(talk: Conversation) -> None:
        talk.fin()
        assert talk.recv_all() == b"still here"

    server = peer(script)
    with fildes.open(server.address()) as f:
        assert f.read() == b""
        f.write(b"still here")
    server.wait()


def test_writing_to_a_closed_peer_is_an_error(peer: StartPeer) -> None:
    """S8: what the peer can no longer take is not silently accepted for ever."""
    server = peer(reset_when_told)
    f = fildes.open(server.address(), buffering=0)
    f.write(b"!")
    server.wait()
    with pytest.raises((BrokenPipeError, ConnectionResetError)) as caught, f:
        f.write(b"x")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "write"


def test_close_tells_of_a_reset(peer: StartPeer) -> None:
    """A file that was written and reset does not close as if all were well."""
    server = peer(reset_when_told)
    f = fildes.open(server.address())
    f.write(b"!")
    f.flush()
    server.wait()
    with pytest.raises(ConnectionResetError):
        f.close()
    assert f.closed


def test_peer_is_known_after_a_reset(peer: StartPeer) -> None:
    """A file can say whom it talked to when the kernel cannot any more."""
    server = peer(reset_when_told)
    f = fildes.open(server.address())
    f.write(b"!")
    f.flush()
    server.wait()
    assert f.peer == server.address()
    f.abort()
    assert (f.peer, f.local) == (server.address(), None)


def test_abort_resets(peer: StartPeer) -> None:
    """The peer of an aborted file gets ECONNRESET, no end of file."""
    server = peer(echo)
    fildes.open(server.address()).abort()
    server.wait()
    assert isinstance(server.errors[0], ConnectionResetError)


def test_options(peer: StartPeer) -> None:
    """nodelay, keepalive and bind are what the address says, or else the call."""
    server = peer(echo, repeat=True)
    address = server.address(path="?nodelay=off&bind=127.0.0.2")
    with (
        fildes.open(address, tcp={"keepalive": True, "nodelay": True}) as f,
        socket.socket(fileno=os.dup(f.fileno())) as sock,
    ):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockname()[0] == "127.0.0.2"


def test_descriptor_is_blocking_and_private(peer: StartPeer) -> None:
    """The descriptor handed out is in blocking mode, and not inherited by chance."""
    server = peer(echo)
    with fildes.open(server.address()) as f:
        assert os.get_blocking(f.fileno())
        assert not os.get_inheritable(f.fileno())


def test_program_talks_over_the_descriptor(peer: StartPeer) -> None:
    """A program can have the conversation as its standard input and output."""
    server = peer(lambda talk: talk.send(talk.recv_exactly(3)[::-1]))
    with fildes.open(server.address()) as f:
        code = "import os; os.write(1, b'abc'); os._exit(os.read(0, 9) != b'cba')"
        done = subprocess.run([sys.executable, "-c", code], stdin=f, stdout=f, check=False)
    assert done.returncode == 0


def test_socat_as_peer() -> None:
    """An echo server that others wrote agrees on half-close."""
    socat = need("socat")
    data = os.urandom(300_000)
    with (
        serving(lambda port: [socat, f"TCP-LISTEN:{port},bind=127.0.0.1", "EXEC:cat"]) as port,
        fildes.open(f"tcp://127.0.0.1:{port}") as f,
    ):
        sender = threading.Thread(target=send, args=(f, data))
        sender.start()
        assert f.read() == data
        sender.join()
