"""Thousands of connections at once, through the command."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from relay_commands import relay_running
from relay_ends import pattern, recv_all
from soaking import held

pytestmark = pytest.mark.slow

COUNT = 5000

#: Descriptors of each connection in this process, which is client and server, and in the relay.
EACH = 2

#: Besides those of connections.  # arbitrary
OTHERS = 500

SIZE = 1000

#: KiB of resident memory that a connection may cost, with a question and an answer moved.
#: The goal of the benchmark, private memory of one that is idle, is less.
MEMORY_EACH = 8  # arbitrary


@pytest.fixture
def many_files(nothing_left_behind: None) -> Iterator[None]:
    """Let this process, and those that it starts, have as many descriptors as they need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = EACH * COUNT + OTHERS
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"no more than {hard} descriptors are allowed here, and it takes {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def accepted(listener: socket.socket) -> list[socket.socket]:
    """Return the connections that wait."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            sock, _ = listener.accept()
            found.append(sock)
    return found


def connected(
    port: int, listener: socket.socket, closing: contextlib.ExitStack
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return clients, each of which has said its number, and the servers they are relayed to."""
    clients: list[socket.socket] = []
    servers: list[socket.socket] = []
    listener.setblocking(False)
    for number in range(COUNT):
        clients.append(closing.enter_context(socket.create_connection(("127.0.0.1", port), 60)))
        clients[-1].sendall(number.to_bytes(8, "big"))
        servers += map(closing.enter_context, accepted(listener))
    listener.settimeout(60)
    while len(servers) < COUNT:
        servers.append(closing.enter_context(listener.accept()[0]))
    for server in servers:
        server.settimeout(60)
    return clients, servers


def answer_of(number: int) -> bytes:
    return pattern(SIZE, number.to_bytes(8, "big"))


def test_five_thousand_connections_at_once(many_files: None) -> None:
    """All are open together and get their own answers; then no descriptor is left."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=4096) as listener,
        contextlib.ExitStack() as closing,
    ):
        target = listener.getsockname()[1]
        with relay_running("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{target}") as relay:
            pid = relay.process.pid
            before = held(pid, 0, 0)
            clients, servers = connected(relay.port, listener, closing)
            for server in servers:
                number = int.from_bytes(server.recv(8, socket.MSG_WAITALL), "big")
                server.sendall(answer_of(number))
            during = held(pid, COUNT, 0)
            for number, client in enumerate(clients):
                assert client.recv(SIZE, socket.MSG_WAITALL) == answer_of(number), number
            assert during.descriptors - before.descriptors == EACH * COUNT
            assert during.memory - before.memory < MEMORY_EACH * COUNT
            for client in clients:
                client.shutdown(socket.SHUT_WR)
            for server in servers:
                assert server.recv(1) == b""
                server.close()
            for client in clients:
                assert recv_all(client) == b""
            while held(pid, COUNT, 0).descriptors > before.descriptors:
                os.sched_yield()  # the last few are closed as soon as they have ended
            relay.process.terminate()
            assert relay.wait() == 0
