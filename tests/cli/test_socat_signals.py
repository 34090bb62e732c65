"""Signals that `fildes relay` passes on to its program, as socat does with sigint and its like."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import LIMIT, pipes, start

PROGRAM = """
import os, signal
signal.signal(signal.{0}, lambda *_: os.write(1, b"got {0}\\n"))
os.write(1, b"ready\\n")
while data := os.read(0, 100):
    os.write(1, data)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT", "SIGHUP"])
def test_signal_reaches_the_program(tmp_path: Path, name: str) -> None:
    """The program gets the signal, and the relay goes on."""
    script = tmp_path / "script.py"
    script.write_text(PROGRAM.format(name))
    argv = ["-", f"EXEC:{sys.executable} {script},{name.lower()}"]
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        stdin, stdout, _ = pipes(process)
        assert stdout.readline() == b"ready\n"
        process.send_signal(signal.Signals[name])
        assert stdout.readline() == b"got %s\n" % name.encode()
        stdin.write(b"still there\n")
        stdin.close()
        assert stdout.read() == b"still there\n"
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT"])
def test_without_a_program_it_ends_the_relay(name: str) -> None:
    """While a client is waited for there is no program, and nothing else to do with it."""
    argv = ["TCP-LISTEN:0", f"EXEC:cat,{name.lower()}"]
    with start("relay", *argv, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        assert b"listening at" in process.stderr.readline()
        process.send_signal(signal.Signals[name])
        assert process.wait(LIMIT) == -signal.Signals[name]


def test_line_for_a_shell(tmp_path: Path) -> None:
    """What is typed most: a shell on a terminal of its own, sane, that gets Ctrl-C."""
    line = "EXEC:sh -i,pty,stderr,setsid,sigint,sane"
    with start("relay", "-", line, stdin=subprocess.PIPE) as process:
        stdin, stdout, _ = pipes(process)
        stdin.write(b"test -t 0 && echo its $((6 * 7))\nexit\n")
        stdin.close()
        assert b"its 42" in stdout.read()
        process.wait(LIMIT)
