"""fildes serve: limits, messages, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from commands import RunMain, fildes
from serving_commands import StartServer, serve

__all__ = ["fildes", "serve"]  # fixtures

pytestmark = pytest.mark.slow

needs_ss = pytest.mark.skipif(not shutil.which("ss"), reason="ss is not installed")


def test_sigterm_lets_the_open_ones_finish(serve: StartServer) -> None:
    """L9: those that are there finish, new ones are refused, and the status is 0."""
    server = serve("cat")
    with server.connect() as sock:
        sock.sendall(b"hello")
        assert sock.recv(99) == b"hello"
        server.process.send_signal(signal.SIGTERM)
        assert server.first_line() == "fildes: stopping: 1 connections may finish\n"
        assert not server.is_listening()
        sock.sendall(b"again")
        assert sock.recv(99) == b"again"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(99) == b""
    assert server.wait() == (0, "")


def test_second_signal_ends_at_once(serve: StartServer) -> None:
    """A second SIGTERM kills the programs; none is left behind, and it died by the signal."""
    server = serve("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done")
    with server.connect() as sock:
        assert sock.recv(99) == b"ready\n"
        server.process.send_signal(signal.SIGTERM)
        server.first_line()
        server.process.send_signal(signal.SIGTERM)
        status, said = server.wait()
        assert status == -signal.SIGTERM
        assert "killed by signal 9" in said
        with pytest.raises(ConnectionResetError):
            sock.recv(99)


def test_patience_ends(serve: StartServer) -> None:
    """L9: programs that take longer than the limit are ended; the status is 0 all the same."""
    server = serve("cat", options=["--drain", "0.01"])
    with server.connect() as sock:
        sock.sendall(b"hello")
        assert sock.recv(99) == b"hello"
        status, said = server.stop()
        assert (status, "killed by signal" in said) == (0, True)
        with pytest.raises(ConnectionResetError):
            sock.recv(99)


def test_interrupt_is_for_the_server(serve: StartServer) -> None:
    """Ctrl-C does not reach programs, which finish."""
    server = serve("sh", "-c", "ps -o pgid= -p $$; cat")
    with server.connect() as sock:
        group = int(sock.recv(99))
        assert group != os.getpgid(server.process.pid)
        server.process.send_signal(signal.SIGINT)
        server.first_line()
        sock.sendall(b"hello")
        assert sock.recv(99) == b"hello"
    assert server.wait()[0] == 0


def test_no_zombies_and_statuses_are_told(serve: StartServer) -> None:
    """UDP4LISTEN_SIGCHLD: programs that have ended are gone; those that failed are told of."""
    server = serve("sh", "-c", "read -r status; exit $status")
    for status in (b"0", b"3", b"0", b"4"):
        server.ask(status + b"\n")
    while server.children():
        pass
    said = server.stop()[1]
    assert sorted(line for line in said.splitlines() if "status" in line) == [
        "fildes: 2: the program ended with status 3",
        "fildes: 4: the program ended with status 4",
    ]


def test_verbose_tells_all(serve: StartServer) -> None:
    """With -v every connection is told of, from its beginning to its end."""
    server = serve("true", options=["-v"])
    with server.connect() as sock:
        name = "tcp://{}:{}".format(*sock.getsockname())
        assert sock.recv(99) == b""
    lines = server.stop()[1].splitlines()
    for line in (f"connected from {name}", "the program ended with status 0", "closed"):
        assert f"fildes: 1: {line}" in lines


def test_connections_at_once(serve: StartServer) -> None:
    """L_MAXCHILDREN: the limit holds, further clients wait for an end."""
    server = serve("sh", "-c", "echo ready; cat", options=["--max-connections", "1"])
    with server.connect() as first, server.connect() as second:
        assert first.recv(99) == b"ready\n"
        second.settimeout(0.05)
        with pytest.raises(TimeoutError):
            second.recv(99)
        second.settimeout(20)
        first.shutdown(socket.SHUT_WR)
        assert second.recv(99) == b"ready\n"
    server.stop()


def test_networks_and_clients_that_are_refused(serve: StartServer) -> None:
    """TCP4RANGEBITS: outsiders are refused, and so is one connection too many from one place."""
    server = serve(
        "cat", options=["--allow", "127.0.0.1", "--allow", "127.0.0.2", "--max-per-peer", "1"]
    )
    with server.connect() as first:
        first.sendall(b"x")
        assert first.recv(1) == b"x"
        for source in ("127.0.0.1", "127.0.0.3"):
            # The reset may come as early as the end of the handshake.
            with (
                pytest.raises(ConnectionResetError),
                server.connect(source_address=(source, 0)) as sock,
            ):
                sock.recv(1)
            assert f"refused tcp://{source}:" in server.first_line()
        assert server.ask(b"hello", source_address=("127.0.0.2", 0)) == b"hello"
    server.stop()


def test_silence_ends_a_program(serve: StartServer) -> None:
    """With an idle limit a read of the program fails when it is over."""
    server = serve("cat", options=["--idle-timeout", "0.05"])
    with server.connect() as sock:
        assert sock.recv(99) == b""
    assert "status 1" in server.stop()[1]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_readiness_is_told(workers: str, serve: StartServer, tmp_path: Path) -> None:
    """Once it listens it says so: to a descriptor, and to the service manager."""
    path = tmp_path / "notify"
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, open(read) as told:
        manager.bind(str(path))
        manager.settimeout(20)
        command = ["--ready-fd", str(write), "--workers", workers]
        environment = {"NOTIFY_SOCKET": str(path)}
        server = serve("cat", options=command, pass_fds=[write], env=environment)
        os.close(write)
        server.address = told.readline().strip()
        assert told.read() == ""
        assert server.ask(b"hello") == b"hello"
        states = [manager.recv(999).split(b"\n")[0]]
        assert server.stop()[0] == 0
        states.append(manager.recv(999).split(b"\n")[0])
    assert states == [b"READY=1", b"STOPPING=1"]


@needs_ss
@pytest.mark.parametrize("address", [":0", "tcp://:0", "tcp-listen://:0"])
def test_without_a_host_it_is_loopback(address: str, serve: StartServer) -> None:
    """L12: what ss(8) shows of a server without a host is loopback, in both families."""
    server = serve("cat", at=address)
    shown = subprocess.run(
        ["ss", "-Hltn", f"sport = :{server.port}"], capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[3].rpartition(":")[0] for line in shown.splitlines()} == {
        "127.0.0.1",
        "[::1]",
    }
    server.stop()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["tcp://:0"], 2, "say which program"),
        (["tcp://:0", "--", "no-such-program"], 127, "no program 'no-such-program'"),
        (["tcp://:0", "--", "/etc/passwd"], 126, "not executable"),
        (["exec:cat", "--", "cat"], 2, "cannot be listened at; what can is tcp://"),
        (["tcp://192.0.2.1:0", "--", "cat"], 7, "unable to"),
        (["--allow", "10.0.0.0/8", "unix:@x", "--", "cat"], 2, "no option 'allow'"),
        (["--max-connections", "0", "tcp://:0", "--", "cat"], 2, "a whole number, 1 or more"),
        (
            ["--ready-fd", "999999", "tcp://:0", "--", "cat"],
            2,
            "999999: no such descriptor is open",
        ),
        (["--ready-fd", "-1", "tcp://:0", "--", "cat"], 2, "not the number of a descriptor"),
    ],
)
def test_what_cannot_be_served(
    arguments: list[str], status: int, said: str, fildes: RunMain
) -> None:
    """What is wrong with a command line is said before anything is served."""
    result = fildes("serve", *arguments)
    assert (result.status, result.out) == (status, "")
    assert said in result.err
