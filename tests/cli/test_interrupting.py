"""Ctrl-C that comes while Python runs what drops exceptions."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys

import pytest
from commands import ENVIRONMENT, LIMIT, start
from peers import Conversation, StartPeer

#: Runs the command; a signal comes in the first so many finalizers of files, as if
#: somebody had pressed Ctrl-C just then.
PROGRAM = """
import signal, sys
from fildes.cli import main
from fildes.files.binary import File

finalize, left = File.__del__, iter(range({count}))

def interrupted(file):
    finalize(file)
    for _ in left:
        signal.raise_signal(signal.SIGINT)
        return

File.__del__ = interrupted
sys.exit(main())
"""


def unfinished(talk: Conversation) -> None:
    """Say that a body comes, and send none of it."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
    talk.stall()


@pytest.mark.parametrize("count", [1, 2])
def test_interrupt_in_a_finalizer_is_not_lost(peer: StartPeer, count: int) -> None:
    """Where the interpreter drops the exception, the command still ends by the signal."""
    silent = peer(unfinished).address("http", "/")
    argv = [sys.executable, "-c", PROGRAM.format(count=count), "cat", *["data:,x"] * count, silent]
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_interrupt_warns_of_nothing() -> None:
    """What is left unfinished by an interrupt, a coroutine that has not begun, is not told of."""
    program = """
import signal, sys
from fildes.cli import main
from fildes.drivers import blocking

blocking.run = lambda protocol, *how: signal.raise_signal(signal.SIGINT)
sys.exit(main())
"""
    argv = [sys.executable, "-c", program, "cat", "tcp://127.0.0.1:9"]
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_other_dropped_exceptions_are_shown() -> None:
    """What is dropped for another reason is told as ever."""
    program = PROGRAM.replace("signal.raise_signal(signal.SIGINT)", "raise ValueError('mine')")
    argv = [sys.executable, "-c", program.format(count=1), "cat", "data:,x"]
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (0, b"x")
    assert b"ValueError: mine" in done.stderr


def test_status_of_children_under_who_ignores_sigchld() -> None:
    """A parent that ignores SIGCHLD, which is inherited, does not keep us from hearing of ours."""
    ignoring = functools.partial(signal.signal, signal.SIGCHLD, signal.SIG_IGN)
    with start("cat", "exec:sh?arg=-c&arg=kill%20-9%20$$", preexec_fn=ignoring) as process:
        assert process.wait(LIMIT) == 18
