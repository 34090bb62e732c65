"""fildes relay in several processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, start
from relay_commands import ECHO, connect, exchange, relay_running
from relay_workers import WHO, answers, spread, two_workers, workers_of
from scraping import Metrics
from screens import watching

from fildes.cli.status import Status

__all__ = ["fildes"]  # a fixture

ACCEPTED = 'fildes_relay_connections_accepted_total{relay="relay"}'
ACTIVE = 'fildes_relay_connections_active{relay="relay"}'
BYTES = 'fildes_relay_bytes_total{relay="relay",direction="left_to_right"}'


def test_workers_share_the_connections() -> None:
    """--workers N: each of N processes takes connections, and they end with the first one."""
    with two_workers("tcp-listen://127.0.0.1:0", WHO) as running:
        with contextlib.ExitStack() as stack:
            workers = list(spread(running, stack))
        assert len(workers) == 2
        running.process.terminate()
        assert running.wait() == 0
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_share_a_unix_socket(tmp_path: Path) -> None:
    """All accept at one path, which goes with the first process and no sooner."""
    path = tmp_path / "s"
    with two_workers(f"unix-listen://{path}", "SYSTEM:echo $PPID") as running:
        served: set[bytes] = set()
        while len(served) < 2:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                served.add(sock.recv(99))
        assert served == {b"%d\n" % pid for pid in workers_of(running)}
        os.kill(workers_of(running)[0], signal.SIGKILL)
        assert b"another starts" in running.err.readline()
        assert path.exists()
        running.process.terminate()
        assert running.wait() == 0
    assert not path.exists()


def test_reload_turns_nobody_away(tmp_path: Path) -> None:
    """SIGHUP: new workers do what is configured now; what is open goes on as it was."""
    path = tmp_path / "relays.toml"
    text = '[relay.a]\nlisten = "tcp-listen://127.0.0.1:0"\nconnect = "SYSTEM:echo {}; exec cat"\n'
    path.write_text(text.format("old"))
    with two_workers("--config", str(path)) as running, connect(running) as first:
        assert first.recv(99) == b"old\n"
        old = workers_of(running)
        path.write_text(text.format("new"))
        running.process.send_signal(signal.SIGHUP)
        while answers(running.port, 1) != {b"new\n"}:
            pass  # none of them is refused or reset
        assert b"reloaded: 1 relay listening" in running.err.readline()
        assert exchange(first, b"still") == b"still"
        assert len(set(workers_of(running)) & set(old)) >= 1
        first.shutdown(socket.SHUT_WR)
        assert first.recv(99) == b""
        while set(workers_of(running)) & set(old):
            pass
        assert answers(running.port, 4) == {b"new\n"}
        running.process.terminate()
        assert running.wait() == 0


def test_no_count_is_lost_in_a_reload(tmp_path: Path) -> None:
    """Workers that end tell what they have done last, however short ago that was."""
    path = tmp_path / "relays.toml"
    path.write_text(
        "workers = 2\nmetrics = '127.0.0.1:0'\n"
        "[relay.relay]\nlisten = 'tcp-listen://127.0.0.1:0'\nconnect = 'exec:true'\n"
    )
    with relay_running("--config", str(path)) as running:
        metrics = Metrics(running.err.readline().decode())
        assert running.err.readline() == b"fildes: 2 workers\n"
        old = set(workers_of(running))
        answers(running.port, 10)
        running.process.send_signal(signal.SIGHUP)
        assert b"reloaded: 1 relay listening" in running.err.readline()
        while old & set(workers_of(running)):
            pass
        assert metrics.read()[ACCEPTED] == 10


def test_bad_configuration_changes_nothing(tmp_path: Path) -> None:
    """SIGHUP: a file with mistakes is told of, and the workers remain."""
    path = tmp_path / "relays.toml"
    text = 'workers = 2\n[relay.a]\nlisten = "tcp-listen://:0"\nconnect = "exec:cat"\n'
    path.write_text(text)
    with relay_running("--config", str(path)) as running:
        assert running.err.readline() == b"fildes: 2 workers\n"
        workers = workers_of(running)
        path.write_text("[relay.a]\n")
        running.process.send_signal(signal.SIGHUP)
        assert b"nothing was reloaded" in running.err.readline()
        with connect(running) as sock:
            assert exchange(sock, b"hello") == b"hello"
        assert workers_of(running) == workers


def test_killed_worker_is_replaced_and_the_counts_stay() -> None:
    """A worker that is killed is told of and replaced; no counter goes back."""
    argv = ["--metrics", "127.0.0.1:0", "tcp-listen://:0", WHO]
    with relay_running("--workers", "2", *argv) as running:
        metrics = Metrics(running.err.readline().decode())
        assert running.err.readline() == b"fildes: 2 workers\n"
        with contextlib.ExitStack() as stack:
            of_worker = spread(running, stack)
            shares = [len(socks) for socks in of_worker.values()]
            for sock in itertools.chain(*of_worker.values()):
                assert exchange(sock, b"12345") == b"12345"
            before, count = metrics.read(), sum(shares)
            expected = (count, count, 5 * count)
            assert (before[ACCEPTED], before[ACTIVE], before[BYTES]) == expected
            by_worker = [before[f'fildes_relay_worker_connections_active{{worker="{n}"}}']
                         for n in range(2)]  # fmt: skip
            assert by_worker == shares
            killed = workers_of(running)[0]
            os.kill(killed, signal.SIGKILL)
            line = running.err.readline().decode()
            assert f"(process {killed}) was killed by signal 9; another starts in 0.1 s" in line
            after = metrics.read()
            expected = (count, shares[1], 5 * count)
            assert (after[ACCEPTED], after[ACTIVE], after[BYTES]) == expected
        while len(workers_of(running)) < 2:
            pass
        answers(running.port, 4)
        assert metrics.read()[ACCEPTED] == count + 4
        running.process.terminate()
        assert running.wait() == 0


def test_events_of_all_workers() -> None:
    """--json: each connection has its events, and a number that no other one has."""
    with start("relay", "--workers", "2", "--json", "tcp-listen://:0", "exec:cat",
               stdin=subprocess.DEVNULL) as process:  # fmt: skip
        out = process.stdout
        assert out is not None
        port = int(json.loads(out.readline())["address"].rpartition(":")[2])
        assert len(answers(port, 10)) == 1
        events = [json.loads(out.readline()) for _ in range(30)]
        process.terminate()
        assert process.wait(LIMIT) == 0
    for name in ("connected", "opened", "closed"):
        numbers = [event["connection"] for event in events if event["event"] == name]
        assert sorted(numbers) == list(range(1, 11))


def test_table_of_all_workers() -> None:
    """--watch: the table shows the connections of all workers, and what they say."""
    with watching("--workers", "2") as (running, screen):
        with connect(running) as one, connect(running) as two:
            assert exchange(one, b"a") == exchange(two, b"a")
            screen.read_until(b"2 open, 2 accepted.*#1 .*#2 |2 open, 2 accepted.*#2 .*#1 ")
        screen.read_until(b"0 open, 2 accepted")
        os.kill(workers_of(running)[0], signal.SIGKILL)
        screen.read_until(b"was killed by signal 9")


def test_sigterm_drains_all_workers() -> None:
    """SIGTERM: nobody is accepted any more, what is open ends by itself, status 0."""
    with two_workers("tcp-listen://:0", WHO) as running, contextlib.ExitStack() as stack:
        of_worker = spread(running, stack)
        running.process.terminate()
        told = [re.findall(rb"(\d+) open, which may end", running.err.readline()) for _ in range(2)]
        assert sorted(told) == sorted([b"%d" % len(socks)] for socks in of_worker.values())
        with pytest.raises(ConnectionRefusedError):
            connect(running)
        for sock in itertools.chain(*of_worker.values()):
            assert exchange(sock, b"more") == b"more"
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        assert running.wait() == 0


def test_workers_end_with_the_first_process() -> None:
    """Workers whose first process was killed end, and do not go on listening."""
    with two_workers(*ECHO) as running, connect(running) as sock:
        assert exchange(sock, b"a") == b"a"
        running.process.kill()
        running.wait()
        assert exchange(sock, b"more") == b"more"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
        assert b"Traceback" not in running.err.read()  # until nobody has it open any more
        with pytest.raises(ConnectionRefusedError):
            connect(running)


def test_limit_of_all_workers_together() -> None:
    """--max-connections: of all workers together; who comes then waits."""
    argv = ["--max-connections", "3", "tcp-listen://:0", WHO]
    with two_workers(*argv) as running, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(running)) for _ in range(3)]
        assert len({sock.recv(99) for sock in socks}) == 2
        fourth = stack.enter_context(connect(running))
        fourth.settimeout(0)
        with pytest.raises(BlockingIOError):
            fourth.recv(99)
        socks[0].close()
        fourth.settimeout(LIMIT)
        assert fourth.recv(99)


def test_one_sender_of_datagrams_has_one_worker() -> None:
    """udp: a sender's datagrams keep their order and are of one conversation."""
    with two_workers("udp-listen://127.0.0.1:0", WHO) as running:
        peer = ("127.0.0.1", running.port)
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(LIMIT)
                for number in range(50):
                    sock.sendto(b"%03d\n" % number, peer)
                got = b""
                while len(got.partition(b"\n")[2]) < 200:
                    got += sock.recv(65536)
                first, _, rest = got.partition(b"\n")
                assert int(first) in workers_of(running)
                assert rest == b"".join(b"%03d\n" % number for number in range(50))
        running.process.terminate()
        running.process.send_signal(signal.SIGINT)  # the conversations have no end
        assert running.wait() in (-signal.SIGINT, -signal.SIGTERM)


def test_what_serves_one_needs_no_workers(fildes: RunMain) -> None:
    """Where nothing accepts there is nothing to share, which is said."""
    assert fildes("relay", "--workers", "2", "-", "exec:cat").status == Status.USAGE
