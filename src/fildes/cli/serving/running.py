"""Run `fildes serve`: what it needs, and where it listens."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, Any

from fildes.cli.errors import UsageError
from fildes.cli.opening import how, limits
from fildes.cli.relaying import readiness
from fildes.cli.relaying.reporter import Reporter
from fildes.cli.reporting import say
from fildes.cli.serving.server import Server
from fildes.cli.serving.work import Work
from fildes.cli.showing.numbering import numbers
from fildes.cli.spelling import compile_spelling
from fildes.cli.status import Status
from fildes.drivers import blocking
from fildes.drivers.loop import Loop
from fildes.listening.naming import knows
from fildes.opening import registry
from fildes.opening.opening import Opening
from fildes.policy.policy import Policy
from fildes.streams import starting
from fildes.verbs import deadline_in, prepare_to_listen

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.cli.showing.workers import SeenWorkers
    from fildes.listening.accepting import Acceptor

#: Programs at once, unless said otherwise: each is a process.  # arbitrary
PROGRAMS = 100

#: A port alone: at loopback.
_PORT = re.compile(r":[0-9]+")


def run_server(arguments: Namespace) -> int:
    """Serve until a signal ends it; return the exit status.

    Raises:
      AddressError, OSError: it cannot be listened there.
    """
    program = arguments.program[0]
    status = check_program(program)
    if status is not None:
        return status
    acceptor = listen(arguments)
    starting.take_more()
    try:
        with Loop() as loop, numbers(shared=arguments.workers > 1) as numbered:
            work = Work(acceptor, arguments, Reporter(), numbered)
            if arguments.workers == 1:
                return run_shown(work, Server(loop, work))
            from fildes.cli.serving.workers import ServeWorkers

            return run_shown(work, ServeWorkers(loop, work))
    finally:
        acceptor.close()


def run_shown(work: Work, server: Server | SeenWorkers) -> int:
    """Run *server*, and show what it does as it is wanted; return its status."""
    arguments, shows = work.arguments, server.shows
    try:
        if arguments.metrics:
            shows.serve_metrics(metrics_opening(arguments))
        with shows.watching(wanted=arguments.watch):
            return server.run(lambda: say_ready(work.acceptor, arguments.ready_fd))
    finally:
        shows.close()


def metrics_opening(arguments: Namespace) -> Opening:
    """Return what listens where metrics are wanted."""
    from fildes.cli.relaying.config import metrics_side

    options = how(arguments)
    policy = options.pop("policy") or Policy.trusted()
    return Opening(metrics_side(arguments.metrics).address, "r+b", policy, options)


def check_program(program: str) -> int | None:
    """Return the status for a *program* that cannot be run; None if it can."""
    places = [program] if "/" in program else [os.path.join(p, program) for p in os.get_exec_path()]
    if any(os.access(place, os.X_OK) and not os.path.isdir(place) for place in places):
        return None
    if any(os.path.exists(place) for place in places):
        say(f"unable to run {program!r}: it is not executable")
        return Status.NOT_EXECUTABLE
    say(f"no program {program!r}")
    return Status.NOT_FOUND


def listen(arguments: Namespace) -> Acceptor:
    """Listen where *arguments* say."""
    text = arguments.address
    if _PORT.fullmatch(text):
        text = f"tcp://{text}"
    given = how(arguments)
    policy = given.pop("policy")
    address = compile_spelling(text, registry.find_scheme)
    try:
        opening, _ = prepare_to_listen(address, "r+b", policy, given, limits_of(address, arguments))
    except io.UnsupportedOperation as error:
        listeners = "tcp://, tls-listen://, unix:, udp-listen://, systemd:"
        raise UsageError(f"{error}; what can is {listeners}") from None
    except TypeError as error:  # a limit that means nothing there
        raise UsageError(str(error)) from None
    return blocking.run(opening.listen(), deadline_in(limits(arguments)["timeout"]))


def limits_of(address: str, arguments: Namespace) -> dict[str, Any]:
    """Return the limits that *arguments* set, as options by name."""
    most = arguments.max_connections
    if most is None and knows(address, "max-connections"):
        most = PROGRAMS
    per_peer, allow = arguments.max_per_peer, arguments.allow
    return {"max-connections": most, "max-per-peer": per_peer, "allow": allow}


def say_ready(acceptor: Acceptor, fd: int | None) -> None:
    """Tell whoever waits for it that connections are accepted, and where."""
    address = str(acceptor.address)
    if fd is None:
        print(address, flush=True)
    else:
        os.write(fd, f"{address}\n".encode())
        os.close(fd)
    readiness.ready(f"listening at {address}")
