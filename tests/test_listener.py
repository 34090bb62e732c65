"""Listening: where, for whom, and what ends it."""

from __future__ import annotations

import errno
import itertools
import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from leaks import open_descriptors

import fildes
from fildes.drivers import blocking
from fildes.listener import Listener
from fildes.listening import accepting, tcp, troubles
from fildes.opening import resolving
from fildes.waiting import WaitAny


def greet(address: str) -> Any:
    f = fildes.open(address)
    f.write(b"hello\n")
    f.flush()
    return f


ADDRESSES = ["tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://localhost:0", "tcp4://:0", "tcp6://:0"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_accepted_connection_is_a_file(address: str) -> None:
    """The listener's address is openable, and what is accepted is the other end."""
    with (
        fildes.listen(address) as listener,
        greet(listener.address) as ours,
        listener.accept(timeout=20) as theirs,
    ):
        assert theirs.readline() == b"hello\n"
        assert (theirs.peer, theirs.local) == (ours.local, ours.peer)
        assert theirs.address == listener.address


def test_without_a_host_it_is_loopback() -> None:
    """L12: a listener without a host is on loopback in both families, on one port."""
    with fildes.listen("tcp://:0") as listener:
        names = [sock.getsockname()[:2] for sock in listener.acceptor.sockets]
    assert {host for host, _ in names} == {"127.0.0.1", "::1"}
    assert len({port for _, port in names}) == 1


def test_all_its_sockets_accept() -> None:
    """Connections to every address of a listener arrive; its descriptor polls for all."""
    with fildes.listen("tcp://:0") as listener:
        port = listener.address.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            with fildes.open(f"tcp://{host}:{port}") as f:
                assert select.select([listener], [], [], 20)[0] == [listener]
                with listener.accept(timeout=20) as accepted:
                    assert accepted.peer == f.local
        assert select.select([listener], [], [], 0)[0] == []


def test_arguments_are_those_of_open() -> None:
    """Mode, buffering and the rest are of each accepted connection."""
    with (
        fildes.listen("tcp://127.0.0.1:0", "r+t", encoding="latin-1", newline="\r\n") as listener,
        fildes.open(listener.address) as ours,
    ):
        with listener.accept(timeout=20) as theirs:
            theirs.write("ä\n")
        assert ours.read() == b"\xe4\r\n"


def test_port_in_use_is_said() -> None:
    """A port that somebody has is EADDRINUSE, with the address."""
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        with pytest.raises(OSError) as caught:
            fildes.listen(listener.address)
        failure = fildes.failure_of(caught.value)
        assert failure is not None
        assert (caught.value.errno, failure.step) == (errno.EADDRINUSE, "listen")


def test_port_can_be_used_again_at_once() -> None:
    """A server that ended first does not block its port."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, fildes.open(listener.address) as ours:
        listener.accept(timeout=20).close()
        assert ours.read() == b""
        address = listener.address
    fildes.listen(address).close()


def test_foreign_address_is_said() -> None:
    """An address that this machine does not have is EADDRNOTAVAIL."""
    with pytest.raises(OSError) as caught:
        fildes.listen("tcp://192.0.2.1:0")
    assert caught.value.errno == errno.EADDRNOTAVAIL
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.advice == "no interface of this machine has that address"


@pytest.mark.parametrize(("port", "advice"), [(80, tcp.LOW_PORT), (1024, None)])
def test_low_ports_are_not_for_everybody(port: int, advice: str | None) -> None:
    """Who may not listen at a port below 1024 is told why."""

    def refuse(sock: socket.socket, sockaddr: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    place = resolving.Candidate(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))
    with pytest.raises(PermissionError) as caught:
        tcp.bind_one(place, port, refuse)
    assert getattr(caught.value, "advice", None) == advice


@pytest.mark.parametrize("address", ["exec:cat", "./x", "stdio:"])
def test_not_everything_can_be_listened_at(address: str) -> None:
    """Where nobody can connect to, the error says so."""
    with pytest.raises(OSError, match="cannot be listened at"):
        fildes.listen(address)


def test_accept_ends_with_its_timeout() -> None:
    """An accept without a client is a TimeoutError, and the listener goes on."""
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        greet(listener.address).abort()
        listener.accept(timeout=20).abort()


@pytest.mark.parametrize("address", ["tcp://:0", "unix:@fildes-test-close"])
def test_close_ends_the_iteration(address: str) -> None:
    """Closing from another thread wakes a blocked accept, and the loop ends."""
    listener = fildes.listen(address)
    accepted: list[bytes] = []
    first = threading.Event()

    def serve() -> None:
        for f in listener:
            with f:
                accepted.append(f.readline())
                first.set()

    server = threading.Thread(target=serve)
    server.start()
    greet(listener.address).close()
    assert first.wait(20)
    listener.close()
    server.join(20)
    assert not server.is_alive()
    assert accepted == [b"hello\n"]


def test_close_in_a_signal_handler() -> None:
    """A signal handler may close the listener that its thread waits for."""
    listener = fildes.listen("tcp://127.0.0.1:0")
    before = signal.signal(signal.SIGALRM, lambda *_: listener.close())
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        assert list(listener) == []
    finally:
        signal.signal(signal.SIGALRM, before)


def test_closed_listener() -> None:
    """After close, accept and fileno raise ValueError, and close does nothing."""
    listener = fildes.listen("tcp://127.0.0.1:0")
    listener.close()
    listener.close()
    for use in (listener.accept, listener.fileno):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert list(listener) == []
    assert "closed" in repr(listener)


def test_forgotten_listener_warns() -> None:
    """A listener that is dropped open warns and is closed."""
    listener = fildes.listen("tcp://127.0.0.1:0")
    with pytest.warns(ResourceWarning, match="unclosed"):
        del listener


def refuse(listener: Listener[Any], errors: list[int]) -> None:
    """Let accept(2) of *listener*'s only socket fail with *errors* first."""
    take = next(listener.acceptor.turns)

    def refusing() -> tuple[socket.SocketType, Any]:
        if errors:
            number = errors.pop(0)
            raise OSError(number, os.strerror(number))
        return take()

    listener.acceptor.turns = itertools.repeat(refusing)


@pytest.mark.parametrize("number", sorted(troubles.PASSING), ids=errno.errorcode.get)
def test_spoilt_connection_is_passed_over(number: int) -> None:
    """An error of one connection is not one of the listener."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, fildes.open(listener.address):
        refuse(listener, [number, number])
        listener.accept(timeout=20).close()


def test_strange_error_is_raised() -> None:
    """An error that says nothing about a connection is not swallowed."""
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        refuse(listener, [errno.EFAULT])
        with pytest.raises(OSError) as caught:
            listener.accept(timeout=20)
        assert caught.value.errno == errno.EFAULT


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the pauses of the listener, which then take no time."""
    taken: list[float] = []
    genuine = blocking._answer

    def answer(request: Any, *limits: float | None) -> Any:
        if isinstance(request, WaitAny) and request.timeout is not None:
            taken.append(request.timeout)
            return {}
        return genuine(request, *limits)

    monkeypatch.setattr(blocking, "_answer", answer)
    return taken


@pytest.mark.parametrize("number", sorted(troubles.EXHAUSTED), ids=errno.errorcode.get)
def test_exhausted_listener_pauses(number: int, pauses: list[float]) -> None:
    """L1: without descriptors or memory it pauses, longer each time, and then goes on."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, fildes.open(listener.address):
        refuse(listener, [number] * 4)
        listener.accept(timeout=20).close()
    assert pauses == [0.005, 0.01, 0.02, 0.04]


@pytest.mark.parametrize("make", [lambda: fildes.listen("tcp://:0")])
def test_failed_listen_leaves_nothing(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A listen that fails late has closed what it opened."""

    def fail() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(accepting, "reserved", fail)
    before = open_descriptors()
    with pytest.raises(OSError):
        make()
    with pytest.raises(OSError):
        fildes.listen(f"unix:{tmp_path}/s")
    assert open_descriptors() == before
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("scheme", ["tcp-listen", "udp-listen"])
def test_every_address_of_both_families(scheme: str) -> None:
    """With ipv4 what listens at every IPv6 address does so at every IPv4 address, at one port."""
    with fildes.listen(f"{scheme}://[::]:0?ipv4=on") as listener:
        names = {sock.getsockname()[:2] for sock in listener.acceptor.sockets}
        port = int(listener.address.rpartition(":")[2])
        assert names == {("::", port), ("0.0.0.0", port)}


@pytest.mark.parametrize("host", ["", "[::1]", "localhost"])
def test_ipv4_is_for_every_address(host: str) -> None:
    """Beside any other host IPv4 is a name of its own, or is there anyway."""
    with pytest.raises(fildes.AddressError, match="for the host"):
        fildes.listen(f"tcp-listen://{host}:0?ipv4=on")
