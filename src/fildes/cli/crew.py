"""Receives the missing ranges of a document, over one connection or several at once."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fildes.cli.errors import LocalWriteError
from fildes.cli.ledger import ENDLESS, Ledger, Share
from fildes.cli.output import copy
from fildes.cli.parting import Sources, no_parts
from fildes.http.retrying import MAX_ATTEMPTS, delay_before, passes

if TYPE_CHECKING:
    from fildes.cli.partial import Version
    from fildes.cli.parting import Sources

#: Seconds that the others have to end, when one has failed or after Ctrl-C.  # arbitrary
GRACE = 5.0

#: Takes the bytes of a document at an offset.
Write = Callable[[memoryview, int], object]


class Enough(Exception):  # no error: the others receive the rest
    """All of a share is here."""


class Crew:
    """Some workers, each receiving one range after the other.

    One whose connection fails goes on with a new one as long as that brings something.
    If it does not, the others go on without it; the last one tries some more.

    Attributes:
      busy: how many there are at the moment.
      opened: what they read from.
      over: set to end all.
      failure: why one of them ended all.
      lock: held while any of this, or the ledger, is changed.
    """

    def __init__(
        self,
        sources: Sources,
        version: Version,
        ledger: Ledger,
        write: Write,
        lock: threading.Lock,
    ) -> None:
        self.sources = sources
        self.version = version
        self.ledger = ledger
        self.write = write
        self.busy = 0
        self.opened: set[Any] = set()
        self.over = threading.Event()
        self.failure: BaseException | None = None
        self.lock = lock

    def run(self, count: int, source: Any, share: Share | None) -> None:
        """Receive all that is missing.

        Args:
          count: how many connections there are to be.
          source: where *share* is received from; None to open that.

        Raises:
          OSError, EOFError: some of it cannot be received.
        """
        self.busy = count
        if count == 1:
            self.work(self.sources.home, source, share)
            return
        begun = [(source, share), *[(None, None)] * (count - 1)]
        threads = [
            threading.Thread(target=self.guard, args=(self.sources.home + number, *what))
            for number, what in enumerate(begun)
        ]
        self.start_and_wait(threads)
        if self.failure is not None:
            raise self.failure

    def start_and_wait(self, threads: list[threading.Thread]) -> None:
        try:
            for thread in threads:
                thread.daemon = True
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # Ctrl-C
            self.stop()
            deadline = time.monotonic() + GRACE
            for thread in threads:
                # One that is still opening writes nothing any more, and ends with the process.
                if thread.ident is not None and self.opened:
                    thread.join(max(deadline - time.monotonic(), 0))
            raise

    def stop(self) -> None:
        """End all, whichever threads they are."""
        self.over.set()
        for source in list(self.opened):
            source.description.abort()

    def guard(self, number: int, source: Any, share: Share | None) -> None:
        """Work in a thread; what fails there ends all."""
        try:
            self.work(number, source, share)
        except BaseException as error:
            with self.lock:
                self.failure = self.failure or error
            self.stop()

    def work(self, number: int, source: Any, share: Share | None) -> None:
        """Receive one range after the other, beginning at the address of this *number*."""
        attempts = 0
        cut: OSError | EOFError | None = None
        while share is not None or (share := self.take()) is not None:
            before = share.position
            try:
                self.receive(source or self.open(number, share), share)
                attempts = 0
            except ValueError:  # closed by `stop`, between two reads
                self.ledger.give_back(share)
                raise
            except (OSError, EOFError) as error:
                attempts = 1 if share.position > before else attempts + 1
                if cut is not None and no_parts(error):  # the first failure says more
                    error, attempts = cut, MAX_ATTEMPTS + 1
                if not self.may_go_on(number, share, error, attempts):
                    return
                cut = error
                number += 1
                self.over.wait(delay_before(attempts, error) if attempts > 1 else 0)
            source = share = None

    def take(self) -> Share | None:
        """Return the next range to receive; None for a worker that is not needed any more."""
        with self.lock:
            share = self.ledger.take()
            self.busy -= share is None
            return share

    def open(self, number: int, share: Share) -> Any:
        self.check_running()
        return self.sources.open_part(number, share.position, share.stop, self.version)

    def receive(self, source: Any, share: Share) -> None:
        """Write what *source* brings, up to the end of *share*."""

        def write(data: memoryview) -> None:
            data = data[: max(share.left, 0)]
            self.write(data, share.position)
            with self.lock:
                share.position += len(data)
                if share.left <= 0:
                    raise Enough

        with source:
            self.opened.add(source)
            try:
                self.check_running()
                with contextlib.suppress(Enough):
                    copy(source, write)
            finally:
                self.opened.discard(source)
        self.done(share)

    def done(self, share: Share) -> None:
        """Take *share* from the ledger, all of which is here."""
        with self.lock:
            if share.stop == ENDLESS:
                self.version = self.version._replace(size=share.position)
                share.stop = share.position
            self.ledger.give_back(share)

    def may_go_on(
        self, number: int, share: Share, error: OSError | EOFError, attempts: int
    ) -> bool:
        """Give back what is left of *share*; tell whether its worker tries again.

        Raises:
          OSError, EOFError: *error*, if it ends all.
        """
        with self.lock:
            self.ledger.give_back(share)
            if (
                self.over.is_set()
                or isinstance(error, LocalWriteError)
                or self.stale(number, error)
            ):
                raise error
            others = attempts < len(self.sources.addresses)
            if attempts == 1 if passes(error) else others:
                return True
            if self.busy > 1:
                self.busy -= 1
                return False
            if attempts > MAX_ATTEMPTS or not passes(error):
                raise error
            return True

    def stale(self, number: int, error: OSError | EOFError) -> bool:
        """Tell whether *error* says that what was begun cannot be had any more."""
        changed = isinstance(error, OSError) and error.errno == errno.ESTALE
        return changed and self.sources.is_home(number)

    def check_running(self) -> None:
        if self.over.is_set():
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
