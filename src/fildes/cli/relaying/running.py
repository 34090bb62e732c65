"""Run what the command line asks for: with its messages, its progress, its signals."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fildes.cli.progress import Progress
from fildes.cli.relaying.reporter import Reporter, emit_for, is_interactive, statistics_line
from fildes.cli.relaying.session import Session
from fildes.cli.relaying.taps import Tap, Wanted, is_shown_on_terminal, open_taps
from fildes.cli.reporting import say
from fildes.cli.terminal import is_terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.cli.relaying.dump import Direction
    from fildes.cli.relaying.opening import Means
    from fildes.cli.relaying.plan import Plan


def run_one(plan: Plan, means: Means, wanted: Wanted, arguments: Namespace) -> None:
    """Relay between two sides that are opened once.

    Raises:
      OSError, EOFError: something was not complete.
    """
    reporter = Reporter(
        as_json=arguments.json,
        statistics=arguments.statistics,
        emit=emit_for(plan.left, plan.right),
    )
    with open_taps(wanted) as taps, progress_of(plan, wanted, arguments) as moved:
        session = Session(plan, means, reporter, [*taps, *moved])
        with on_signals(session):
            session.run()


@contextlib.contextmanager
def progress_of(plan: Plan, wanted: Wanted, arguments: Namespace) -> Iterator[list[Tap]]:
    """Show the progress of a long transfer, where somebody looks and nobody types."""
    quiet = arguments.json or is_shown_on_terminal(wanted) or sys.stderr is None
    if quiet or not is_terminal(sys.stderr) or is_interactive(0) or is_interactive(1):
        yield []
        return
    with Progress("relay", None) as progress:

        def tap(connection: int, direction: Direction, data: memoryview) -> None:
            progress.advance(len(data))

        yield [tap]


@contextlib.contextmanager
def on_signals(session: Session) -> Iterator[None]:
    """Let SIGUSR1 show the counts so far, and SIGTERM and SIGHUP end the session."""

    def show(number: int, frame: object) -> None:
        say(statistics_line(session.copied(">"), session.copied("<"), session.seconds))

    def end(number: int, frame: object) -> None:
        raise Ended(number)

    actions: dict[int, Callable[[int, object], None]] = {
        signal.SIGUSR1: show,
        signal.SIGTERM: end,
        signal.SIGHUP: end,
    }
    with contextlib.ExitStack() as before:
        for number, action in actions.items():
            before.callback(signal.signal, number, signal.signal(number, action))
        yield


class Ended(BaseException):
    """A signal ended the session; the process dies by it once all is cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
