"""Receives a document into a file, going on where it was cut, over as many connections as said."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from fildes.cli import remembering
from fildes.cli.crew import Crew
from fildes.cli.errors import LocalWriteError
from fildes.cli.ledger import ENDLESS, Ledger, Share
from fildes.cli.opening import opener_of
from fildes.cli.partial import Partial, Record, Scratch, Version
from fildes.cli.parting import Sources, no_parts, version_of
from fildes.cli.reporting import message_of
from fildes.cli.writing import writing
from fildes.drivers import blocking
from fildes.errors import NotModifiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.cli.getting import Digest, Getter, Job
    from fildes.cli.progress import Progress
    from fildes.http.response import Headers

#: Seconds between two records of what is there.  # arbitrary
SAVE_INTERVAL = 5.0

#: Read at once for a digest.  # arbitrary
HASH_SIZE = 1 << 20


class StartAgainError(Exception):
    """What is there cannot be continued."""


class Download:
    """One document on its way into a file.

    Attributes:
      count: how many connections there are to be.
      share: what is received from the first source.
      headers: of the first answer; None if nothing had to be asked for.
      lock: held while the ledger, the progress or `saved` is changed.
    """

    file: Scratch
    crew: Crew
    progress: Progress
    share: Share | None = None
    headers: Headers | None = None

    def __init__(self, getter: Getter, job: Job) -> None:
        self.getter = getter
        self.job = job
        self.place = job.place
        self.arguments = getter.arguments
        self.count: int = self.arguments.connections
        self.opener = getter.opener or opener_of(self.arguments)
        trusted = bool(self.arguments.sha256)
        self.sources = Sources(job.addresses, self.opener, trusted=trusted)
        self.version = Version(None, None, None)
        self.lock = threading.Lock()
        self.saved = time.monotonic()

    def run(self, digest: Digest) -> int | None:
        """Receive the document into its place; return its size, None if it has not changed.

        Raises:
          OSError, EOFError: as of `fildes.open` and of reading; LocalWriteError.
        """
        with contextlib.ExitStack() as undo:
            if self.getter.opener is None:
                undo.callback(self.opener.close)
            try:
                source = self.begin(undo)
            except NotModifiedError:
                if not self.arguments.if_changed:
                    raise
                return None
            with self.getter.progress(os.path.basename(self.place), self.version.size) as progress:
                self.progress = progress
                self.receive(source)
                self.finish(digest)
            return progress.copied

    def begin(self, undo: contextlib.ExitStack) -> Any:
        """Open the file, and what is to be written to it first; None if all is there."""
        if self.arguments.resume:
            self.open_file(Partial, undo)
            record = self.file.read_record()
            if record is not None:
                try:
                    return self.go_on(record, undo)
                except StartAgainError:
                    self.getter.tell(f"{self.place} cannot be continued; starting again")
            source = self.open_anew(undo)
        else:
            source = self.open_anew(undo)
            self.place = self.place or self.getter.find_place(source, self.job)
            self.open_file(Scratch, undo)
        self.start_file()
        return source

    def open_file(self, kind: type[Scratch], undo: contextlib.ExitStack) -> None:
        replaces = self.arguments.force or self.arguments.if_changed
        with writing(self.place):
            self.file = kind.begin(self.place, exclusive=not replaces)
        undo.callback(self.file.abort)

    def go_on(self, record: Record, undo: contextlib.ExitStack) -> Any:
        """Go on with what is there; return where the next bytes come from, None if all is.

        Raises:
          StartAgainError: it is of another document, or of a version that is gone, or the
            server gives no parts.
        """
        shown = [address.display() for address in self.job.addresses]
        if record.address not in shown and not self.sources.trusted:
            raise StartAgainError
        self.sources.home = shown.index(record.address) if record.address in shown else 0
        self.version, self.ledger = record.version, Ledger(record.missing)
        self.share = share = self.ledger.take()
        if share is None:
            return None

        def open_part(number: int) -> Any:
            at = self.sources.home + number
            return self.sources.open_part(at, share.position, share.stop, self.version)

        try:
            return self.first(open_part, undo)
        except OSError as error:
            if no_parts(error) or error.errno == errno.ESTALE:
                raise StartAgainError from None
            raise

    def open_anew(self, undo: contextlib.ExitStack) -> Any:
        """Open the document from its beginning, and learn what there is to know of it."""
        source = self.first(self.open_whole, undo)
        self.version = version_of(source)
        if source.response.status != 206 or not self.version.size:
            self.count = 1
        size = self.version.size
        self.ledger = Ledger([(0, ENDLESS if size is None else size)])
        self.share = self.ledger.take()
        return source

    def open_whole(self, number: int) -> Any:
        self.sources.home = number
        options = {}
        if self.arguments.if_changed and self.place:
            options = remembering.conditions(self.place, self.job.addresses[number])
        if self.count > 1:
            try:
                return self.sources.open(number, range="0-", **options)
            except OSError as error:
                if not no_parts(error):
                    raise
        return self.sources.open(number, **options)

    def first(self, open: Callable[[int], Any], undo: contextlib.ExitStack) -> Any:
        """Open the first address that works."""
        source = self.first_of(open)
        undo.push(source)
        self.headers = source.response.headers
        return source

    def first_of(self, open: Callable[[int], Any]) -> Any:
        for number in range(len(self.job.addresses) - 1):
            try:
                return open(number)
            except NotModifiedError:
                raise
            except (OSError, EOFError) as error:
                self.getter.tell(f"{message_of(error)}; trying the next address")
        return open(len(self.job.addresses) - 1)

    def start_file(self) -> None:
        """Make the file ready for what comes."""
        with writing(self.place):
            self.save()
            os.ftruncate(self.file.sink, 0)
            if self.count > 1 and self.version.size:
                # Now, and not after hours, is the time to hear that the disk is too small.
                os.posix_fallocate(self.file.sink, 0, self.version.size)

    def receive(self, source: Any) -> None:
        """Receive what is missing; whatever happens, record what is there."""
        missing = sum(stop - start for start, stop in self.ledger.missing())
        if self.version.size is not None:
            self.progress.skip(self.version.size - missing)
        elif self.share is not None:
            self.progress.skip(self.share.position)
        if self.share is None:
            return
        crew = Crew(self.sources, self.version, self.ledger, self.write, self.lock)
        self.crew = crew
        self.getter.downloads.add(self)
        try:
            self.getter.check_running()
            crew.run(self.count, source, self.share)
            self.version = crew.version
        finally:
            with contextlib.suppress(LocalWriteError), writing(self.place):
                self.save()
            self.getter.downloads.discard(self)  # not before: who stops us waits for that

    def stop(self) -> None:
        """End what is under way, from another thread."""
        self.crew.stop()

    def write(self, data: memoryview, offset: int) -> None:
        """Write what came; now and then, record what is there."""
        size = len(data)
        with writing(self.place):
            while data:
                written = os.pwrite(self.file.sink, data, offset)
                data, offset = data[written:], offset + written
        now = time.monotonic()
        with self.lock:
            self.progress.advance(size)
            due = now - self.saved >= SAVE_INTERVAL
            if due:
                self.saved = now
        if due:
            with writing(self.place):
                self.save()

    def save(self) -> None:
        address = self.job.addresses[self.sources.home].display()
        with self.lock:
            missing = self.ledger.missing()
        self.file.save(Record(address, self.version, missing))

    def finish(self, digest: Digest) -> None:
        """Put the file in its place, if it is what it should be."""
        if self.version.size is not None:  # what came after the last record may be too much
            with writing(self.place):
                os.ftruncate(self.file.sink, self.version.size)
        try:
            self.hash(digest)
        except OSError:
            if isinstance(self.file, Partial):
                self.file.forget()  # none of it can be used
            raise
        with writing(self.place):
            if self.arguments.if_changed and self.headers is not None:
                address = self.job.addresses[self.sources.home]
                remembering.remember(self.file.sink, address, self.headers)
            blocking.run(self.file.close())

    def hash(self, digest: Digest) -> None:
        if not digest.expected:
            return
        buffer, offset = memoryview(bytearray(HASH_SIZE)), 0
        while size := os.preadv(self.file.sink, [buffer], offset):
            digest.update(buffer[:size])
            offset += size
        digest.check(self.job.addresses[self.sources.home].display())
