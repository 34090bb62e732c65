"""Run a program with an opened address as its standard input and output.

A conversation is both; a document is the input, and the program's output goes where
ours goes. The program gets a genuine descriptor, and is run as it stands: no shell
looks at its arguments. The exit status is the program's, but never 0 when what it was
given was not complete.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fildes import verbs
from fildes.cli.errors import UsageError
from fildes.cli.opening import how, limits, read_address
from fildes.cli.reporting import report, say
from fildes.cli.status import Status
from fildes.drivers.blocking import wait
from fildes.opening import registry
from fildes.waiting import READ

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

USAGE = "[OPTIONS] ADDRESS -- PROGRAM [ARGUMENT...]"
EXAMPLES = (
    ("fildes run https://example.com/a.tar.gz -- tar tz", "list a remote archive"),
    ("fildes run tls://localhost:8443 -- ./speak-first", "a program that knows no TLS"),
)
TAKES_PROGRAM = True
OPENS = True

#: What is sent to us alone and meant for the program. Ctrl-C and Ctrl-\ are not among
#: them: the terminal sends those to the program as well.
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("address", metavar="ADDRESS", help="what to open")


def run(arguments: Namespace) -> int:
    """Run the program, then see whether all it was given was complete."""
    if not arguments.program:
        raise UsageError("say which program: fildes run ADDRESS -- PROGRAM")
    address = read_address(arguments.address)
    natural = registry.find_scheme(address.scheme).mode
    file = verbs.open(address, natural, 0, **limits(arguments), **how(arguments))
    status: int = Status.FAILED
    try:
        with file:
            status = run_with(file, arguments.program)
    except (OSError, EOFError) as error:
        if status == -signal.SIGINT:  # which a terminal has sent to whatever was opened, too
            return status
        ours = report(error, debug=arguments.debug)
        return status or ours
    return status


def run_with(file: Any, program: list[str]) -> int:
    """Run *program* on *file* and return its status, or minus the signal it died of."""
    stdin = file.fileno()
    running: list[subprocess.Popen[bytes]] = []
    with forwarding_signals(running) as early:
        try:
            child = subprocess.Popen(
                program, stdin=stdin, stdout=stdin if file.writable() else None
            )
        except FileNotFoundError:
            say(f"no program {program[0]!r}")
            return Status.NOT_FOUND
        except OSError as error:
            say(f"unable to run {program[0]!r}: {error.strerror}")
            return Status.NOT_EXECUTABLE
        running.append(child)
        for number in early:
            child.send_signal(number)
        return exit_status(ended(child))


def ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for the end of *child*, and let signals come meanwhile; return its status."""
    pidfd = os.pidfd_open(child.pid)
    try:
        wait({pidfd: READ})
    finally:
        os.close(pidfd)
    return child.wait()


@contextlib.contextmanager
def forwarding_signals(running: list[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Let signals end what is *running* rather than us, who have to see how it ends.

    Yields:
      Signals that came while nothing was running, though it may have been started.
    """
    early: list[int] = []

    def forward(number: int, _: object) -> None:
        if not running:
            early.append(number)
        for child in running:
            child.send_signal(number)

    with contextlib.ExitStack() as before:
        for number in (*FORWARDED, *FROM_TERMINAL):
            action = forward if number in FORWARDED else ignore
            before.callback(signal.signal, number, signal.signal(number, action))
        yield early


def ignore(number: int, frame: object) -> None:
    """Do nothing. Unlike SIG_IGN this is not inherited by programs; execve(2)."""


def exit_status(code: int) -> int:
    """Return the status for a program that ended with *code*, as a shell has it."""
    if code in (-signal.SIGINT, -signal.SIGPIPE):
        return code  # ends us likewise
    return code if code >= 0 else 128 - code
