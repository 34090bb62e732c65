"""Relays in several processes: one for each processor.

The first process relays nothing. It listens, shows what all of them have done, and reads
the configuration again: then new workers take over, and the old ones end when their
connections have.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fildes.cli.relaying import readiness
from fildes.cli.relaying.counts import Counts, add, past
from fildes.cli.relaying.link import COUNTS, RETIRE, ROWS, Link, Member
from fildes.cli.relaying.reloading import Relays
from fildes.cli.relaying.service import Surroundings, listen
from fildes.cli.relaying.serving import Extras, Serving
from fildes.cli.relaying.showing import Shows
from fildes.drivers.loop import Loop
from fildes.workers import Worker, Workers

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.table import Row
    from fildes.listening.accepting import Acceptor

#: Seconds that a worker has to tell its counts; then its last ones are taken.  # arbitrary
PATIENCE = 1.0


class Shared:
    """A relay, and where its workers accept."""

    def __init__(self, plan: Plan, acceptor: Acceptor) -> None:
        self.plan, self.acceptor = plan, acceptor


class RelayWorkers(Workers, Relays[Shared]):
    """The workers, and who looks after them; a `View` of all.

    Attributes:
      members: what each worker has told, by its pidfd.
      over: the sums of those that have ended.
      questions: those that not all have answered yet.
    """

    def __init__(self, around: Surroundings, count: int, extras: Extras) -> None:
        Relays.__init__(self)
        self.around, self.extras, self.load = around, extras, extras.load
        self.reporter = around.reporter
        Workers.__init__(self, around.loop, count, self.reporter.complaint)
        self.started = time.monotonic()
        self.members: dict[int, Member] = {}
        self.over: dict[str, Counts] = {}
        self.questions: list[Question] = []
        self.shows = Shows(self.loop, self, self.reporter)

    def serve(self, plans: Sequence[Plan]) -> int:
        """Serve *plans* until a signal ends it; return the status.

        Raises:
          OSError: a relay cannot listen; none does then.
        """
        try:
            for plan in plans:
                self.add(plan)
            if self.extras.metrics is not None:
                self.shows.serve_metrics(self.extras.metrics, self.around.means)
            with self.shows.watching(wanted=self.extras.watch):
                return self.run(self.tell_ready)
        finally:
            self.shows.close()
            self.stop_listening()

    def tell_ready(self) -> None:
        """Say that all is there."""
        self.say(f"{self.count} workers")
        readiness.ready(self.summary())

    def stop_listening(self) -> None:
        for shared in self.relays.values():
            shared.acceptor.close()

    def add(self, plan: Plan) -> None:
        self.relays[plan.name] = Shared(plan, self.loop.run_protocol(listen(plan, self.around)))

    def remove(self, name: str) -> None:
        self.relays.pop(name).acceptor.close()

    def hand_over(self, relay: Shared, plan: Plan) -> None:
        self.relays[plan.name] = Shared(plan, relay.acceptor)

    def actions(self) -> dict[int, Callable[[], None]]:
        shows = self.shows
        seen: dict[int, Callable[[], None]] = {
            signal.SIGUSR1: shows.show_statistics,
            signal.SIGWINCH: shows.redraw,
        }
        return {**super().actions(), **seen}

    def hang_up(self) -> None:
        """Let new workers do what is read now, or end, if there is nothing to read."""
        if not self.reloads:
            self.stop(signal.SIGHUP)
        elif not self.stops and self.reload():
            old = [pidfd for pidfd in self.running if pidfd not in self.retired]
            self.retired.update(old)
            for number in range(self.count):
                self.start_again(number)
            for pidfd in old:
                self.members[pidfd].ask(RETIRE)

    def stop(self, number: int) -> None:
        readiness.stopping("no more connections are accepted")
        super().stop(number)

    def start(self, number: int) -> int:
        ours, theirs = self.ends = socket.socketpair()
        try:
            with theirs:
                pidfd = super().start(number)
        except BaseException:
            ours.close()
            raise
        self.members[pidfd] = Member(
            self.loop, ours, lambda line: self.reporter.tell(line), lambda: self.answered(pidfd)
        )
        return pidfd

    def work(self, number: int) -> int:
        ours, theirs = self.ends
        ours.close()
        os.environ.pop("NOTIFY_SOCKET", None)  # the first process speaks for all
        for index, shared in enumerate(self.relays.values()):
            # What one process alone can do falls to another one for each relay.
            shared.acceptor.share((number + index) % self.count, self.count)
        with theirs, Loop() as loop:
            link = Link(loop, theirs)
            if self.shows.watch is not None and self.shows.watch.shown:
                self.reporter.tell = link.tell
            around = self.around._replace(loop=loop, changed=link.changed)
            acceptors = {name: shared.acceptor for name, shared in self.relays.items()}
            serving = Serving(around, Extras(ready=self.unblock, acceptors=acceptors))
            link.attach(serving)
            return serving.run([shared.plan for shared in self.relays.values()])

    def reap(self, pidfd: int) -> tuple[Worker, int]:
        ended = super().reap(pidfd)
        member = self.members.pop(pidfd)
        member.close()
        for name, counts in member.counts.items():
            add(self.over, name, past(counts))
        self.answered(pidfd)
        return ended

    def counts(self) -> dict[str, Counts]:
        sums = dict.fromkeys(self.relays, Counts())
        for each in (self.over, *(member.counts for member in self.members.values())):
            for name, counts in each.items():
                add(sums, name, counts)
        return sums

    def rows(self, now: float) -> list[Row]:
        return [row for member in self.members.values() for row in member.rows]

    def open_by_worker(self) -> dict[int, int]:
        found = dict.fromkeys(range(self.count), 0)
        for pidfd, member in self.members.items():
            active = sum(counts.active for counts in member.counts.values())
            found[self.running[pidfd].number] += active
        return found

    def refresh(self, done: Callable[[], None]) -> None:
        question = Question(self, done)
        for member in self.members.values():
            member.ask(ROWS if self.extras.watch else COUNTS)
        self.questions.append(question)
        question.answered(-1)

    def answered(self, pidfd: int) -> None:
        """Note that a worker has told its counts, or has gone."""
        for question in list(self.questions):
            question.answered(pidfd)


class Question:
    """The counts of all workers, as soon as they are there."""

    def __init__(self, workers: RelayWorkers, done: Callable[[], None]) -> None:
        self.workers, self.done = workers, done
        self.waiting = set(workers.members)
        self.timer = workers.loop.call_at(time.monotonic() + PATIENCE, self.end)

    def answered(self, pidfd: int) -> None:
        """Go on, if *pidfd* was the last one that was waited for."""
        self.waiting.discard(pidfd)
        if not self.waiting:
            self.end()

    def end(self) -> None:
        """Go on with what there is."""
        self.timer.cancel()
        self.workers.questions.remove(self)
        self.done()
