"""Receives several files at once, each by a thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from fildes.cli.board import Board
from fildes.cli.getting import Getter, Job
from fildes.cli.opening import opener_of
from fildes.cli.output import write_text
from fildes.cli.reporting import message_of, report
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import Namespace

#: Seconds that a thread has to take back what it wrote, after Ctrl-C.  # arbitrary
GRACE = 5.0


class Batch:
    """Several files to receive, and what came of them.

    Attributes:
      records: one for each file, in the order of the addresses, once it has ended.
    """

    def __init__(self, jobs: list[Job], arguments: Namespace) -> None:
        self.jobs = jobs
        self.arguments = arguments
        self.board = Board(len(jobs))
        self.opener = opener_of(arguments)
        self.getter = Getter(arguments, self.board.begin, self.board.say, self.opener)
        self.left = iter(enumerate(jobs))
        self.lock = threading.Lock()  # of `left`
        self.records: dict[int, dict[str, Any]] = {}

    def run(self) -> int:
        """Receive all; return the worst status, which is the highest."""
        count = min(self.arguments.jobs, len(self.jobs))
        threads = [threading.Thread(target=self.work, daemon=True) for _ in range(count)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # Ctrl-C
            self.stop(threads)
            raise
        finally:
            self.opener.close()
        self.board.finish()
        if self.arguments.json:
            import json

            ordered = [record for _, record in sorted(self.records.items())]
            write_text(json.dumps(ordered, indent=2) + "\n")
        return max(int(record["status"]) for record in self.records.values())

    def stop(self, threads: list[threading.Thread]) -> None:
        """End what is under way; what is not complete is taken back by who writes it."""
        self.board.clear()
        self.getter.stop()
        deadline = time.monotonic() + GRACE
        for thread in threads:
            # One that is still opening has written nothing, and ends with the process.
            if thread.ident is not None and self.getter.busy:
                thread.join(max(deadline - time.monotonic(), 0))

    def work(self) -> None:
        """Receive one file after the other until there are no more."""
        while not self.getter.stopped:
            with self.lock:
                number, job = next(self.left, (-1, None))
            if job is None:
                return
            self.records[number] = self.outcome(job)

    def outcome(self, job: Job) -> dict[str, Any]:
        """Receive the file of *job*; say what is wrong, and return what became of it."""
        started = time.monotonic()
        record: dict[str, Any] = {"address": job.addresses[0].display(), "file": None}
        try:
            received = self.getter.get(job)
        except Exception as error:
            record |= {"status": self.tell(error), "error": message_of(error)}
        else:
            record |= received._asdict() | {"status": Status.COMPLETE}
            record["file"] = record.pop("place")
        self.board.ended()
        return record | {"seconds": round(time.monotonic() - started, 3)}

    def tell(self, error: Exception) -> Status:
        """Say what failed, unless it is only that we are stopping."""
        if self.getter.stopped:
            return Status.INTERRUPTED
        with self.board.aside():
            return report(error, debug=self.arguments.debug)
