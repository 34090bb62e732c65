"""What a listener for datagrams lets in, and what ends it."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from datagram_clients import client

import fildes


@pytest.fixture
def listener() -> Iterator[Any]:
    with fildes.listen("udp://127.0.0.1:0") as listener:
        yield listener


def test_limits_of_conversations() -> None:
    """More senders than there may be at once wait; an end lets the next one in."""
    with (
        fildes.listen("udp://127.0.0.1:0", max_connections=1) as listener,
        client(listener, b"one"),
        client(listener, b"two", b"three"),
    ):
        with listener.accept(timeout=20), pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        with listener.accept(timeout=20) as f:
            assert [f.read(99), f.read(99)] == [b"two", b"three"]
    with fildes.listen("udp://127.0.0.1:0") as listener:
        assert listener.acceptor.admission is not None
        assert listener.acceptor.admission.limits.connections == 512


def test_networks_that_are_allowed() -> None:
    """UDP4RANGE: datagrams from elsewhere are dropped, and cost no descriptor."""
    with (
        fildes.listen("udp://127.0.0.1:0", allow=["10.0.0.0/8"]) as listener,
        client(listener, b"one"),
    ):
        before = os.listdir("/proc/self/fd")
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        assert os.listdir("/proc/self/fd") == before


def test_port_in_use_is_said(listener: Any) -> None:
    """Two listeners at one port are an error, unless both want it."""
    with pytest.raises(OSError) as caught:
        fildes.listen(listener.address)
    assert caught.value.errno == errno.EADDRINUSE
    with fildes.listen("udp-listen://127.0.0.1:0?reuseport=on") as first:
        port = first.address.rpartition(":")[2]
        fildes.listen(f"udp-listen://127.0.0.1:{port}?reuseport=on").close()


def test_without_a_host_it_is_loopback() -> None:
    """L12: a listener without a host is on loopback in both families, on one port."""
    with fildes.listen("udp://:0") as listener:
        names = [sock.getsockname()[:2] for sock in listener.acceptor.sockets]
        assert {host for host, _ in names} == {"127.0.0.1", "::1"}
        with client(listener, b"one", host="::1"), listener.accept(timeout=20) as f:
            assert f.read(99) == b"one"


def test_close_ends_the_iteration(listener: Any) -> None:
    """Closing from another thread wakes an accept that waits, and the loop ends."""
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.extend([*listener, "end"]))
    thread.start()
    listener.close()
    thread.join(20)
    assert ended == ["end"]


def test_without_descriptors_nothing_is_lost(
    listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L1: where a socket cannot be made now, the datagram waits, too."""
    failures = [errno.EMFILE, errno.ENOBUFS]

    class Exhausted(socket.socket):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            if failures:
                raise OSError(failures[0], os.strerror(failures.pop(0)))
            super().__init__(*arguments, **named)

    with client(listener, b"one", b"two"), monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Exhausted)
        with listener.accept(timeout=20) as f:
            assert [f.read(99), f.read(99)] == [b"one", b"two"]
    assert failures == []
