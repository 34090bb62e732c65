"""The process of `fildes serve`: its loop, its signals, its messages, its end."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
from typing import TYPE_CHECKING, Any, TypeAlias

from fildes.cli.errors import UsageError
from fildes.cli.opening import how, limits
from fildes.cli.relaying import readiness
from fildes.cli.reporting import message_of, say
from fildes.cli.spelling import compile_spelling
from fildes.cli.status import Status
from fildes.drivers import blocking
from fildes.drivers.loop import Loop
from fildes.listening.naming import knows
from fildes.opening import registry
from fildes.relaying.connection import Connection, Observer
from fildes.relaying.programs import Programs
from fildes.verbs import deadline_in, prepare_to_listen

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

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
    try:
        if arguments.workers == 1:
            return serve(acceptor, arguments, lambda: say_ready(acceptor, arguments.ready_fd))
        from fildes.workers import run_workers

        def told() -> None:
            say_ready(acceptor, arguments.ready_fd)

        return run_workers(
            arguments.workers, acceptor, lambda: serve(acceptor, arguments), told, say
        )
    finally:
        acceptor.close()


def serve(
    acceptor: Acceptor, arguments: Namespace, ready: Callable[[], object] = lambda: None
) -> int:
    """Serve what *acceptor* accepts until a signal ends it; return the exit status."""
    with Loop() as loop:
        teller = Teller(verbose=arguments.verbose)
        limit = arguments.idle_timeout or None
        programs = Programs(
            loop, acceptor, arguments.program, teller, idle_timeout=limit, told=teller.ended
        )
        server = Server(programs, arguments.drain)
        with server.signals():
            ready()
            loop.run(lambda: programs.ended)
    return server.status


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


#: What is done at a signal.
Action: TypeAlias = "Callable[[int], None]"


class Server:
    """What signals do to a server.

    Attributes:
      status: the exit status, or minus the signal to die of.
    """

    def __init__(self, programs: Programs, patience: float) -> None:
        self.programs = programs
        self.patience = patience
        self.status: int = Status.COMPLETE

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let signals stop it and reload it."""
        actions: dict[int, Action] = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self.reload,
        }
        with contextlib.ExitStack() as before:
            for number, action in actions.items():
                # In the loop, where nothing is half done.
                def later(number: int, frame: object, action: Action = action) -> None:
                    self.programs.loop.call_soon(lambda: action(number))

                before.callback(signal.signal, number, signal.signal(number, later))
            yield

    def stop(self, number: int) -> None:
        """Accept no more; the second time, end what is there."""
        if self.programs.acceptor.closed:
            self.status = -number
            self.programs.hurry()
            return
        self.programs.drain(self.patience)
        count = len(self.programs.connections)
        say(f"stopping: {count} connections may finish" if count else "stopping")
        readiness.stopping(f"{count} connections may finish")

    def reload(self, number: int) -> None:
        """Read certificates again; if they are not usable the old ones stay."""
        readiness.reloading()
        try:
            self.programs.acceptor.reload()
            say("reloaded")
        except OSError as error:
            say(f"not reloaded: {message_of(error)}")
        readiness.ready(f"listening at {self.programs.acceptor.address}")


class Teller(Observer):
    """Tells what becomes of connections: failures always, the rest if it is wanted."""

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose

    def accepted(self, connection: Connection) -> None:
        if self.verbose:
            say(f"{connection.number}: connected from {connection.near.peer or 'nobody known'}")

    def closed(self, connection: Connection, error: Exception | None) -> None:
        if error is not None:
            say(f"{connection.number}: {reason(error)}")
        elif self.verbose:
            say(f"{connection.number}: closed")

    def refused(self, peer: str | None, reason: Exception) -> None:
        say(f"refused {peer or 'a client'}: {reason}")

    def ended(self, connection: Connection, status: int) -> None:
        """Tell of a program that has failed, or of any."""
        if status > 0 or (status == 0 and self.verbose):
            say(f"{connection.number}: the program ended with status {status}")
        elif status < 0:
            say(f"{connection.number}: the program was killed by signal {-status}")


def reason(error: Exception) -> str:
    """Return what *error* says."""
    return message_of(error) if isinstance(error, OSError | EOFError) else str(error)
