"""fildes serve: what it has done, as a table, as metrics, as a line."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket

import pytest
from commands import LIMIT
from exposition_grammar import COMMENT, SAMPLE
from programs import children_of
from scraping import Metrics
from screens import on_screen
from serving_commands import StartServer, serve

__all__ = ["serve"]  # a fixture

ACCEPTED, ACTIVE, UP = (
    "fildes_serve_connections_accepted_total",
    "fildes_serve_connections_active",
    "fildes_serve_up",
)

METRICS = ("--metrics", "127.0.0.1:0")
TWO = ("--workers", "2")


def echoed(sock: socket.socket, data: bytes) -> bytes:
    """Return what comes back for *data*."""
    sock.sendall(data)
    return sock.recv(100)


def end(sock: socket.socket) -> None:
    """Say that no more comes, and wait until the program has ended, too."""
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(1) == b""


def test_metrics_of_a_server(serve: StartServer) -> None:
    """--metrics: what was accepted and is open, in the grammar of the text format; no bytes."""
    server = serve("cat", options=METRICS)
    metrics = Metrics(server.first_line())
    with server.connect() as sock:
        assert echoed(sock, b"12345") == b"12345"
        for line in metrics.text().splitlines():
            assert (COMMENT if line.startswith("#") else SAMPLE).fullmatch(line)
        now = metrics.read()
        assert (now[ACCEPTED], now[ACTIVE], now[UP]) == (1, 1, 1)
        assert not any("bytes" in name for name in now)
    assert server.stop()[0] == 0


def test_programs_that_fail_are_counted(serve: StartServer) -> None:
    """A status that is not 0 and a signal are failures in the step "program"."""
    server = serve("sh", "-c", "read what; eval $what", options=METRICS)
    metrics = Metrics(server.first_line())
    for what in (b"exit 3\n", b"kill -9 $$\n", b"exit 0\n"):
        with contextlib.suppress(OSError):  # of the one that is killed, maybe ENOTCONN
            assert server.ask(what) == b""
    # Whoever ends first need not be the first of whom it is heard.
    said = server.first_line() + server.first_line()
    assert "status 3" in said
    assert "signal 9" in said
    now = metrics.read()
    assert now['fildes_serve_connections_failed_total{step="program"}'] == 2
    assert now[ACCEPTED] == 3
    server.stop()


def test_refused_clients_are_counted(serve: StartServer) -> None:
    """Who is not let in counts as refused, and as nothing else."""
    server = serve("cat", options=(*METRICS, "--max-per-peer", "1"))
    metrics = Metrics(server.first_line())
    with server.connect() as first:
        assert echoed(first, b"a") == b"a"
        with pytest.raises(ConnectionResetError), server.connect() as second:
            second.recv(1)
        now = metrics.read()
        assert now["fildes_serve_connections_refused_total"] == 1
        assert (now[ACCEPTED], now[ACTIVE]) == (1, 1)
    server.stop()


def test_metrics_go_on_while_it_drains(serve: StartServer) -> None:
    """Once SIGTERM came it is not up, and who is there is counted to the end."""
    server = serve("cat", options=METRICS)
    metrics = Metrics(server.first_line())
    with server.connect() as sock:
        assert echoed(sock, b"a") == b"a"
        server.process.send_signal(signal.SIGTERM)
        assert "1 connections may finish" in server.first_line()
        now = metrics.read()
        assert (now[UP], now[ACTIVE]) == (0, 1)
        end(sock)
    assert server.wait()[0] == 0


def test_metrics_of_all_workers(serve: StartServer) -> None:
    """With workers the counts are those of all; a killed one is replaced, and its stay."""
    server = serve("sh", "-c", "echo $PPID; exec cat", options=(*METRICS, *TWO))
    metrics = Metrics(server.first_line())
    shares = dict.fromkeys(children_of(server.process.pid), 0)
    with contextlib.ExitStack() as stack:
        socks: list[socket.socket] = []
        while not all(shares.values()):  # who is free first takes a client
            socks.append(stack.enter_context(server.connect()))
            shares[int(socks[-1].recv(99))] += 1
        now = metrics.read()
        assert (now[ACCEPTED], now[ACTIVE]) == (len(socks), len(socks))
        by_worker = [now[f'fildes_serve_worker_connections_active{{worker="{n}"}}'] for n in (0, 1)]
        assert by_worker == list(shares.values())
        killed = children_of(server.process.pid)[0]
        os.kill(killed, signal.SIGKILL)
        assert f"(process {killed}) was killed by signal 9" in server.first_line()
        now = metrics.read()
        assert (now[ACCEPTED], now[ACTIVE]) == (len(socks), len(socks) - shares[killed])
        for sock in socks:
            end(sock)
    assert server.stop()[0] == 0


def test_workers_end_with_the_first_process(serve: StartServer) -> None:
    """Workers whose first process was killed let programs finish, and end."""
    server = serve("cat", options=TWO)
    with server.connect() as sock:
        assert echoed(sock, b"a") == b"a"
        server.process.kill()
        server.process.wait()
        assert echoed(sock, b"more") == b"more"
        end(sock)
    assert server.process.stderr is not None
    assert "Traceback" not in server.process.stderr.read()  # until nobody has it open any more
    assert not server.is_listening()


@pytest.mark.parametrize("options", [(), TWO], ids=["alone", "workers"])
def test_counts_are_told_at_a_signal(serve: StartServer, options: tuple[str, ...]) -> None:
    """SIGUSR1: one line tells what was done so far, of all workers."""
    server = serve("cat", options=options)
    with server.connect() as sock:
        assert echoed(sock, b"a") == b"a"
        server.process.send_signal(signal.SIGUSR1)
        line = server.first_line()
        expected = r"fildes: fildes serve, up \d:\d\d: 1 open, 1 accepted, 0 refused, 0 failed\n"
        assert re.fullmatch(expected, line)
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), TWO], ids=["alone", "workers"])
def test_table_shows_clients_and_their_programs(options: tuple[str, ...]) -> None:
    """--watch: who has connected, the program with its pid, and the age; messages below."""
    code = "read x; exit 7"
    argv = ["serve", "--watch", *options, "tcp://127.0.0.1:0", "--", "sh", "-c", code]
    with on_screen(*argv) as (process, screen):
        match = re.search(rb":(\d+)", screen.read_until(rb"tcp://127.0.0.1:\d+\r"))
        assert match
        with socket.create_connection(("127.0.0.1", int(match[1])), timeout=LIMIT) as sock:
            shown = screen.read_until(rb"1 open, 1 accepted.*#1 [^\x1b]*sh [^\x1b]*\x1b")
            port = sock.getsockname()[1]
            assert re.search(rb"#1 +127\.0\.0\.1:%d +sh \(\d+\) +0:0\d\x1b" % port, shown)
            assert b"left>" not in shown
            end(sock)
        screen.read_until(rb"0 open, 1 accepted, 0 refused, 1 failed.*status 7")
        process.terminate()
        screen.read_until(re.escape(b"\x1b[?25h\x1b[?1049l"))
        assert process.wait(LIMIT) == 0


def test_metrics_need_a_place_of_their_own(serve: StartServer) -> None:
    """Where metrics cannot be served nobody is, and the message names the place."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        status, said = serve("cat", options=("--metrics", place)).wait()
    assert status != 0
    assert place in said
    assert "in use" in said
