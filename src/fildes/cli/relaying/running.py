"""Run what the command line asks for: with its messages, its progress, its signals."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fildes.cli.errors import UsageError
from fildes.cli.progress import Progress
from fildes.cli.relaying.reloading import outlives_terminal
from fildes.cli.relaying.reporter import (
    Reporter,
    emit_for,
    is_interactive,
    statistics_line,
)
from fildes.cli.relaying.session import Session
from fildes.cli.relaying.sparing import next_line, sparing
from fildes.cli.relaying.standard import check_standard
from fildes.cli.relaying.taps import Count, Tap, Wanted, open_taps
from fildes.cli.reporting import say
from fildes.cli.showing.numbering import numbers
from fildes.cli.status import Status
from fildes.cli.terminal import is_terminal
from fildes.drivers import blocking
from fildes.streams import starting
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.cli.relaying.config import Config
    from fildes.cli.relaying.opening import Means
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.side import Side


def run_plans(
    plans: Sequence[Plan],
    means: Means,
    wanted: Wanted,
    arguments: Namespace,
    config: Config | None = None,
) -> int:
    """Run relays of the command line or of a configuration file; return the status.

    Raises:
      OSError, EOFError: something was not complete.
    """
    check_standard(plans)
    sides = [side for plan in plans for side in (plan.left, plan.right)]
    reporter = Reporter(
        as_json=arguments.json, statistics=arguments.statistics, emit=emit_for(*sides)
    )
    metrics = metrics_of(arguments, config)
    many = config is not None or serves_many(plans[0])
    if not many and (metrics is not None or arguments.watch or arguments.workers):
        raise UsageError("--watch, --metrics and --workers are for a listener that serves many")
    with open_taps(wanted, spare=many) as taps:
        if not many:
            run_one(plans[0], means, reporter, taps, quiet=arguments.json or bool(wanted.kinds))
            return Status.COMPLETE
        return run_many(plans, Many(means, reporter, taps, metrics, config, arguments))


class Many(NamedTuple):
    """What relays that serve many need beside their plans."""

    means: Means
    reporter: Reporter
    taps: list[Tap]
    metrics: Side | None
    config: Config | None
    arguments: Namespace


def run_many(plans: Sequence[Plan], many: Many) -> int:
    """Serve *plans* in this process, or in several workers; return the status."""
    from fildes.cli.relaying.config import Config
    from fildes.cli.relaying.service import Surroundings
    from fildes.cli.relaying.serving import Extras, Serving
    from fildes.drivers.loop import Loop

    config = many.config or Config(())
    count = many.arguments.workers or config.workers or 1
    load = config.load
    emit = many.reporter.emit  # whose reader, if it has gone, is still an error
    many.reporter.emit = sparing(emit, "events are lost", apart=next_line, fatal=[errno.EPIPE])
    starting.take_more()
    extras = Extras(many.metrics, load, many.arguments.watch)
    with Loop() as loop, numbers(shared=count > 1) as numbered:
        around = Surroundings(loop, many.means, many.reporter, many.taps, numbered)
        if count == 1:
            return Serving(around, extras).run(plans)
        from fildes.cli.relaying.workers import RelayWorkers

        return RelayWorkers(around, count, extras).serve(plans)


def serves_many(plan: Plan) -> bool:
    """Tell whether a side of *plan* accepts any number of connections."""
    return any(side.listening and side.settings.fork for side in (plan.left, plan.right))


def metrics_of(arguments: Namespace, config: Config | None) -> Side | None:
    """Return where metrics are served; the command line wins."""
    if arguments.metrics:
        from fildes.cli.relaying.config import metrics_side

        return metrics_side(arguments.metrics)
    return None if config is None else config.metrics


def run_one(plan: Plan, means: Means, reporter: Reporter, taps: list[Tap], *, quiet: bool) -> None:
    """Relay between two sides that are opened once; again and again with socat's fork.

    Raises:
      OSError, EOFError: something was not complete.
    """
    again = plan.left.settings.fork
    with progress_of(quiet=quiet) as moved:
        while True:
            session = Session(plan, means, reporter, [*taps, *moved])
            with on_signals(session):
                try:
                    session.run()
                except (OSError, EOFError) as error:
                    if not again or session.flow is None:
                        raise
                    reporter.failed(error)
                if not again:
                    return
                blocking.run(wait_any({}, plan.left.settings.interval))


@contextlib.contextmanager
def progress_of(*, quiet: bool) -> Iterator[list[Tap]]:
    """Show the progress of a long transfer, where somebody looks and nobody types."""
    if (
        quiet
        or sys.stderr is None
        or not is_terminal(sys.stderr)
        or is_interactive(0)
        or is_interactive(1)
    ):
        yield []
        return
    with Progress("relay", None) as progress:
        yield [Count(progress.advance)]


@contextlib.contextmanager
def on_signals(session: Session) -> Iterator[None]:
    """Let SIGUSR1 show the counts so far, and SIGTERM and SIGHUP end the session.

    Those that a program wants are passed on to it, while it runs.
    """

    def show(number: int, frame: object) -> None:
        say(statistics_line(session.copied(">"), session.copied("<"), session.seconds))

    def end(number: int, frame: object) -> None:
        raise Ended(number)

    def pass_on(number: int, frame: object) -> None:
        if session.pass_on(number):
            return
        raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    actions: dict[int, Callable[[int, object], None]] = {
        signal.SIGUSR1: show,
        signal.SIGTERM: end,
        signal.SIGHUP: end,
    }
    for side in (session.plan.left, session.plan.right):
        actions.update(dict.fromkeys(side.settings.signals, pass_on))
    if outlives_terminal():
        del actions[signal.SIGHUP]
    with contextlib.ExitStack() as before:
        for number, action in actions.items():
            before.callback(signal.signal, number, signal.signal(number, action))
        yield


class Ended(BaseException):
    """A signal ended the session; the process dies by it once all is cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
