"""A program that a signal kills has not said all: nobody who is told its end takes it for one."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from authority import Authority
from commands import LIMIT, run
from loops import LOOPS, RunLoop
from peers import Conversation, StartPeer
from relays_under_test import RelayTo
from tcp_ends import received
from tls_listeners import query

import fildes
import fildes.aio
from fildes.drivers.blocking import wait
from fildes.streams import child
from fildes.streams.child import Child
from fildes.waiting import READ

KILLED = "exec:sh?arg=-c&arg=printf%20half%3B%20kill%20-9%20%24%24"
FAILED = "exec:sh?arg=-c&arg=printf%20all%3B%20exit%203"

#: How a program is connected to a relay.
WAYS = ["", "&pipes=on", "&pty=on"]

FRONTS = {
    "tcp": "tcp://127.0.0.1:0",
    "tls": "tls-listen://127.0.0.1:0?{certificate}",
    "ws": "ws-listen://127.0.0.1:0/x",
}


def trusting(address: str, authority: Authority) -> str:
    """Return *address* with the CA that its certificate is of, if it is one of TLS."""
    return f"{address}?ca={authority.ca_file}" if address.startswith("tls:") else address


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("front", FRONTS)
def test_client_is_told_of_a_break(
    front: str, way: str, relay_to: RelayTo, tls_ca: Authority
) -> None:
    """A relay's client gets what the program has said, and then an error; the relay tells, too."""
    relay = relay_to(f"{KILLED}{way}", FRONTS[front].format(certificate=query(tls_ca)))
    f = fildes.open(trusting(relay.address, tls_ca), timeout=LIMIT)
    assert f.read(4) == b"half"
    with pytest.raises((OSError, EOFError)):
        f.read()
    f.abort()
    assert "killed by signal 9" in str(relay.outcome())


@pytest.mark.slow
@pytest.mark.parametrize("front", FRONTS)
def test_status_is_no_break(front: str, relay_to: RelayTo, tls_ca: Authority) -> None:
    """A program that ends with another status than 0 has said all: only the relay is told."""
    relay = relay_to(FAILED, FRONTS[front].format(certificate=query(tls_ca)))
    with fildes.open(trusting(relay.address, tls_ca), timeout=LIMIT) as f:
        f.half_close()
        assert f.read() == b"all"
    assert "ended with status 3" in str(relay.outcome())


def test_all_that_was_said_arrives_first(relay_to: RelayTo) -> None:
    """The reset of a client that reads slowly destroys nothing that the program has said."""
    size = 300_000
    relay = relay_to(f"exec:sh?arg=-c&arg=head%20-c%20{size}%20/dev/zero%3B%20kill%20-9%20%24%24")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.settimeout(LIMIT)
        client.connect(("127.0.0.1", relay.port))
        assert received(client) == (size, ConnectionResetError)
    assert relay.outcome() is not None


def test_server_is_told_of_a_break(peer: StartPeer) -> None:
    """What is on the other side of a program is reset likewise, and the status is 18."""
    ended: list[object] = []

    def server(talk: Conversation) -> None:
        ended.append(received(talk.sock))

    with peer(server) as there:
        result = run("relay", KILLED, there.address(), stdin=subprocess.DEVNULL)
    assert ended == [(4, ConnectionResetError)]
    assert result.returncode == 18
    assert b"sh was killed by signal 9" in result.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("argv", [["cat"], ["relay", "-u", "-"]])
def test_command_ends_as_incomplete(argv: list[str], way: str) -> None:
    """What the program has said is shown, and the status is that of what is not complete."""
    command, *rest = argv
    sides = [f"{KILLED}{way}", *rest[1:]] if rest else [f"{KILLED}{way}"]
    result = run(command, *rest[:1], *sides, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (18, b"half")
    assert b"sh was killed by signal 9" in result.stderr


def test_half_a_document_is_not_committed(tmp_path: Path) -> None:
    """What a killed program was to fill is not there."""
    path = tmp_path / "document"
    with (
        pytest.raises(ChildProcessError),
        fildes.open(KILLED, "rb") as source,
        fildes.open(path, "wb") as sink,
    ):
        fildes.pipe(source, sink)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("run_loop", LOOPS)
def test_tasks_are_told_of_a_break(run_loop: RunLoop, way: str) -> None:
    """Under asyncio and trio an end of file is proved, too."""

    async def main() -> None:
        f = await fildes.aio.open(f"{KILLED}{way}")
        assert await f.read(4) == b"half"
        with pytest.raises(ChildProcessError):
            await f.read()
        with pytest.raises(ChildProcessError):
            await f.close()

    run_loop(main())


def test_descriptors_end_with_the_program() -> None:
    """Who receives descriptors of a program that is killed is told so, too."""
    f = fildes.open(fildes.Exec("sh", "-c", "kill -9 $$"))
    with pytest.raises(ChildProcessError):
        f.recv_fds(1, 1)
    f.abort()


def test_exiting_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is on its way out is waited for, and nothing else is."""
    process = subprocess.Popen(["sleep", "1000"])
    program = Child(process, "sleep")
    assert (program.end(), program.wants()) == (0, {})
    monkeypatch.setattr(child, "is_exiting", lambda pid: True)
    assert (program.end(), program.wants()) == (None, {program.pidfd: READ})
    process.kill()
    with pytest.raises(ChildProcessError):
        program.end_waiting()
    program.kill()
    assert program.end() == 0  # it was given up, so nobody asks


def test_who_is_exiting() -> None:
    """It is known of a process that has ended, and not of one that runs, or of nobody."""
    with subprocess.Popen(["true"]) as process:
        program = Child(process, "true")
        wait({program.pidfd: READ}, LIMIT)
        assert child.is_exiting(process.pid)
        program.kill()
        assert not child.is_exiting(process.pid)
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert not child.is_exiting(process.pid)
        process.kill()
