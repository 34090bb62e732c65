"""Who ends first leaves in order: what it has said arrives, and the peer is not reset."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from typing import Any

import pytest
from commands import LIMIT, start
from loops import LOOPS, RunLoop
from relay_commands import connect, relay_running

import fildes
import fildes.aio
from fildes.streams import parting

DATA = os.urandom(300_000)


class Speaking:
    """A server that speaks and speaks until nobody takes it, and only then listens.

    Attributes:
      heard: all that it has received; then how it ended.
      full: it can say no more.
      listens: it may begin to.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard, self.end = b"", b""
        self.full, self.listens = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        sock, _ = self.listener.accept()
        with self.listener, sock:
            sock.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    sock.send(b"noise" * 1000)
            self.full.set()
            sock.settimeout(LIMIT)
            self.listens.wait(LIMIT)
            try:
                while data := sock.recv(65536):
                    self.heard += data
                self.end = b"end of file"
            except ConnectionResetError:
                self.end = b"reset"

    def wait(self) -> bytes:
        self.thread.join(LIMIT)
        return self.end


@pytest.mark.slow
def test_first_leaves_a_speaking_server_in_order() -> None:
    """--eof first: a server that still speaks gets all that was said, and an end of file."""
    server = Speaking()
    target = f"tcp://127.0.0.1:{server.port}"
    with relay_running("--eof", "first", "tcp-listen://:0", target) as running:
        with connect(running) as sock:
            assert server.full.wait(LIMIT)
            threading.Thread(target=server.listens.set).start()
            sock.sendall(DATA)
            sock.shutdown(socket.SHUT_WR)
            assert server.wait() == b"end of file"
            assert server.heard == DATA
        running.process.terminate()
        assert running.wait() == 0


def test_first_waits_for_nobody_who_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not ended a while later is left all the same."""
    monkeypatch.setattr(parting, "LAST_WORDS", 0.0)
    listener = fildes.listen("tcp://127.0.0.1:0")
    with listener, socket.create_server(("127.0.0.1", 0)) as server:
        place = (listener, server.getsockname()[1])
        relaying = threading.Thread(target=relay_first, args=place)
        relaying.start()
        with client_of(listener) as client, accepted(server) as behind:
            client.shutdown(socket.SHUT_WR)
            assert behind.recv(1) == b""  # and says nothing, and does not end
            assert client.recv(1) == b""
            listener.close()
            relaying.join(LIMIT)
            assert not relaying.is_alive()


def relay_first(listener: Any, port: int) -> None:
    fildes.relay(listener, f"tcp://127.0.0.1:{port}", eof="first")


def client_of(listener: Any) -> socket.socket:
    port = int(listener.address.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), LIMIT)


def accepted(server: socket.socket) -> socket.socket:
    server.settimeout(LIMIT)
    sock, _ = server.accept()
    sock.settimeout(LIMIT)
    return sock


class Greeting:
    """A server that greets whoever comes, and waits for its end."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.end = b""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        with self.listener, accepted(self.listener) as sock:
            sock.sendall(b"220 welcome\r\n")
            try:
                self.end = sock.recv(1) or b"end of file"
            except ConnectionResetError:
                self.end = b"reset"

    def wait(self) -> bytes:
        self.thread.join(LIMIT)
        return self.end


def test_explain_leaves_in_order() -> None:
    """fildes.explain: a server that has greeted sees an end of file, and no reset."""
    server = Greeting()
    assert fildes.explain(f"tcp://127.0.0.1:{server.port}").error is None
    assert server.wait() == b"end of file"


@pytest.mark.parametrize("loop", LOOPS)
def test_explain_leaves_in_order_in_event_loops(loop: RunLoop) -> None:
    """So does fildes.aio.explain."""
    server = Greeting()
    assert loop(fildes.aio.explain(f"tcp://127.0.0.1:{server.port}")).error is None
    assert server.wait() == b"end of file"


@pytest.mark.slow
def test_explaining_a_relay_is_no_error_there() -> None:
    """fildes explain: the relay that was explained has nothing to complain of."""
    with relay_running("--statistics", "tcp-listen://:0", "exec:cat") as running:
        with start("explain", "--json", f"tcp://127.0.0.1:{running.port}",
                   stdout=subprocess.PIPE) as process:  # fmt: skip
            out, _ = process.communicate(timeout=LIMIT)
        assert json.loads(out)["status"] == 0
        assert b"#1 0 bytes left to right, 0 right to left" in running.err.readline()
        running.process.terminate()
        assert running.wait() == 0
