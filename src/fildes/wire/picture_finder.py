"""Finds the pictures in whatever they lie in, as that comes.

What follows a start is decided by the header of a kind; then every byte goes through
a reader of that kind. What it passes is given out at once. A picture inside another,
in one of its chunks or segments, is a part of that and is not found.

A picture that turns out to be corrupt or cut short may have swallowed the beginning
of another. So the search goes on behind what is certain to belong to it, or
`REWIND_SIZE` before the point of failure if that is later: this much of the input is
held, and no more. Positions are offsets in the input; nothing depends on how it came.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final, NamedTuple

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.base64_text import Base64Text, skip_base64
from fildes.wire.pictures import (
    KINDS,
    LOOK_AHEAD,
    LOOK_BEHIND,
    Kind,
    Start,
    Verdict,
    find_starts,
    judge,
    missed,
)

PIECE_SIZE = 65536  # looked at in one go; arbitrary
REWIND_SIZE: Final = 131072  # two of the largest segments of a JPEG file


class Begun(NamedTuple):
    """A picture of this kind begins at this offset of the input."""

    kind: Kind
    offset: int


class Ended(NamedTuple):
    """The picture has ended: complete and sound, or with the error that it is not."""

    error: ProtocolError | None = None


#: What is found: the beginning of a picture, bytes of it, its end.
Event = Begun | bytes | Ended

Steps = Generator[Event | None, None, None]


NOTHING = Verdict(None, possible=False, final=False)


class PictureFinder:
    """Turns input into events; see `Event`.

    Attributes:
      size: of the input so far.
    """

    def __init__(self, kinds: Sequence[Kind] = KINDS, base: int = 0) -> None:
        """Start before the first byte of the input, whose offset is *base*."""
        self.size = 0
        self._kinds = tuple(kinds)
        self._text = b""  # input that is not done with, or may be looked at again
        self._base = base  # where in the input that begins
        self._at = 0  # where in the text the next step goes on
        self._floor = 0  # what lies before this in the input makes no start
        self._starts: list[Start] = []  # in `_searched`, from `_searched_from` on
        self._searched = b""
        self._searched_from = 0
        self._ended = False
        self._steps = self._find_all()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """Yield what is in *data*; to be exhausted before there is more."""
        view = memoryview(data)
        for start in range(0, len(view), PIECE_SIZE):
            piece = view[start : start + PIECE_SIZE]
            self.size += len(piece)
            self._text += piece
            yield from self._until_starved()

    def finish(self) -> Iterator[Event]:
        """Say that there is no more input; yield what that decides."""
        self._ended = True
        yield from self._until_starved()

    def _until_starved(self) -> Iterator[Event]:
        for event in self._steps:
            if event is None:
                return
            yield event

    # The steps are one generator; at None it waits for more text.

    def _more(self, keep: int) -> Steps:
        """Wait for more text; what lies before *keep* is not needed any longer."""
        keep = max(keep, 0)
        self._text = self._text[keep:]
        self._base += keep
        self._at -= keep
        yield None

    def _find_all(self) -> Steps:
        while True:
            start, verdict = self._next_start()
            if start is None or not (verdict.kind or verdict.final or self._ended):
                if self._ended:
                    return
                yield from self._more(self._at - LOOK_BEHIND)
            elif verdict.kind is None:
                yield from self._miss(start)
            else:
                yield Begun(verdict.kind, self._base + start.offset)
                read = self._read_base64 if start.in_base64 else self._read_plain
                yield from read(verdict.kind)

    def _next_start(self) -> tuple[Start | None, Verdict]:
        """Return the next start that is one, or cannot be told yet; None if there is none."""
        for start in self._find_starts():
            if start.offset >= self._at and self._base + start.since >= self._floor:
                self._at = start.offset
                verdict = judge(self._text, start, self._kinds)
                if verdict.kind or verdict.possible:
                    return start, verdict
        self._at = max(self._at, len(self._text) - LOOK_AHEAD)
        return None, NOTHING

    def _find_starts(self) -> list[Start]:
        """Return the starts in the text; looked for once in each, however many pictures it has."""
        if self._searched is not self._text or self._at < self._searched_from:
            self._starts = find_starts(self._text, self._at, self._kinds)
            self._searched, self._searched_from = self._text, self._at
        return self._starts

    def _miss(self, start: Start) -> Steps:
        """Tell of a picture that ends inside its header, if it is certain to be one."""
        kind = missed(self._text, start, self._kinds)
        if kind is not None:
            yield Begun(kind, self._base + start.offset)
            yield Ended(IncompleteError(f"{kind.title} ended inside its header"))
        self._at = start.offset + 1

    def _read_plain(self, kind: Kind) -> Steps:
        reader = kind.reader()
        begin = self._base + self._at
        error: ProtocolError | None = None
        while not reader.done and error is None:
            try:
                end = reader.take(self._text, self._at)
                yield self._text[self._at : end]
                self._at = end
                if self._ended:
                    reader.eof()
            except ProtocolError as caught:
                error = caught
            if not reader.done and error is None:
                keep = max(begin + reader.sound - self._base, self._at - REWIND_SIZE)
                yield from self._more(keep)
        if error is not None:
            failed = begin + reader.size
            resumed = max(begin + max(reader.sound, 1), failed - REWIND_SIZE)
            self._at = resumed - self._base
        self._floor = self._base + self._at
        yield Ended(error)

    def _read_base64(self, kind: Kind) -> Steps:
        reader = kind.reader()
        written = Base64Text()
        error: ProtocolError | None = None
        while not reader.done and error is None:
            data, size = written.decode(self._text[self._at :])
            self._at += size
            try:
                yield data[: reader.take(data)]
                if written.broken and not reader.done:
                    raise ProtocolError(
                        f"{kind.title} is corrupt: its base64 is not padded correctly"
                    )
                if written.done or self._ended:
                    reader.eof()
            except ProtocolError as caught:
                error = caught
            if not reader.done and error is None:
                yield from self._more(self._at)
        yield Ended(error)
        yield from self._skip_base64()

    def _skip_base64(self) -> Steps:
        """Pass over what is encoded behind a picture."""
        while True:
            size, ends = skip_base64(self._text[self._at :])
            self._at += size
            if ends or self._ended:
                self._floor = self._base + self._at
                return
            yield from self._more(self._at)
