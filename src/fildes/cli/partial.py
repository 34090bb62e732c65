"""The file that is left of a download that was cut, and how the next one goes on with it.

It lies beside its place, under a name of its own, with a record beside it: of which
version of which document it is, and which bytes of it are missing. The record never
claims more than what is on the disk, so it survives a SIGKILL and a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from fildes import verbs
from fildes.cli.ledger import ENDLESS
from fildes.cli.naming import PART_SUFFIX, RECORD_SUFFIX
from fildes.streams.replacing import Replacement


class Version(NamedTuple):
    """A version of a document, as far as its server tells them apart.

    Attributes:
      size: in bytes; None if the server does not say.
      etag: its strong entity tag.
      modified: when it was modified last, in the server's own words.
    """

    size: int | None
    etag: str | None
    modified: str | None


class Record(NamedTuple):
    """What is known of a partial file.

    Attributes:
      address: where it comes from, without secrets.
      missing: the ranges that are not in it.
    """

    address: str
    version: Version
    missing: list[tuple[int, int]]


class Scratch(Replacement):
    """A new file, written at any offset, that is gone unless it becomes complete."""

    access = os.O_RDWR

    def read_record(self) -> Record | None:
        """Return None: it is new."""
        return None

    def save(self, record: Record) -> None:
        """Do nothing: it is not kept."""


class Partial(Scratch):
    """A new file that stays, if it does not become complete.

    Attributes:
      keep: it is to stay.
    """

    keep = True

    def create(self, mode: int) -> None:
        """Open what is left of an earlier download, or begin."""
        # Neither a link that somebody planted nor a pipe is ours; open(2).
        flags = self.access | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        name = f"{self.name}{PART_SUFFIX}"
        self.sink = os.open(name, flags, mode, dir_fd=self.directory)
        if not stat.S_ISREG(os.fstat(self.sink).st_mode):
            raise OSError(errno.EEXIST, f"{name} is no regular file")
        try:
            fcntl.flock(self.sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, f"{name} is being written by another process") from None
        self.hidden = name

    def read_record(self) -> Record | None:
        """Return the record of what is there; None without one that fits."""
        try:
            with open(os.open(self.record_name, os.O_RDONLY, dir_fd=self.directory)) as file:
                record = parse_record(file.read(1 << 20))  # arbitrary
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return record if written(record) <= os.fstat(self.sink).st_size else None

    def save(self, record: Record) -> None:
        """Write the record, once the bytes that it speaks of are on the disk."""
        import json

        os.fdatasync(self.sink)
        known = {"address": record.address, **record.version._asdict(), "missing": record.missing}
        place = Path(f"/proc/self/fd/{self.directory}", self.record_name)
        with verbs.open(place, "wb") as file:
            file.write(json.dumps(known).encode())

    @property
    def record_name(self) -> str:
        return f"{self.name}{RECORD_SUFFIX}"

    def commit(self) -> None:
        super().commit()
        self.forget()

    def forget(self) -> None:
        """Let nothing stay."""
        self.keep = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.record_name, dir_fd=self.directory)

    def abort(self) -> None:
        if self.keep and self.sink >= 0 and not os.fstat(self.sink).st_size:
            self.forget()
        if self.keep:
            self.hidden = ""  # so that it is not removed
        super().abort()


def parse_record(text: str) -> Record:
    """Return the record that `Partial.save` has written.

    Raises:
      ValueError, TypeError, KeyError: it is none.
    """
    import json

    known: dict[str, Any] = json.loads(text)
    version = Version(*(known[name] for name in Version._fields))
    end = ENDLESS if version.size is None else version.size
    missing = [(start, stop) for start, stop in known["missing"]]
    edges = [edge for gap in missing for edge in gap]
    if edges != sorted(edges) or not all(0 <= edge <= end for edge in edges):
        raise ValueError("ranges that are none")
    return Record(str(known["address"]), version, missing)


def written(record: Record) -> int:
    """Return how large a file with all that is not missing is at least."""
    size, missing = record.version.size, record.missing
    if size is None:
        return missing[-1][0] if missing else 0
    return missing[-1][0] if missing and missing[-1][1] == size else size
