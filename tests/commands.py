"""Run the command as a test needs it: in this process, as a process, on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest

from fildes.cli import main
from fildes.trace import Trace

SOURCE = Path(__file__).parents[1] / "src"

#: Seconds after which a command that hangs fails its test.
LIMIT = 30.0

#: No colours, a width and a language that do not depend on who runs the tests.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(SOURCE),
    "PYTHONWARNINGS": "error",
    "LC_ALL": "C.UTF-8",
    "TERM": "xterm",
}


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


RunMain = Callable[..., Ended]


@pytest.fixture
def fildes(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunMain:
    """Run the command in this process, which is quick."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(*argv: str) -> Ended:
        try:
            status = main(argv)
        finally:
            Trace.observer = None
        return Ended(status, *capfd.readouterr())

    return run


def command(*argv: str) -> list[str]:
    """Return the command line that runs the command as a process."""
    return [sys.executable, "-m", "fildes", *argv]


def start(*argv: str, **how: Any) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own; where nothing is said, on pipes."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.Popen(command(*argv), env={**ENVIRONMENT, **how.pop("env", {})}, **how)


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Return the three pipes of a process that was started with them."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr


def converse(process: subprocess.Popen[bytes], data: bytes, size: int) -> bytes:
    """Give *data* to a process as input, and return the next *size* bytes of its output."""
    stdin, stdout, _ = pipes(process)
    stdin.write(data)
    stdin.flush()
    return stdout.read(size)


def run(*argv: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process of its own."""
    with start(*argv, **how) as process:
        out, err = process.communicate(timeout=LIMIT)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def run_on_terminal(*argv: str, **env: str) -> tuple[int, bytes]:
    """Run the command on a terminal of 80 columns; return its status and what was shown."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as screen:
        with os.fdopen(theirs, "rb", 0) as tty:
            process = start(*argv, stdin=tty, stdout=tty, stderr=tty, env=env)
        with process:
            shown = read_screen(screen)
            process.wait(LIMIT)
    return process.returncode, shown


def read_screen(screen: Any) -> bytes:
    """Return all that is shown, up to the end of whoever writes."""
    shown = bytearray()
    try:
        while data := screen.read(65536):
            shown += data
    except OSError:  # EIO: nobody has the terminal open any more; pty(7)
        pass
    return bytes(shown).replace(b"\r\n", b"\n")  # the line discipline's ONLCR; termios(3)
