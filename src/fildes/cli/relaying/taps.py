"""Who sees what passes: dumps to standard error or a file, raw copies, progress."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from fildes.cli.relaying.dump import DUMPS, Direction, Piece
from fildes.cli.reporting import write
from fildes.cli.writing import writing

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
def open_taps(wanted: Wanted) -> Iterator[list[Tap]]:
    """Open what the wanted dumps need, and return what sees each piece.

    Raises:
      LocalWriteError: a file cannot be written.
    """
    taps: list[Tap] = []
    with contextlib.ExitStack() as files:
        if wanted.kinds:
            emit: Callable[[str], object] = write
            if wanted.path:
                emit = text_writer(files.enter_context(opened(wanted.path)), wanted.path)
            taps.append(Dumper(wanted.kinds, emit))
        for direction, path in wanted.raw:
            taps.append(raw_tap(direction, files.enter_context(opened(path)), path))
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

    def write_text(text: str) -> None:
        with writing(path):
            write_whole(file, text.encode())

    return write_text


def raw_tap(direction: Direction, file: IO[bytes], path: str) -> Tap:
    """Return what copies the bytes of one *direction* into *file*."""

    def tap(connection: int, moving: Direction, data: memoryview) -> None:
        if moving == direction:
            with writing(path):
                write_whole(file, data)

    return tap


def write_whole(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write all of *data*."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
