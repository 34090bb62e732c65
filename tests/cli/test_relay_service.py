"""fildes relay with a listener that serves many connections."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from commands import LIMIT, start
from programs import children_of
from relay_commands import ECHO, connect, exchange, relay_running, socat


def is_served(sock: socket.socket) -> bool:
    """Tell whether somebody answers *sock*, or ends it."""
    sock.setblocking(False)
    try:
        return bool(sock.recv(1))
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(LIMIT)


@pytest.mark.parametrize("argv", [
    ECHO, ["tcp-listen://:0", "exec:cat"], ["EXEC:cat", "TCP-LISTEN:0,fork"],
])  # fmt: skip
def test_clients_are_served_at_once(argv: list[str]) -> None:
    """TCP4LISTENFORK: several clients at once, each with an other side of its own."""
    with relay_running(*argv) as running, connect(running) as one, connect(running) as two:
        assert exchange(two, b"two") == b"two"
        assert exchange(one, b"one") == b"one"


@pytest.mark.parametrize("listen", ["UNIX-LISTEN:{}/socket,fork", "unix-listen://{}/socket"])
def test_unix_clients_are_served_one_after_another(tmp_path: Path, listen: str) -> None:
    """UNIXLISTENFORK: one client after the other, and the socket is removed at the end."""
    path = tmp_path / "socket"
    with relay_running(listen.format(tmp_path), "EXEC:od -c") as running:
        for _ in range(2):
            assert b"0000003" in socat("-", f"UNIX-CONNECT:{path}", given=b"abc").stdout
        running.process.terminate()
        assert running.wait() == 0
    assert not path.exists()


@pytest.mark.parametrize("argv", [
    ["TCP-LISTEN:0,fork,max-children=1", "EXEC:cat"],
    ["--max-connections", "1", "tcp-listen://:0", "exec:cat"],
])  # fmt: skip
def test_further_clients_wait(argv: list[str]) -> None:
    """MAXCHILDREN: while the limit is reached the next client waits, and is served then."""
    with relay_running(*argv) as running, connect(running) as one, connect(running) as two:
        assert exchange(one, b"one") == b"one"
        two.sendall(b"two")
        assert exchange(one, b"1") == b"1"
        assert not is_served(two)
        one.shutdown(socket.SHUT_WR)
        assert one.recv(1) == b""
        assert two.recv(3) == b"two"


def test_refused_clients_cost_nothing() -> None:
    """FDLEAK, L4: a thousand refused clients leave no descriptor and no child behind."""
    with relay_running("TCP4-LISTEN:0,fork,range=10.0.0.0/8", "EXEC:cat") as running:
        folder = Path(f"/proc/{running.process.pid}/fd")
        before = len(list(folder.iterdir()))
        for _ in range(1000):
            with pytest.raises(ConnectionResetError), connect(running) as sock:
                sock.recv(1)
        assert len(list(folder.iterdir())) <= before + 1  # the one being accepted


def test_failures_are_notices(tmp_path: Path) -> None:
    """COOLWRITE: a connection that fails is told, and the others are served."""
    with relay_running("tcp-listen://:0", f"unix:{tmp_path}/missing") as running:
        for _ in range(2):
            with pytest.raises(ConnectionResetError), connect(running) as sock:
                sock.recv(1)
        lines = [running.err.readline() for _ in range(2)]
    for number, line in enumerate(lines, 1):
        assert line.startswith(b"fildes: #%d unable to open unix:" % number)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nothing_is_tried_for_who_has_left(tmp_path: Path, kind: str) -> None:
    """forever: once the client was reset the other side is tried for it no more."""
    place = {"tcp": "tcp-listen://127.0.0.1:0", "unix": f"unix-listen:{tmp_path}/s"}[kind]
    argv = ["--retry", "forever", "--interval", "0.01", place, f"unix:{tmp_path}/missing"]
    with relay_running(*argv) as running:
        sock = connect(running) if kind == "tcp" else socket.socket(socket.AF_UNIX)
        with sock:
            if kind == "unix":
                sock.connect(f"{tmp_path}/s")
            sock.shutdown(socket.SHUT_WR)  # who has said all may still wait for an answer
            for _ in range(3):
                assert b"trying again" in running.err.readline()
            if kind == "tcp":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while b"trying again" in (line := running.err.readline()):
            pass
        assert b"#1 " in line
        assert b"the client did not wait for it" in line


def test_programs_leave_no_zombies() -> None:
    """SIGCHLD: a program that has ended is no child any more."""
    with relay_running(*ECHO) as running:
        with connect(running) as sock:
            assert exchange(sock, b"x") == b"x"
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        with connect(running) as sock:
            assert exchange(sock, b"y") == b"y"
            while len(children_of(running.process.pid)) != 1:
                pass  # the first one has closed its output, and may still be about to end


@pytest.mark.slow
def test_shared_side_outlives_its_users() -> None:
    """EXECENDCLOSE: with end-close one program serves connection after connection."""
    program = "SYSTEM:while read line; do echo $$ $line; done,end-close"
    with relay_running("TCP-LISTEN:0,fork", program) as running:
        answers = []
        for _ in range(2):
            with connect(running) as sock, sock.makefile("rwb", 0) as file:
                file.write(b"hello\n")
                answers.append(file.readline())
                sock.shutdown(socket.SHUT_WR)
                assert not file.readline()
    assert answers[0] == answers[1]
    assert answers[0].endswith(b" hello\n")


def test_open_connections_may_end() -> None:
    """L9: on SIGTERM nobody is accepted any more, what is open goes on, and the status is 0."""
    with relay_running(*ECHO) as running:
        with connect(running) as sock:
            assert exchange(sock, b"before") == b"before"
            running.process.terminate()
            assert b"1 open, which may end" in running.err.readline()
            with pytest.raises(ConnectionRefusedError):
                connect(running)
            assert exchange(sock, b"after") == b"after"
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        assert running.wait() == 0


def test_what_does_not_end_is_cut() -> None:
    """L9, --drain-timeout: what is open after so many seconds is cut, and told; the status is 0."""
    with relay_running("--drain-timeout", "0.05", *ECHO) as running, connect(running) as sock:
        assert exchange(sock, b"x") == b"x"
        running.process.terminate()
        assert running.wait() == 0
        assert b"#1 unable to finish exec://cat: the relay was told to end" in running.err.read()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(second: signal.Signals) -> None:
    """A second SIGTERM or Ctrl-C waits for nobody."""
    with relay_running(*ECHO) as running, connect(running) as sock:
        assert exchange(sock, b"x") == b"x"
        running.process.send_signal(signal.SIGINT)
        assert b"which may end" in running.err.readline()
        running.process.send_signal(second)
        assert running.wait() == -second


def test_statistics_on_demand() -> None:
    """SIGUSR1: what has been done so far, and the relays go on."""
    with relay_running(*ECHO) as running, connect(running) as sock:
        assert exchange(sock, b"12345") == b"12345"
        running.process.send_signal(signal.SIGUSR1)
        assert b"1 relay, 1 open, 1 accepted, 0 refused, 0 failed" in running.err.readline()
        assert exchange(sock, b"on") == b"on"


def test_unread_questions_reset_no_answer() -> None:
    """R9: a document goes out whole, although what the client said is read by nobody."""
    with relay_running("tcp-listen://:0", "data:,answer") as running, connect(running) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n" * 1000)
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile("rb").read() == b"answer"


def test_hangup_ends_what_has_nothing_to_reload() -> None:
    """SIGHUP: without file and certificates the terminal has gone, and so does the relay."""
    with relay_running(*ECHO) as running:
        running.process.send_signal(signal.SIGHUP)
        assert running.wait() == 0


def test_errors_name_their_side() -> None:
    """A reset is told with the side that it came from."""
    with relay_running("-v", *ECHO) as running:
        with connect(running) as sock:
            assert exchange(sock, b"x") == b"x"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        lines = iter(running.err.readline, b"")
        message = next(line for line in lines if line.startswith(b"fildes: "))
    assert message.startswith(b"fildes: #1 unable to read tcp-listen://")
    assert b"Connection reset by peer" in message


def test_limit_of_bytes_is_a_clean_end(tmp_path: Path) -> None:
    """-u --max-bytes: who has sent more gets an end of file, and no reset."""
    path = tmp_path / "taken"
    argv = ["-u", "--max-bytes", "10", "tcp-listen://127.0.0.1:0", f"CREATE:{path}"]
    with relay_running(*argv) as running, connect(running) as sock:
        sock.sendall(b"x" * 1000)
        assert sock.recv(1) == b""
    assert path.read_bytes() == b"x" * 10


def test_events_tell_of_each_connection() -> None:
    """--json: listening, connected, opened and closed with counts, an object a line."""
    with start("relay", "--json", *ECHO, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline())]
        port = int(events[0]["address"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock:
            assert exchange(sock, b"hello") == b"hello"
        events += [json.loads(process.stdout.readline()) for _ in range(3)]
        process.terminate()
        assert process.wait(LIMIT) == 0
    assert [event["event"] for event in events] == ["listening", "connected", "opened", "closed"]
    assert (events[3]["left_to_right"], events[3]["right_to_left"]) == (5, 5)
    assert {event.get("connection") for event in events[1:]} == {1}


def test_limit_of_a_listener_wins() -> None:
    """idle-timeout in the address of a listener is for its conversations, whatever is for all."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as far,
        socket.socket(type=socket.SOCK_DGRAM) as near,
    ):
        far.bind(("127.0.0.1", 0))
        far.settimeout(LIMIT)
        sides = [
            "udp-listen://127.0.0.1:0?idle-timeout=0.05",
            "udp://{}:{}".format(*far.getsockname()),
        ]
        argv = ["relay", "--json", "--idle-timeout", "600", *sides]
        with start(*argv, stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["address"].rpartition(":")[2]
            near.sendto(b"hello", ("127.0.0.1", int(port)))
            assert far.recv(99) == b"hello"
            events = [json.loads(process.stdout.readline())["event"] for _ in range(3)]
            process.terminate()
            assert process.wait(LIMIT) == 0
    assert events == ["connected", "opened", "closed"]


def test_ready_is_told_to_the_service_manager(tmp_path: Path) -> None:
    """Type=notify: READY=1 once it listens, STOPPING=1 when it ends; sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(LIMIT)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with start("relay", *ECHO, stdin=subprocess.DEVNULL, env=env) as process:
            first = manager.recv(4096)
            process.terminate()
            last = manager.recv(4096)
            assert process.wait(LIMIT) == 0
    assert first.split(b"\n")[:2] == [b"READY=1", b"STATUS=1 relay listening"]
    assert last.startswith(b"STOPPING=1")


def test_taken_ports_are_errors() -> None:
    """Where somebody listens already there is an error, and nothing else is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"tcp-listen://127.0.0.1:{taken.getsockname()[1]}"
        with start("relay", listen, "exec:cat", stdin=subprocess.DEVNULL) as process:
            _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 7
    assert b"Address already in use" in err
    assert os.strerror(98).encode() in err
