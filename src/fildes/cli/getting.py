"""Receives one file, from the first of its addresses that has it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes import verbs
from fildes.cli.errors import LocalWriteError, UsageError
from fildes.cli.naming import name_of, suggested_name
from fildes.cli.opening import open_for_reading
from fildes.cli.output import COPY_SIZE, FILE_COPY_SIZE, copy, write_all
from fildes.cli.progress import Progress
from fildes.cli.reporting import message_of, say
from fildes.cli.writing import writing
from fildes.errors import ProtocolError, add_context

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.address import Address
    from fildes.cli.downloading import Download
    from fildes.cli.passing import Around
    from fildes.opener import Opener

WEB = ("http", "https")  #: what has parts and versions


class Job(NamedTuple):
    """A file to receive.

    Attributes:
      addresses: where it is; the first that works is taken.
      place: where it goes; empty if its server may name it.
    """

    addresses: tuple[Address, ...]
    place: str


class Received(NamedTuple):
    """A file that is there, complete."""

    place: str
    size: int
    changed: bool = True  #: False: it was there before


class Getter:
    """Receives files as the command line says.

    Attributes:
      opener: opens over connections that are kept, for several files; None for one.
      sources, downloads: what is being read, so that another thread can end that.
    """

    def __init__(
        self,
        arguments: Namespace,
        progress: Callable[[str, int | None], Progress] = Progress,
        tell: Callable[[str], None] = say,
        opener: Opener | None = None,
    ) -> None:
        self.arguments = arguments
        self.opener = opener
        self.progress = progress
        self.tell = tell
        self.sources: set[Any] = set()
        self.downloads: set[Download] = set()
        self.stopped = False
        self.lock = threading.Lock()  # of `places`
        self.places: dict[str, Job] = {}  # that servers have chosen, and for which file

    def get(self, job: Job) -> Received:
        """Receive the file of *job*; where an address fails, try the next."""
        if self.in_parts(job):
            return self.download(job)
        *others, last = job.addresses
        for address in others:
            try:
                return self.get_from(address, job)
            except LocalWriteError:
                raise
            except (OSError, EOFError) as error:
                self.tell(f"{message_of(error)}; trying the next address")
        return self.get_from(last, job)

    def in_parts(self, job: Job) -> bool:
        """Tell whether more than one plain request for *job* is wanted, and possible."""
        arguments = self.arguments
        wanted = arguments.resume or arguments.connections > 1 or arguments.if_changed
        possible = all(address.scheme in WEB for address in job.addresses)
        return wanted and possible and not (job.place and is_device(job.place))

    def download(self, job: Job) -> Received:
        from fildes.cli.downloading import Download

        download = Download(self, job)
        size = download.run(Digest(self.arguments.sha256))
        if size is None:
            return Received(download.place, os.stat(download.place).st_size, changed=False)
        return Received(download.place, size)

    def get_from(self, address: Address, job: Job) -> Received:
        with self.open(address) as source:
            self.sources.add(source)
            try:
                self.check_running()
                place = job.place or self.find_place(source, job)
                replaces = self.arguments.force or self.arguments.if_changed
                with open_place(place, force=replaces) as sink:
                    return self.receive(source, sink, place)
            finally:
                self.sources.discard(source)

    def open(self, address: Address) -> Any:
        if self.opener is None:
            return open_for_reading(address, self.arguments)
        return self.opener.open_file(address, "rb", 0)

    def find_place(self, source: Any, job: Job) -> str:
        """Return where to put what its server may name, and nothing else goes."""
        name = suggested_name(source, job.addresses[0]) or name_of(job.addresses[0])
        place = os.path.join(self.arguments.directory, name)
        with self.lock:
            if self.places.setdefault(place, job) is not job:
                raise UsageError(f"another file is called {place}, too: list it with out=NAME")
        check_place(place, force=self.arguments.force or self.arguments.if_changed)
        return place

    def stop(self) -> None:
        """End what is under way, whichever threads do it; they take back what they wrote."""
        self.stopped = True
        for source in list(self.sources):
            source.description.abort()
        for download in list(self.downloads):
            download.stop()

    @property
    def busy(self) -> bool:
        """Something is being read."""
        return bool(self.sources or self.downloads)

    def check_running(self) -> None:
        if self.stopped:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    def receive(self, source: Any, sink: Any, place: str) -> Received:
        """Copy *source* to *sink*, and close both: only then is all well."""
        digest = Digest(self.arguments.sha256)

        def write(data: memoryview) -> None:
            with writing(place):
                write_all(sink, data)
            digest.update(data)
            progress.advance(len(data))

        def around() -> Around:
            from fildes.cli.passing import Around

            return Around(sink.description.stream, place, progress.advance)

        with self.progress(os.path.basename(place), size_of(source)) as progress:
            most = COPY_SIZE if is_device(place) else FILE_COPY_SIZE
            seen = bool(digest.expected)
            copy(source, write, most=most, around=None if seen else around)
            source.close()
            digest.check(source.address)
            with writing(place):
                sink.close()
        return Received(place, progress.copied)


class Digest:
    """The SHA-256 of what was received, if it is asked for."""

    def __init__(self, expected: str | None) -> None:
        self.expected = (expected or "").lower()
        if expected:
            import hashlib

            self.hash = hashlib.sha256()

    def update(self, data: memoryview) -> None:
        if self.expected:
            self.hash.update(data)

    def check(self, address: str) -> None:
        """Raise unless it is the one that was expected."""
        if self.expected and self.hash.hexdigest() != self.expected:
            error = ProtocolError(f"its sha256 is {self.hash.hexdigest()}, not {self.expected}")
            add_context(error, "read", address)
            raise error


def check_place(place: str, *, force: bool) -> None:
    """Raise, before anything is opened, if *place* is taken."""
    if not force and os.path.lexists(place) and not is_device(place):
        raise UsageError(f"{place} exists: choose another name with -o, or --force to replace it")


def is_device(place: str) -> bool:
    """Tell whether bytes written to *place* go on to somewhere else, so that it stays."""
    try:
        mode = os.stat(place).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISBLK(mode)


@contextlib.contextmanager
def open_place(place: str, *, force: bool) -> Iterator[Any]:
    """Yield *place*, opened for writing; what was written counts once it is closed."""
    with writing(place):
        sink = verbs.open(Path(place), "wb" if force or is_device(place) else "xb", 0)
    with sink:
        yield sink


def size_of(source: Any) -> int | None:
    """Return how many bytes *source* has, if that is known beforehand."""
    response = getattr(source, "response", None)
    if response is not None and not hasattr(source.description.stream, "response"):
        return None  # of what it was cut out of, or decompressed from
    if response is not None:
        length = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None
    try:
        size: int = source.seek(0, os.SEEK_END)
        source.seek(0)
    except OSError:  # it has no positions, or not from the end, as in proc(5)
        return None
    return size or None
