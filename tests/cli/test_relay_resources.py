"""What a relay that serves many does with little: a full disk, few descriptors."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import resource
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import LIMIT, start
from peers import StartPeer, echo
from relay_commands import ECHO, connect, exchange, relay_running
from serving_commands import StartServer, serve

from fildes.cli.errors import LocalWriteError
from fildes.cli.relaying.sparing import next_line, sparing
from fildes.streams import starting
from fildes.streams.starting import MANY

__all__ = ["serve"]  # a fixture


def test_full_disk_ends_nothing(tmp_path: Path) -> None:
    """--json: events that cannot be written are lost, which is told once; clients are served."""
    path = tmp_path / "socket"
    with (
        open("/dev/full", "wb") as full,
        start("relay", "--json", f"unix-listen:{path}", "exec:cat", stdout=full) as process,
    ):
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told == (
            b"fildes: unable to write standard output: No space left on device; events are lost\n"
        )
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                assert exchange(sock, b"hello") == b"hello"
        process.terminate()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("wanted", [["--dump"], ["-x", "--dump"], ["-r"], ["-R"]])
def test_full_disk_of_dumps_cuts_nobody(wanted: list[str]) -> None:
    """Dumps that cannot be written are lost, which is told once; clients are served."""
    with relay_running(*wanted, "/dev/full", *ECHO) as running:
        for _ in range(2):
            with connect(running) as sock:
                assert exchange(sock, b"hello") == b"hello"
        running.process.terminate()
        told = running.err.read()
    assert told.count(b"unable") == 1
    assert (
        b"fildes: unable to write /dev/full: No space left on device; "
        b"going on; what passes meanwhile is missing there\n" in told
    )


def test_copies_go_on_as_they_are() -> None:
    """After a loss nothing is put before the next bytes of a copy, whoever has gone meanwhile."""
    written: list[bytes] = []

    def emit(data: bytes) -> None:
        if data == b"lost":
            raise LocalWriteError(errno.EPIPE, "gone", "the copy")
        written.append(data)

    spare = sparing(emit, "going on")
    for each in (b"one", b"lost", b"two"):
        spare(each)
    assert written == [b"one", b"two"]


def test_events_go_on_at_a_line_of_their_own() -> None:
    """After a loss the next event does not continue what may have been cut short."""
    written: list[str] = []
    failures = [OSError(errno.ENOSPC, "full"), OSError(errno.EPIPE, "gone")]

    def emit(text: str) -> None:
        if text.strip() == "lost":
            error = failures.pop(0)
            raise LocalWriteError(error.errno, error.strerror, "the log")
        written.append(text)

    spare = sparing(emit, "events are lost", apart=next_line, fatal=[errno.EPIPE])
    for each in ("one\n", "lost\n", "two\n", "three\n"):
        spare(each)
    assert written == ["one\n", "\ntwo\n", "three\n"]
    with pytest.raises(LocalWriteError, match="gone"):
        spare("lost\n")


def test_more_descriptors() -> None:
    """A relay takes as many descriptors as it may have, up to what many connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    try:
        with relay_running(*ECHO) as running:
            now = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert now == (MANY if hard == resource.RLIM_INFINITY else min(MANY, hard), hard)


#: What answers each client with what it says, and takes descriptors for that.
ECHOES = {
    "tcp": ["relay", "tcp-listen://127.0.0.1:0", "tcp://127.0.0.1:PORT"],
    "name": ["relay", "tcp-listen://127.0.0.1:0", "tcp://localhost:PORT"],
    "program": ["relay", "tcp-listen://127.0.0.1:0", "exec:cat"],
    "serve": ["serve", "tcp://127.0.0.1:0", "--", "cat"],
}

CLIENTS = 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", ECHOES)
def test_clients_wait_for_descriptors(kind: str, peer: StartPeer) -> None:
    """Where no descriptor is left clients wait, and all of them are served; it is told once."""
    server = peer(*[echo] * CLIENTS)
    argv = [word.replace("PORT", str(server.port)) for word in ECHOES[kind]]
    few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (40, 40))
    with start(*argv, preexec_fn=few) as process, contextlib.ExitStack() as undo:
        undo.callback(process.kill)
        out, err = process.stdout, process.stderr
        assert out is not None
        assert err is not None
        told = (out if kind == "serve" else err).readline()
        port = int(told.rpartition(b":")[2])
        clients = [
            undo.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT))
            for _ in range(CLIENTS)
        ]
        said = err.readline()
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
        for number, client in enumerate(clients):
            assert client.recv(9) == b"%d" % number
            client.close()
        process.terminate()
        assert process.wait(LIMIT) == 0
        said += err.read()
    assert said.count(b"fildes: no room for more connections, clients wait") == 1
    assert b"unable" not in said


def test_programs_have_the_limit_that_was_given(serve: StartServer) -> None:
    """What a relay or a server takes more is for itself: programs get what a shell would give."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        with (
            relay_running("TCP-LISTEN:0,fork", "SYSTEM:ulimit -n") as running,
            socket.create_connection(("127.0.0.1", running.port), LIMIT) as sock,
        ):
            assert sock.recv(99) == b"200\n"
        assert serve("sh", "-c", "ulimit -n").ask() == b"200\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("more", [None, functools.partial(os.umask, 0o22)])
def test_limit_of_a_program_where_all_are_taken(
    more: Callable[[], object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program has the limit that was given, also if this process is above that already."""

    def refuse(limits: object) -> None:
        raise OSError(errno.EMFILE, "nothing below is free")

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(starting, "given", (200, hard))
    monkeypatch.setattr(starting, "limited_to", refuse)
    argv, how = ["sh", "-c", "ulimit -n"], {"preexec_fn": more} if more else {}
    with starting.start(argv, stdout=subprocess.PIPE, **how) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"200\n"
    monkeypatch.undo()
    monkeypatch.setattr(starting, "given", (200, hard))
    with pytest.raises(FileNotFoundError):
        starting.start(["no-such-program"])
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
