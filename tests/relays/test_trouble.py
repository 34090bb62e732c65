"""`fildes relay` and `fildes serve` in trouble: signals, no descriptors, nobody there."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import LIMIT, start
from relay_commands import exchange, relay_running
from relay_ends import recv_all
from soaking import held

pytestmark = pytest.mark.slow

#: Both commands, each of which gives back what it gets.
SERVERS = {
    "relay": ["relay", "tcp-listen://127.0.0.1:0", "exec:cat"],
    "relay of two": ["relay", "tcp-listen://127.0.0.1:0", "tcp://127.0.0.1:{target}"],
    "serve": ["serve", "tcp://127.0.0.1:0", "--", "cat"],
}
#: What ends which of them; to `fildes serve` SIGHUP says to read certificates again.
ENDING = (signal.SIGTERM, signal.SIGINT)
ENDED_BY = [(name, number) for name in SERVERS for number in (*ENDING, signal.SIGHUP)][:-1]

#: Seconds of processor time that waiting may take, of which there are some: 5 %.
WAITING_SHARE = 0.05

TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A command that listens at `port`."""

    process: Any  # a Popen whose output is a pipe, and which was started with a list

    def __init__(self, process: subprocess.Popen[bytes], target: socket.socket) -> None:
        self.process, self.target = process, target
        line = b""
        assert process.stdout is not None
        while b"127.0.0.1:" not in line:
            line = process.stdout.readline()
            assert line, "it ended before it listened"
        self.port = int(line.strip().rpartition(b":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)

    def cpu_seconds(self) -> float:
        """Return the processor time so far; proc_pid_stat(5)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


StartServer = Callable[[str], Server]


@pytest.fixture
def start_server(nothing_left_behind: None) -> Iterator[StartServer]:
    """Start commands by name; standard error goes the way of standard output."""
    with contextlib.ExitStack() as stack:

        def begin(name: str) -> Server:
            target = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            argv = [word.format(target=target.getsockname()[1]) for word in SERVERS[name]]
            how = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
            process = stack.enter_context(start(*argv, **how))
            stack.callback(process.kill)
            return Server(process, target)

        yield begin


def nothing(server: Server) -> None:
    """It has only just begun to listen."""


def connected(server: Server) -> socket.socket:
    """Somebody has connected, and said nothing."""
    return server.connect()


def moving(server: Server) -> socket.socket:
    """Bytes have gone there and back, and some more are under way."""
    client = server.connect()
    if server.process.args[3] == "relay" and "exec:cat" not in server.process.args:
        return client
    assert exchange(client, b"hello") == b"hello"
    client.sendall(bytes(1000))
    return client


@pytest.mark.parametrize("moment", [nothing, connected, moving], ids=lambda each: each.__name__)
@pytest.mark.parametrize(("name", "number"), ENDED_BY, ids=str)
def test_one_signal_and_the_last_client(
    name: str,
    number: signal.Signals,
    moment: Callable[[Server], socket.socket | None],
    start_server: StartServer,
) -> None:
    """At whatever moment it is told to end, it ends in order once its clients have."""
    server = start_server(name)
    client = moment(server)
    server.process.send_signal(number)
    if client is not None:
        with client, contextlib.suppress(ConnectionResetError):
            client.shutdown(socket.SHUT_WR)
            if name == "relay of two":
                server.target.settimeout(LIMIT)
                server.target.accept()[0].close()
            recv_all(client)
    assert server.process.wait(LIMIT) == 0
    assert b"Traceback" not in server.process.stdout.read()


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
@pytest.mark.parametrize("name", SERVERS)
def test_two_signals(name: str, number: signal.Signals, start_server: StartServer) -> None:
    """The second one ends it at once, by itself, and its clients learn that this is no end."""
    server = start_server(name)
    with moving(server) as client:
        server.process.send_signal(number)
        while is_listening(server):
            pass
        server.process.send_signal(number)
        assert server.process.wait(LIMIT) == -number
        if name != "serve":  # its program has ended, which is an end
            with pytest.raises(ConnectionResetError):
                recv_all(client)
    assert b"Traceback" not in server.process.stdout.read()


def is_listening(server: Server) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", server.port)) == 0


@pytest.mark.parametrize("name", SERVERS)
def test_no_descriptor_left(name: str, start_server: StartServer) -> None:
    """L1: whoever cannot be accepted is turned away in the end, without spinning meanwhile.

    When there are descriptors again, clients are served as before.
    """
    server = start_server(name)
    pid = server.process.pid
    used = max(int(each) for each in os.listdir(f"/proc/{pid}/fd")) + 1
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, hard))
    before = held(pid, 0, 0)
    spent, since = server.cpu_seconds(), os.times().elapsed
    for _ in range(2):
        with server.connect() as client, contextlib.suppress(ConnectionResetError):
            assert recv_all(client) == b""
    spent, passed = server.cpu_seconds() - spent, os.times().elapsed - since
    assert passed > 1  # it was patient
    assert spent <= WAITING_SHARE * passed + 2 / TICKS
    # One is missing while the reserved one is taken up again.
    assert held(pid, 0, 0).descriptors <= before.descriptors
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    with server.connect() as client:
        if name == "relay of two":
            server.target.settimeout(LIMIT)
            behind = server.target.accept()[0]
            with behind:
                behind.sendall(b"hello")
        else:
            client.sendall(b"hello")
        assert client.recv(5, socket.MSG_WAITALL) == b"hello"


def connect_and_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
        client.recv(1)


def test_far_side_that_refuses() -> None:
    """A thousand clients of a place that refuses are reset, and nothing is left of them."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        target = unused.getsockname()[1]
    with relay_running("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{target}") as relay:
        pid = relay.process.pid
        before = held(pid, 0, 0)
        for _ in range(1000):
            with pytest.raises(ConnectionResetError):  # be it before connect(2) has returned
                connect_and_read(relay.port)
            assert b"Connection refused" in relay.err.readline()
        after = held(pid, 0, 0)
        assert after.descriptors == before.descriptors
        assert after.memory - before.memory < 2048


def test_far_side_that_says_nothing() -> None:
    """Clients of a place that never answers are reset after --timeout, all at the same time."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as hole,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(4):  # the backlog is full: who connects now gets no answer
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(hole.getsockname())
        target = f"tcp://127.0.0.1:{hole.getsockname()[1]}"
        with relay_running("--timeout", "0.5", "tcp-listen://127.0.0.1:0", target) as relay:
            pid = relay.process.pid
            before = held(pid, 0, 0)
            clients = [
                stack.enter_context(socket.create_connection(("127.0.0.1", relay.port), LIMIT))
                for _ in range(50)
            ]
            since = os.times().elapsed
            for client in clients:
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
                assert b"time" in relay.err.readline()
            assert os.times().elapsed - since < 50 * 0.5 / 2
            assert held(pid, 0, 0).descriptors == before.descriptors


def test_nobody_reads_the_events() -> None:
    """Without a reader of its events it dies as writers to a pipe do; no client sees an end."""
    argv = ["--json", "tcp-listen://127.0.0.1:0", "exec:cat"]
    with start("relay", *argv, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(b":")[2].rstrip(b'"}\n'))
        process.stdout.close()
        # It may be told of before it has even seen that it is connected.
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", port), LIMIT) as client,
        ):
            recv_all(client)
        assert process.wait(LIMIT) == -signal.SIGPIPE


def test_nobody_reads_the_messages() -> None:
    """Without a reader of standard error it serves on, and its status is that of the relay."""
    with relay_running("-v", "tcp-listen://127.0.0.1:0", "exec:cat") as relay:
        relay.err.close()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", relay.port), LIMIT) as client:
                assert exchange(client, b"hello") == b"hello"
        relay.process.terminate()
        assert relay.wait() == 0
