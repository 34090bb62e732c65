"""Who sees what passes: dumps to standard error or a file, raw copies, progress."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from fildes.cli.output import write_all
from fildes.cli.relaying.dump import DUMPS, Direction, Piece
from fildes.cli.relaying.sparing import next_line, sparing
from fildes.cli.reporting import write
from fildes.cli.writing import writing

#: What a full disk does to the dumps of a relay that goes on.
MISSING = "going on; what passes meanwhile is missing there"

#: Sees bytes that passed on a connection in a direction.
Tap = Callable[[int, Direction, memoryview], None]


class Count:
    """Sees how much passed, and no bytes: *count* is called with each size."""

    def __init__(self, count: Callable[[int], object]) -> None:
        self.count = count

    def __call__(self, connection: int, direction: Direction, data: memoryview) -> None:
        """Count one piece."""
        self.count(len(data))


class Wanted(NamedTuple):
    """Which dumps are wanted.

    Attributes:
      kinds: of `DUMPS`, in this order.
      path: the file they go to; standard error if empty.
      raw: files for the bytes themselves, by direction; empty for none.
    """

    kinds: tuple[str, ...] = ()
    path: str = ""
    raw: tuple[tuple[Direction, str], ...] = ()


def now() -> str:
    """Return the time of day, with microseconds."""
    return dt.datetime.now().strftime("%H:%M:%S.%f")


class Dumper:
    """Writes each piece that passes as the wanted dumps have it."""

    def __init__(
        self, kinds: tuple[str, ...], emit: Callable[[str], object], clock: Callable[[], str] = now
    ) -> None:
        self.dumps = [DUMPS[kind] for kind in kinds]
        self.emit = emit
        self.clock = clock
        self.offsets: dict[tuple[int, Direction], int] = {}

    def __call__(self, connection: int, direction: Direction, data: memoryview) -> None:
        """Dump one piece."""
        key = connection, direction
        offset = self.offsets.get(key, 0)
        self.offsets[key] = offset + len(data)
        piece = Piece(connection, direction, offset, bytes(data), self.clock())
        for dump in self.dumps:
            self.emit(dump(piece))

    def forget(self, connection: int) -> None:
        """Forget where *connection* was: it has ended."""
        for direction in (">", "<"):
            self.offsets.pop((connection, direction), None)


@contextlib.contextmanager
def open_taps(wanted: Wanted, *, spare: bool = False) -> Iterator[list[Tap]]:
    """Open what the wanted dumps need, and return what sees each piece.

    Args:
      spare: what a file does not take is lost from it, and no error of who is seen.

    Raises:
      LocalWriteError: a file cannot be opened.
    """
    taps: list[Tap] = []
    with contextlib.ExitStack() as files:
        if wanted.kinds:
            emit: Callable[[str], object] = write
            if wanted.path:
                emit = text_writer(files.enter_context(opened(wanted.path)), wanted.path)
                if spare:
                    emit = sparing(emit, MISSING, apart=next_line)
            taps.append(Dumper(wanted.kinds, emit))
        for direction, path in wanted.raw:
            copy = writer(files.enter_context(opened(path)), path)
            taps.append(raw_tap(direction, sparing(copy, MISSING) if spare else copy))
        yield taps


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """Open the file at *path* for appending, unbuffered."""
    with writing(path):
        file = open(path, "ab", 0)  # closed below
    with file:
        yield file


def text_writer(file: IO[bytes], path: str) -> Callable[[str], object]:
    """Return what writes text into *file*."""
    write_bytes = writer(file, path)
    return lambda text: write_bytes(memoryview(text.encode()))


def writer(file: IO[bytes], path: str) -> Callable[[memoryview], object]:
    """Return what writes all that it is given into *file*, which is at *path*."""

    def write_whole(data: memoryview) -> None:
        with writing(path):
            write_all(file, data)

    return write_whole


def raw_tap(direction: Direction, copy: Callable[[memoryview], object]) -> Tap:
    """Return what has the bytes of one *direction* copied."""

    def tap(connection: int, moving: Direction, data: memoryview) -> None:
        if moving == direction:
            copy(data)

    return tap
