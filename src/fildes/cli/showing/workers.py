"""Workers whose counts are seen together: each tells the process that has forked it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from fildes.cli.showing.counts import Counts, add, past
from fildes.cli.showing.link import COUNTS, HURRY, ROWS, Link, Member
from fildes.cli.showing.shows import Shows
from fildes.drivers.loop import Loop
from fildes.workers import Worker, Workers

if TYPE_CHECKING:
    from fildes.cli.relaying.reporter import Reporter
    from fildes.cli.showing.table import Kind, Row

#: Seconds that a worker has to tell its counts; then its last ones are taken. Half of what a
#: scraper waits for, `SCRAPE_TIMEOUT`: on a busy machine they are worth it.
PATIENCE = 5.0


class SeenWorkers(Workers):
    """The workers, and who looks after them; a `View` of all.

    Attributes:
      members: what each worker has told, by its pidfd.
      over: the sums of those that have ended.
      questions: those that not all have answered yet.
    """

    kind: Kind

    def __init__(self, loop: Loop, count: int, reporter: Reporter, *, watched: bool) -> None:
        """Prepare; *watched* is whether a live table is wanted."""
        Workers.__init__(self, loop, count, reporter.complaint)
        self.reporter, self.watched = reporter, watched
        self.started = time.monotonic()
        self.members: dict[int, Member] = {}
        self.over: dict[str, Counts] = {}
        self.questions: list[Question] = []
        self.shows = Shows(loop, self, reporter)

    @property
    @abstractmethod
    def names(self) -> Iterable[str]:
        """Those that listen."""

    def actions(self) -> dict[int, Callable[[], None]]:
        shows = self.shows
        seen: dict[int, Callable[[], None]] = {
            signal.SIGUSR1: shows.show_statistics,
            signal.SIGWINCH: shows.redraw,
        }
        return {**super().actions(), **seen}

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

    @contextlib.contextmanager
    def linked(self) -> Iterator[Link]:
        """Yield, in a worker, what tells who has forked; its loop is that of the worker."""
        ours, theirs = self.ends
        ours.close()
        os.environ.pop("NOTIFY_SOCKET", None)  # the first process speaks for all
        with theirs, Loop() as loop:
            link = Link(loop, theirs)
            if self.shows.watch is not None and self.shows.watch.shown:
                self.reporter.tell = link.tell
            try:
                yield link
            finally:
                link.end()

    def stop(self, number: int) -> None:
        hurried = bool(self.stops)
        super().stop(number)
        if hurried:
            for member in self.members.values():
                member.ask(HURRY)

    def reap(self, pidfd: int) -> tuple[Worker, int]:
        ended = super().reap(pidfd)
        member = self.members.pop(pidfd)
        member.close()
        for name, counts in member.counts.items():
            add(self.over, name, past(counts))
        self.answered(pidfd)
        return ended

    def counts(self) -> dict[str, Counts]:
        sums = dict.fromkeys(self.names, Counts())
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
            member.ask(ROWS if self.watched else COUNTS)
        self.questions.append(question)
        question.answered(-1)

    def answered(self, pidfd: int) -> None:
        """Note that a worker has told its counts, or has gone."""
        for question in list(self.questions):
            question.answered(pidfd)


class Question:
    """The counts of all workers, as soon as they are there."""

    def __init__(self, workers: SeenWorkers, done: Callable[[], None]) -> None:
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
