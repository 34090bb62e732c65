"""Run a program for each connection, which is its standard input and output.

The program gets the connection as a genuine descriptor, under TLS what comes
out of it, and variables that tell of it: PROTO, TCPREMOTEIP, TCPREMOTEPORT,
TCPLOCALIP, TCPLOCALPORT, SSL_CLIENT_S_DN and their like. No shell looks at its
arguments.

A connection ends with its program, in order whatever its status is. The answer
arrives even if the question was not read. A client whose program was killed by
a signal is reset, so that it does not take half an answer for the whole. A
program that closes its connection and lives on is seen to within a second.

The first line of output is the address that is listened at, with its real
port. SIGTERM ends in order: nobody is let in any more, and those who are there
may finish; a second one ends at once. SIGHUP reads certificates again, or is
as SIGTERM if there are none; SIGUSR1 tells the counts so far. Programs that
fail are told of.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from fildes.cli.errors import UsageError
from fildes.cli.usage import given, typed
from fildes.cli.values import read_count, read_descriptor, read_seconds, read_workers

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

USAGE = "[OPTIONS] ADDRESS -- PROGRAM [ARGUMENT...]"
EXAMPLES = (
    ("fildes serve :8007 -- cat", "echo, for programs of this machine"),
    ("fildes serve tls-listen://0.0.0.0:8443?cert=ours.pem -- ./greet", "under TLS, for all"),
    ("fildes serve --allow 10.0.0.0/8 tcp://0.0.0.0:79 -- finger", "for some"),
    ("fildes serve --watch --metrics :9100 --workers 2 :8007 -- cat", "see what it does"),
    ("fildes serve systemd: -- ./answer", "at the sockets of a .socket unit"),
)
TAKES_PROGRAM = True
OPENS = True


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add = parser.add_argument
    add("address", metavar="ADDRESS", help="where to listen; without a host on loopback only")
    add(
        "--max-connections",
        type=typed(read_count),
        metavar="N",
        help="at once; more have to wait (100)",
    )
    add(
        "--max-per-peer",
        type=typed(read_count),
        metavar="N",
        help="at once from one address; no more get in",
    )
    add("--allow", action="append", metavar="NETWORK", help="let only those in; repeat for more")
    add(
        "--drain",
        type=typed(read_seconds),
        default=30.0,
        metavar="S",
        help="seconds that open connections get to finish at the end (30)",
    )
    add(
        "--workers",
        type=typed(read_workers),
        default=1,
        metavar="N",
        help="processes that share the work (1)",
    )
    add("--watch", action="store_true", help="show a live table of connections and programs")
    add("--metrics", type=given, metavar="ADDRESS",
        help="serve counters to Prometheus, as at 127.0.0.1:9100")  # fmt: skip
    add(
        "--ready-fd",
        type=typed(read_descriptor),
        metavar="FD",
        help="write the address there, not to the output",
    )


def run(arguments: Namespace) -> int:
    """Serve until a signal ends it."""
    if not arguments.program:
        raise UsageError("say which program: fildes serve ADDRESS -- PROGRAM")
    if arguments.ready_fd is not None:
        check_descriptor(arguments.ready_fd)
    from fildes.cli.serving.running import run_server

    return run_server(arguments)


def check_descriptor(fd: int) -> None:
    """Raise `UsageError` unless *fd* is open for writing; nothing of ours is open yet."""
    try:
        mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    except (OSError, ValueError):
        raise UsageError(f"--ready-fd {fd}: no such descriptor is open") from None
    if mode == os.O_RDONLY:
        raise UsageError(f"--ready-fd {fd}: that descriptor cannot be written to")
