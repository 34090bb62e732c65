"""A folder that the pictures found in something are put into, each when it is complete."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fildes import verbs
from fildes.cli.output import write_all
from fildes.cli.writing import writing
from fildes.errors import ProtocolError
from fildes.trace import describe
from fildes.wire.picture_finder import Begun, Ended, Event
from fildes.wire.pictures import Kind


class Album:
    """Writes the pictures of some kinds into a folder, as 001.png, 002.jpg and so on.

    Attributes:
      saved: how many pictures are there, complete.
      records: what became of each picture, for programs.
      errors: why pictures are not there: they were corrupt or cut short.
    """

    def __init__(self, folder: str, wanted: Collection[Kind], *, force: bool) -> None:
        self.folder = folder
        self.wanted = wanted
        self.mode = "wb" if force else "xb"
        self.saved = 0
        self.records: list[dict[str, object]] = []
        self.errors: list[ProtocolError] = []
        self.begun: Begun | None = None
        self.place = ""
        self.size = 0
        self.sink: Any = None  # of the picture that is being written

    def take(self, event: Event) -> None:
        """Go along with *event*."""
        match event:
            case Begun():
                self.begin(event)
            case Ended(error):
                self.end(error)
            case _:
                self.write(event)

    def begin(self, begun: Begun) -> None:
        if begun.kind not in self.wanted:
            return
        self.begun, self.size = begun, 0
        self.place = os.path.join(self.folder, f"{self.saved + 1:03}{begun.kind.suffix}")
        with writing(self.place):
            self.sink = self.make()

    def make(self) -> Any:
        """Return the new file at the place."""
        try:
            os.makedirs(self.folder, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        try:
            return verbs.open(Path(self.place), self.mode, 0)
        except FileExistsError:
            what = "it exists: choose another folder with -o, or --force to replace it"
            raise FileExistsError(errno.EEXIST, what) from None

    def write(self, data: bytes) -> None:
        if self.sink is not None:
            with writing(self.place):
                write_all(self.sink, data)
        self.size += len(data)

    def end(self, error: ProtocolError | None) -> None:
        if self.begun is None:
            return
        record: dict[str, object] = {"kind": self.begun.kind.name, "offset": self.begun.offset}
        self.begun = None
        if error is not None:
            self.discard()
            self.errors.append(error)
            self.records.append({**record, "file": None, "error": describe(error)})
            return
        with writing(self.place):
            sink, self.sink = self.sink, None
            sink.close()
        self.saved += 1
        self.records.append({**record, "file": self.place, "size": self.size})

    def discard(self) -> None:
        """Leave nothing of a picture that is not complete."""
        sink, self.sink = self.sink, None
        if sink is not None:
            with contextlib.suppress(OSError):  # it was to go anyway
                sink.abort()
