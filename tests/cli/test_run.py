"""`fildes run`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from commands import LIMIT, RunMain, fildes, start
from peers import Conversation, StartPeer, echo

__all__ = ["fildes"]


def listen(talk: Conversation) -> None:
    """Receive all there is."""
    talk.recv_all()


def test_conversation_is_both_ends_of_the_program(fildes: RunMain, peer: StartPeer) -> None:
    """A program reads what the peer sends and writes what the peer gets."""

    def ask(talk: Conversation) -> None:
        talk.send(b"ping\n")
        assert talk.recv_until(b"\n") == b"pong ping\n"

    server = peer(ask)
    done = fildes("run", server.address(), "--", "sh", "-c", "read word; echo pong $word")
    assert done == (0, "", "")
    server.wait()
    assert server.received == b"pong ping\n"


def test_arguments_pass_no_shell(fildes: RunMain, peer: StartPeer) -> None:
    """Each argument arrives as it was given, whatever a shell would make of it."""
    server = peer(listen)
    fildes("run", server.address(), "--", "printf", "%s|", "a b;c$(d)", "*", "--", "")
    server.wait()
    assert server.received == b"a b;c$(d)|*|--||"


def test_program_sees_three_descriptors(fildes: RunMain, peer: StartPeer) -> None:
    """The program gets 0, 1 and 2, and nothing else of ours."""
    server = peer(listen)
    program = (
        "import os; print(*[fd for fd in range(200) if os.path.exists(f'/proc/self/fd/{fd}')])"
    )
    assert fildes("run", server.address(), "--", sys.executable, "-c", program).status == 0
    server.wait()
    assert server.received == b"0 1 2\n"


@pytest.mark.parametrize(
    ("program", "status", "message"),
    [
        (["sh", "-c", "exit 5"], 5, ""),
        (["sh", "-c", "kill -USR1 $$"], 128 + signal.SIGUSR1, ""),
        (["sh", "-c", "kill -INT $$"], 128 + signal.SIGINT, ""),
        (["no-such-program"], 127, "fildes: no program 'no-such-program'\n"),
        (["/"], 126, "fildes: unable to run '/': Permission denied\n"),
    ],
)
def test_status_is_the_programs(
    fildes: RunMain, peer: StartPeer, program: list[str], status: int, message: str
) -> None:
    """The exit status is that of the program, as a shell would report it."""
    assert fildes("run", peer(echo).address(), "--", *program) == (status, "", message)


#: A program that says when it can be signalled, and ends with status 9 once it was.
WAIT_FOR_TERM = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", file=sys.stderr, flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(9)
"""


def test_signal_is_forwarded(peer: StartPeer) -> None:
    """SIGTERM, sent to us, reaches the program; its status is ours."""
    server = peer(echo)
    with start("run", server.address(), "--", sys.executable, "-c", WAIT_FOR_TERM) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 9


def test_signal_that_comes_as_the_program_starts(
    fildes: RunMain, peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that comes before we know that the program runs reaches it, too."""
    genuine = subprocess.Popen

    def start(*args: Any, **how: Any) -> subprocess.Popen[bytes]:
        child = genuine(*args, **how)
        signal.raise_signal(signal.SIGTERM)
        return child

    monkeypatch.setattr(subprocess, "Popen", start)
    done = fildes("run", peer(echo).address(), "--", "sleep", "1000")
    assert done.status == 128 + signal.SIGTERM


@pytest.mark.parametrize("opened", ["tcp", "exec"])
def test_ctrl_c_ends_program_and_us(opened: str, peer: StartPeer) -> None:
    """Ctrl-C, which the terminal sends to both, ends both, and whatever was opened."""
    address = "exec:cat" if opened == "exec" else peer(echo).address()
    with start(
        "run", address, "--", "sh", "-c", "echo ready >&2; exec cat", process_group=0
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
        assert process.stderr.read() == b""


def test_handlers_are_put_back(fildes: RunMain, peer: StartPeer) -> None:
    """Afterwards signals do what they did before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    fildes("run", peer(echo).address(), "--", "true")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_killed_program_is_no_end(fildes: RunMain) -> None:
    """Who reads the output of a program that is killed gets an error, and it is told why."""
    killed = "exec:sh?arg=-c&arg=printf%20half;kill%20-9%20$$"
    done = fildes("run", killed, "--", "sh", "-c", "cat >&2 2>&-; test $? = 1")
    assert (done.status, done.out) == (18, "")
    assert done.err.startswith("halffildes: unable to finish exec://sh")
    assert "was killed by signal 9" in done.err
