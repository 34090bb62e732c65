"""Standard input and output of a relay are shared with the shell, and stay as they are."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pty
import signal
import socket
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ENVIRONMENT, LIMIT, command, converse, pipes, start

from fildes.cli.status import Status

#: Of what relays give back.
LINE = b"hello\n"

#: Much more than a pipe or a socket holds.
MUCH = 3_000_000


@contextlib.contextmanager
def ends(kind: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield what a command has as its input and output, and our ends of these."""
    if kind == "pipes":
        (source, ours_out), (ours_in, sink) = os.pipe(), os.pipe()
        owned = [source, ours_out, ours_in, sink]
    elif kind == "socket":
        ours, theirs = socket.socketpair()
        sink = source = theirs.detach()
        ours_in = ours_out = ours.detach()
        owned = [source, ours_in]
    else:
        ours_in, source = pty.openpty()
        ours_out, sink = ours_in, source
        owned = [source, ours_in]
    try:
        yield source, sink, ours_out, ours_in
    finally:
        for fd in owned:
            with contextlib.suppress(OSError):
                os.close(fd)


@pytest.mark.parametrize("other", ["exec:cat", "pipe:", "exec:cat?pty=on&raw=on&echo=off"])
@pytest.mark.parametrize("kind", ["pipes", "socket", "terminal"])
def test_they_stay_in_blocking_mode(kind: str, other: str) -> None:
    """O_NONBLOCK would be that of the shell, too: it is not there meanwhile nor afterwards."""
    with (
        ends(kind) as (source, sink, ours_out, ours_in),
        start("relay", "-", other, stdin=source, stdout=sink) as process,
    ):
        os.write(ours_out, LINE)
        got = b""
        while got.replace(b"\r", b"").count(LINE) < (2 if kind == "terminal" else 1):  # its echo
            got += os.read(ours_in, 100)
        assert os.get_blocking(source)
        assert os.get_blocking(sink)
        process.terminate()
        process.wait(LIMIT)
        assert os.get_blocking(source)
        assert os.get_blocking(sink)


@pytest.mark.parametrize("kind", ["pipes", "socket", "terminal"])
def test_slow_reader_is_waited_for_in_blocking_mode(kind: str) -> None:
    """Where nobody reads, the relay waits by itself, and nothing is lost."""
    with (
        ends(kind) as (source, sink, _, ours_in),
        start("relay", "-u", f"exec:head?arg=-c&arg={MUCH}&arg=/dev/zero", "-",
              stdin=source, stdout=sink) as process,
    ):  # fmt: skip
        before = -1
        while before < (now := waiting(ours_in)) or not now:
            before = now  # until it holds what it can
        assert os.get_blocking(sink)
        got = 0
        while got < MUCH:
            got += len(os.read(ours_in, 65536))
        assert got == MUCH
        assert process.wait(LIMIT) == 0
        assert os.get_blocking(sink)


def waiting(fd: int) -> int:
    """Return how many bytes can be read."""
    found = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, found)
    return found[0]


@pytest.mark.parametrize("side", ["-", "STDIN!!STDOUT"])
def test_reader_that_goes_away_ends_it(side: str) -> None:
    """`fildes relay - ADDRESS | head -1` ends though there is more to come from standard input."""
    with start("relay", side, "exec:yes?stderr=null", stdin=subprocess.PIPE) as process:
        stdin, stdout, stderr = pipes(process)
        assert stdout.read(2) == b"y\n"
        stdout.close()
        assert process.wait(LIMIT) == -signal.SIGPIPE
        assert stderr.read() == b""
        stdin.close()


def test_reader_that_goes_away_ends_a_deadlock() -> None:
    """Nor is a program waited for that reads no more, since nobody takes what it says."""
    with start("relay", "-", "exec:cat?stderr=null", stdin=subprocess.PIPE) as process:
        stdin, stdout, stderr = pipes(process)
        assert converse(process, b"y\n", 2) == b"y\n"
        stdout.close()
        with contextlib.suppress(BrokenPipeError):
            stdin.write(bytes(MUCH))
            stdin.flush()
        assert process.wait(LIMIT) == -signal.SIGPIPE
        assert stderr.read() == b""
        with contextlib.suppress(BrokenPipeError):
            stdin.close()


@pytest.mark.parametrize("side", ["-", "STDIN!!OPEN:/dev/full,wronly"])
def test_full_disk_ends_it(side: str) -> None:
    """What cannot be written is told at once, and standard input need not end first."""
    with open("/dev/full", "wb", 0) as full:
        how = {"stdin": subprocess.PIPE, "stdout": full}
        with start("relay", side, "exec:yes?stderr=null", **how) as process:
            assert process.stderr is not None
            assert b"No space left on device" in process.stderr.read()
            assert process.wait(LIMIT) == Status.LOCAL_WRITE


#: How a shell closes what a relay needs, and what is said.
CLOSED = {
    "<&-": b"fildes: unable to open standard input: it is closed\n",
    ">&-": b"fildes: unable to write standard output: it is closed\n",
}


@pytest.mark.parametrize("sides", [
    ["-", "exec:cat"],
    ["exec:cat", "STDIN!!STDOUT"],
    ["unix-listen:{}/listener", "-"],
    ["tls://localhost:443::stdio:", "exec:cat"],
])  # fmt: skip
@pytest.mark.parametrize("how", CLOSED)
def test_what_is_closed(how: str, sides: list[str], tmp_path: Path) -> None:
    """Standard input or output that was closed before is told of, and nothing else taken for it."""
    status = Status.CONNECT if how == "<&-" else Status.LOCAL_WRITE
    done = run_in_shell(how, *(side.format(tmp_path) for side in sides))
    assert (done.returncode, done.stderr) == (status, CLOSED[how])


@pytest.mark.parametrize(("how", "argv"), [
    ("<&- >&-", ["-u", "data:,x", "OPEN:/dev/null"]),
    ("<&-", ["-u", "data:,x", "-"]),
    (">&-", ["-u", "-", "SYSTEM:cat >&2"]),
    (">&-", ["-U", "OPEN:/dev/null", "-"]),
    (">&-", ["STDIN!!OPEN:/dev/null", "exec:cat"]),
    ("<&-", ["-u", "data:,x", "STDIN!!STDOUT"]),
])  # fmt: skip
def test_what_is_closed_and_not_needed(how: str, argv: list[str]) -> None:
    """What a relay does not need may be closed."""
    assert run_in_shell(how, *argv).returncode == Status.COMPLETE


def run_in_shell(how: str, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """Run a relay with what it has been given changed by the shell as *how* says."""
    shell = ["sh", "-c", f'exec "$@" {how}', "sh", *command("relay", *argv)]
    return subprocess.run(shell, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT,
                          env=ENVIRONMENT, check=False)  # fmt: skip
