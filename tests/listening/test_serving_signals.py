"""Signals to fildes.serve in one process: the first one stops it, the second one hurries it."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import threading
from typing import Any

import pytest

import fildes
from fildes.drivers import blocking
from fildes.serving import LOOK, Server
from fildes.waiting import READ


def answer(f: Any) -> None:
    f.write(f.readline().upper())


def test_signal_between_look_and_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal that comes just before the server waits for its handlers is not lost."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, fildes.open(listener.address) as client:
        server = Server(listener, answer)
        server.open.add(listener.accept())
        waits = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            server.stop(signal.SIGTERM)

        monkeypatch.setattr(server.changed, "wait", wait)
        server.stop(signal.SIGTERM)
        server.drain(None)
        assert waits == [LOOK]
        with pytest.raises(ConnectionResetError):
            client.read(1)


def test_first_signal_stops_and_second_hurries() -> None:
    """SIGTERM lets the handlers finish, another one aborts them; then serve returns."""
    entered, order = threading.Event(), []

    def handle(f: Any) -> None:
        if not f.read(1):
            return  # somebody has only looked whether it listens
        entered.set()
        try:
            f.read()
        finally:
            order.append("handler")

    def client(address: str) -> None:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as sock:
            sock.sendall(b"x")
            assert entered.wait(20)
            os.kill(os.getpid(), signal.SIGTERM)
            while not refused(sock):
                pass
            order.append("stopped")
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(ConnectionResetError):
                sock.recv(1)

    threads = []

    def ready(address: str) -> None:
        threads.append(threading.Thread(target=client, args=(address,)))
        threads[0].start()

    before = signal.getsignal(signal.SIGTERM)
    fildes.serve("tcp://127.0.0.1:0", handle, ready=ready, failed=lambda file, error: None)
    threads[0].join()
    assert signal.getsignal(signal.SIGTERM) is before
    assert order[0] == "stopped"


def test_signal_to_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that ends no wait, for it comes to another thread or just before, stops all."""
    monkeypatch.setattr(blocking, "LOOK", 0.01)
    threads: list[threading.Thread] = []

    def client(address: str) -> None:
        with fildes.open(address) as f:
            f.write(b"hello\n")
            assert f.readline() == b"HELLO\n"
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def ready(address: str) -> None:
        threads.append(threading.Thread(target=client, args=(address,)))
        threads[0].start()

    fildes.serve("tcp://127.0.0.1:0", answer, ready=ready)
    threads[0].join(20)


def test_thread_that_python_has_not_started(ends: tuple[socket.socket, socket.socket]) -> None:
    """To look whether it is the main one leaves no trace of a thread of a library's."""
    left, right = ends
    right.send(b"x")
    there: list[threading.Thread] = []
    before, over = threading.enumerate(), threading.Event()

    def wait() -> None:
        blocking.wait({left.fileno(): READ})
        there.extend(threading.enumerate())
        over.set()

    _thread.start_new_thread(wait, ())
    assert over.wait(20)
    assert there == before


def refused(sock: socket.socket) -> bool:
    """Tell whether nobody listens any more where *sock* has connected to."""
    with socket.socket() as another:
        return another.connect_ex(sock.getpeername()) != 0
