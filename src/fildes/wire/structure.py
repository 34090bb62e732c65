"""Files that are read by their own structure, as their bytes go by.

The structure of a kind of file is a generator. It yields what it wants of the file
next: a number for so many bytes, `Skip` for bytes that need not be kept, `SkipPast`
for everything up to and with a byte. A `StructureReader` hands it that from pieces
of any size, so how the input was cut cannot matter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import NamedTuple, Protocol

from fildes.errors import IncompleteError, ProtocolError


class Skip(NamedTuple):
    """Pass over so many bytes."""

    size: int


class SkipPast(NamedTuple):
    """Pass over everything up to this byte, and over the byte."""

    byte: bytes


Wanted = int | Skip | SkipPast
Structure = Generator[Wanted, bytes, None]


class Reader(Protocol):
    """Verifies one file as its bytes go by.

    Attributes:
      done: the file is complete and sound.
      size: how many of its bytes were looked at.
      sound: how many of those are certain to belong to it. Where the file turns out
        to be corrupt, another one may begin behind them.
    """

    done: bool
    size: int
    sound: int

    def take(self, data: bytes, offset: int = 0) -> int:
        """Verify on from *offset*; return where the file ends, or *data* does."""

    def eof(self) -> None:
        """Say that there are no more bytes; raise if the file is not complete."""


class StructureReader(ABC):
    """Verifies a file by its `structure`; see `Reader`.

    Attributes:
      title: what the file is called in messages.
      place: the part that is being read, for messages.
    """

    title: str

    def __init__(self) -> None:
        """Start before the first byte."""
        self.done = False
        self.size = self.sound = 0
        self.place = "header"
        self._entered = 0
        self._structure = self.structure()
        self._got = b""  # of the bytes that are wanted
        self._left = 0  # to pass over
        self._want(next(self._structure))

    @abstractmethod
    def structure(self) -> Structure:
        """Yield what is wanted of the file; return at its end."""

    def take(self, data: bytes, offset: int = 0) -> int:
        """Verify on from *offset*; return where the file ends, or *data* does.

        Raises:
          ProtocolError: the file is corrupt.
        """
        while offset < len(data) and not self.done:
            end, complete = self._read(data, offset)
            self.size += end - offset
            offset = end
            if complete:
                self._resume()
        return offset

    def eof(self) -> None:
        """Say that there are no more bytes.

        Raises:
          IncompleteError: the file is not complete.
        """
        if not self.done:
            raise IncompleteError(f"{self.title} ended inside its {self.place}")

    def enter(self, place: str, before: int = 0) -> None:
        """Note that *place* has begun *before* bytes ago.

        A size that lies leads anywhere, perhaps to what looks like the next part. So
        only what precedes the last part counts as sound.
        """
        self.sound, self._entered = self._entered, self.size - before
        self.place = place

    def corrupt(self, reason: str) -> ProtocolError:
        """Return the error for a file that breaks the rules of its kind."""
        return ProtocolError(f"{self.title} is corrupt: {reason}")

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._got = b""
        self._left = wanted.size if isinstance(wanted, Skip) else 0

    def _resume(self) -> None:
        """Hand over what was wanted, until something is wanted that has not come yet."""
        try:
            self._want(self._structure.send(self._got))
            while self._wanted == Skip(0):
                self._want(next(self._structure))
        except StopIteration:
            self.done = True

    def _read(self, data: bytes, offset: int) -> tuple[int, bool]:
        """Return up to where *data* is wanted, and whether that is all of it."""
        match self._wanted:
            case Skip():
                end = min(offset + self._left, len(data))
                self._left -= end - offset
                return end, self._left == 0
            case SkipPast(byte):
                found = data.find(byte, offset)
                return (found + 1, True) if found >= 0 else (len(data), False)
            case size:
                piece = data[offset : offset + size - len(self._got)]
                self._got += piece
                return offset + len(piece), len(self._got) == size
