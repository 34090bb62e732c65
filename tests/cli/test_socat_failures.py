"""What socat users rely on when something is wrong: errors, limits, what is left behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import LIMIT, start
from relay_commands import relay, relay_running, socat

BIG = os.urandom(1 << 20)


@contextlib.contextmanager
def entries(directory: Path) -> Iterator[None]:
    """Make what a path may lead to."""
    (directory / "DIRECTORY").mkdir()
    (directory / "FILE").write_text("not a socket")
    kinds = {"DGRAM": socket.SOCK_DGRAM, "SEQPACKET": socket.SOCK_SEQPACKET}
    with contextlib.ExitStack() as open_sockets:
        for name in ("DGRAM", "SEQPACKET", "ORPHANED"):
            sock = socket.socket(socket.AF_UNIX, kinds.get(name, socket.SOCK_STREAM))
            open_sockets.enter_context(sock)
            sock.bind(str(directory / name))
            if name == "ORPHANED":
                sock.close()
        yield


NAMES = ["MISSING", "DIRECTORY", "ORPHANED", "FILE", "DGRAM", "SEQPACKET", "FILE/below"]


@pytest.mark.parametrize(("keyword", "name"), [
    *itertools.product(["UNIX-CONNECT"], NAMES),
    # These take a socket of any type.
    *(("UNIX-CLIENT", name) for name in NAMES if name != "DGRAM"),
    # GOPEN takes a file, too, and makes what is missing.
    *(("GOPEN", name) for name in NAMES if name not in ("MISSING", "FILE", "DGRAM")),
])  # fmt: skip
def test_wrong_entries_are_errors(tmp_path: Path, keyword: str, name: str) -> None:
    """CONNECT_TO_*: what is no socket that listens is an error with a message."""
    with entries(tmp_path), start("relay", "-", f"{keyword}:{tmp_path / name}",
                                  stdin=subprocess.DEVNULL) as process:  # fmt: skip
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 7
    assert err.startswith(b"fildes: unable to open")
    assert len(err.splitlines()) == 1


def test_existing_files_are_kept(tmp_path: Path) -> None:
    """UNIXLISTEN_KEEPFILE: what is at the path and not ours is neither taken nor removed."""
    (tmp_path / "file").write_text("precious")
    status, _ = relay(f"UNIX-LISTEN:{tmp_path / 'file'},unlink-early", "EXEC:cat")
    assert status != 0
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("number", [0, signal.SIGTERM, signal.SIGINT])
def test_sockets_are_removed(tmp_path: Path, number: int) -> None:
    """UNIXLISTEN_REMOVE: our socket goes when we end, also by a signal."""
    path = tmp_path / "socket"
    with relay_running(f"UNIX-LISTEN:{path}", "EXEC:cat") as running:
        assert path.is_socket()
        if number:
            running.process.send_signal(number)
        else:
            assert socat("-", f"UNIX-CONNECT:{path}", given=b"x").stdout == b"x"
        running.wait()
        assert not path.exists()


def test_accept_and_connect_timeouts() -> None:
    """ACCEPTTIMEOUT, CONNECTTIMEOUT: the limits end an open that nobody answers."""
    assert relay("TCP-LISTEN:0,accept-timeout=0.05", "EXEC:cat") == (28, b"")
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        contextlib.ExitStack() as waiting,
    ):
        for _ in range(4):  # more than a backlog of 0 takes; nobody accepts
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        target = f"TCP:127.0.0.1:{full.getsockname()[1]},connect-timeout=0.05"
        assert relay("-", target) == (28, b"")


def test_inactivity_ends_it() -> None:
    """IGNOREEOF, TOTALTIMEOUT: an end of file that is ignored does not keep -T from its end."""
    assert relay("-T", "0.1", "STDIO,ignoreeof", "PIPE", given=b"x") == (28, b"x")


def test_ignored_end_blocks_nothing() -> None:
    """IGNOREEOFNOBLOCK: while more input is looked for, output flows."""
    program = "SYSTEM:read line; echo $line; seq 100000 | tail -1"
    assert relay("--eof", "first", "STDIO,ignoreeof", program, given=b"hi\n") == (
        0,
        b"hi\n100000\n",
    )


@pytest.mark.parametrize("program", ["EXEC:false", "SYSTEM:exit 3", "SYSTEM:kill -9 $$"])
def test_failed_programs_are_failures(program: str) -> None:
    """EXEC_RC, SYSTEM_RC: a program that fails makes the relay fail."""
    assert relay("-", program)[0] != 0


def test_program_has_three_descriptors() -> None:
    """EXEC_FDS: the program inherits 0, 1 and 2, whatever else is open here."""
    source, sink = os.pipe()
    with open(source, "rb"), open(sink, "wb"), start(
        "relay", "-", "EXEC:ls /proc/self/fd", stdin=subprocess.DEVNULL, pass_fds=[source]
    ) as process:  # fmt: skip
        out, _ = process.communicate(timeout=LIMIT)
    assert out.split() == [b"0", b"1", b"2", b"3"]  # 3: the directory it reads


def test_large_writes_to_a_pipe_are_whole(tmp_path: Path) -> None:
    """INCOMPLETE_WRITE: a megabyte into a pipe that somebody made non-blocking arrives."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    given, got = tmp_path / "given", tmp_path / "got"
    given.write_bytes(BIG)
    with open(source, "rb") as end, got.open("wb") as file:
        with open(sink, "wb") as pipe, given.open("rb") as stdin:
            process = start("relay", "-u", "-", "FD:1", stdin=stdin, stdout=pipe)
        with process, subprocess.Popen(["cat"], stdin=end, stdout=file) as cat:
            assert (process.wait(LIMIT), cat.wait(LIMIT)) == (0, 0)
    assert got.read_bytes() == BIG
