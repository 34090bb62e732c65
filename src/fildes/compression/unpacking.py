"""Finds pictures in archives and in compressed data too, wherever those lie.

Between pictures every byte is looked at for the beginning of a member: of a zip archive,
or of gzip, bzip2, xz or zstd data. What that holds is decompressed as it comes, without
positions, and searched in the same way; what is in a tar archive lies there as it is.
So one pass is enough for all, for a pipe and for an archive in an archive.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator, Sequence

from fildes.compression.packed import Account, Packed, Stored
from fildes.errors import IncompleteError, ProtocolError
from fildes.opening import registry
from fildes.wire.inflate import RAW, Inflate
from fildes.wire.members import Format
from fildes.wire.packed_starts import LONGEST, Start, find_starts
from fildes.wire.picture_finder import Begun, Ended, Event, PictureFinder
from fildes.wire.pictures import KINDS, Kind

PIECE_SIZE = 65536  # looked at in one go; arbitrary

#: How deep archives may lie in each other.
MAX_DEPTH = 5  # arbitrary

#: Yields events; returns the input that is left.
Step = Generator[Event, None, bytes]


class DeepFinder:
    """As `PictureFinder`, of what is in archives too.

    The offset of a picture in compressed data is that of the data.
    """

    def __init__(
        self,
        kinds: Sequence[Kind] = KINDS,
        *,
        base: int = 0,
        place: int | None = None,
        depth: int = 0,
        account: Account | None = None,
    ) -> None:
        """Start before the first byte.

        Args:
          base: the offset of that.
          place: the offset of everything, instead.
          depth: how many archives this lies in.
        """
        self.kinds = kinds
        self.at = base  # the offset of the next byte of the input
        self.place = place
        self.depth = depth
        self.account = account or Account()
        self.raw = PictureFinder(kinds, base)
        self.inside = False  # a picture
        self.member: Packed | Stored | None = None
        self.tail = b""  # input that the raw finder has seen, and that may begin a member
        self.looked_at = base  # no member begins before this offset

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """Yield what is in *data*; to be exhausted before there is more."""
        view = memoryview(data)
        self.account.received += 0 if self.depth else len(view)
        for start in range(0, len(view), PIECE_SIZE):
            yield from self.take(bytes(view[start : start + PIECE_SIZE]))

    def take(self, piece: bytes) -> Iterator[Event]:
        while piece:
            member = self.member
            if member is None:
                piece = yield from self.search(piece)
            elif isinstance(member, Stored):
                piece = yield from self.pass_on(member, piece)
            else:
                piece = yield from self.unpack(member, piece)

    def finish(self) -> Iterator[Event]:
        """Say that there is no more input; yield what that decides.

        Raises:
          ProtocolError: compressed data was corrupt, or cut short (`IncompleteError`).
        """
        while len(self.tail) >= LONGEST:  # the header of what is none
            self.looked_at += 1
            yield from self.take((yield from self.search(b"")))
        member = self.member
        if member is not None:
            if isinstance(member, Packed) and member.decompressor is not None:
                self.account.errors.append(IncompleteError(f"{member.name} was cut short"))
            yield from self.end_member()
            if isinstance(member, Packed):
                yield from self.placed(self.raw.feed(member.between))
        yield from self.placed(self.raw.finish())
        if not self.depth and self.account.errors:
            raise self.account.errors[0]

    def placed(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield *events*, with the offsets of this level."""
        for event in events:
            if isinstance(event, Begun):
                self.inside = True
                yield event if self.place is None else Begun(event.kind, self.place)
            else:
                self.inside = self.inside and not isinstance(event, Ended)
                yield event

    def search(self, data: bytes) -> Step:
        """Look for pictures, and for the next member; return what follows its header."""
        text, begin, seen = self.tail + data, self.at - len(self.tail), len(self.tail)
        self.at += len(data)
        for offset, start in find_starts(text, max(0, self.looked_at - begin)):
            if seen < offset:
                yield from self.placed(self.raw.feed(text[seen:offset]))
                seen = offset
            # In a picture it is none. Where a picture ends before it, that has been told.
            if start is not None and not self.inside and self.depth < MAX_DEPTH:
                if len(text) < offset + start.header:
                    yield from self.placed(self.raw.feed(text[seen:]))
                    self.tail, self.looked_at = text[offset:], begin + offset
                    return b""
                stop = offset + start.header
                if self.begin(start, begin + offset, text[offset:stop]):
                    yield from self.placed(self.raw.finish())
                    self.at, self.tail = begin + stop, b""
                    return text[stop:]
            self.looked_at = begin + offset + 1
        yield from self.placed(self.raw.feed(text[seen:]))
        self.tail = text[-(LONGEST - 1) :]
        return b""

    def begin(self, start: Start, place: int, header: bytes) -> bool:
        """Begin with the member at the offset *place*, if it can be read here."""
        if not start.format:
            assert start.size is not None
            inner = self.deeper(place + start.header, self.place)
            self.member = Stored(start.size, inner)
            return True
        format = self.format_of(start.format, place)
        if format is not None:
            inner = self.deeper(place, place if self.place is None else self.place)
            self.member = Packed(start, place, format, inner, header)
        return format is not None

    def format_of(self, name: str, place: int) -> Format | None:
        """Return the format called *name*; None if it cannot be read here.

        Raises:
          OSError: ENOPKG, all of the input is of this format, and the package is missing.
        """
        if name == "deflate":
            return Format(name, (), lambda: Inflate(RAW), (zlib.error,), single=True)
        try:
            format: Format = registry.find_module(name).codec().format
        except OSError:
            if place or self.depth:
                return None
            raise
        return format

    def deeper(self, base: int, place: int | None) -> DeepFinder:
        """Return what searches the data of a member."""
        return DeepFinder(
            self.kinds, base=base, place=place, depth=self.depth + 1, account=self.account
        )

    def pass_on(self, member: Stored, data: bytes) -> Step:
        """Search in what lies there as it is; return what follows it."""
        part = data[: member.left]
        member.left -= len(part)
        self.at += len(part)
        yield from self.placed(member.inner.feed(part))
        if not member.left:
            yield from self.end_member()
        return data[len(part) :]

    def unpack(self, member: Packed, data: bytes) -> Step:
        """Search in what is decompressed; return what follows it."""
        text, member.between = member.between + data, b""
        if member.decompressor is None:
            match member.goes_on(text):
                case None:
                    member.between = text
                    return b""
                case False:
                    yield from self.end_member()
                    return text
            member.decompressor = member.format.start()
        else:
            member.hold(text)
        try:
            rest = yield from self.decompress(member, text)
        except ProtocolError as error:
            return (yield from self.give_up(member, text, error))
        self.at += len(text) - len(rest)
        return rest

    def decompress(self, member: Packed, data: bytes) -> Step:
        """Search in what becomes of *data*; return what follows the end of the member."""
        while member.decompressor is not None:
            output = member.decompress(data)
            data = b""
            self.account.add(len(output))
            yield from self.placed(member.inner.feed(output))
            if member.decompressor.eof:
                data, member.decompressor = member.decompressor.unused_data, None
                member.held = None  # it was what it looked like
                member.check()
            elif member.decompressor.needs_input:
                break
        return data

    def give_up(self, member: Packed, data: bytes, error: ProtocolError) -> Step:
        """See that the data is corrupt, or none of its kind; return what to search instead."""
        yield from self.end_member()
        if member.certain:
            self.account.errors.append(error)
        if member.held is None:
            return data
        self.at, self.looked_at = member.place, member.place + 1
        self.raw = PictureFinder(self.kinds, self.at)
        return member.held

    def end_member(self) -> Iterator[Event]:
        """Go on behind the member."""
        assert self.member is not None
        inner, self.member = self.member.inner, None
        yield from self.placed(inner.finish())
        self.raw = PictureFinder(self.kinds, self.at)
        self.looked_at = self.at
