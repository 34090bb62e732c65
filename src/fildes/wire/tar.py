"""A tar archive, read as it comes: a member's data is given out, the rest is passed over."""

from __future__ import annotations

from collections.abc import Callable

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.tar_header import BLOCK_SIZE, Header, read_header, read_records, text, with_records

#: Most bytes of a long name or of a pax header.
MAX_EXTENSION = 1 << 20  # arbitrary

#: Of pax, for one (so did Solaris before) and for all; of GNU, a long name and link target.
EXTENSIONS = (b"x", b"X", b"g", b"L", b"K")
_END = bytes(BLOCK_SIZE)


class TarReader:
    """Looks for the member that *choose* picks.

    A tar archive ends with two blocks of zeros. Without them it was cut short: that
    is an error, although it may be between two members and tar(1) says nothing.

    Attributes:
      done: all of the member was given out, or there is none.
      member: the header of what was chosen.
    """

    hungry = True  # the output is never longer than the input

    def __init__(self, choose: Callable[[Header], bool]) -> None:
        """Start before the first header; *choose* is asked for each member."""
        self.done = False
        self.member: Header | None = None
        self._choose = choose
        self._kept = b""
        self._left = 0  # of the data of the present member
        self._padding = 0  # behind it
        self._ends = 0  # blocks of zeros in a row
        self._sparse: int | None = None  # size of the data behind the maps of a sparse file
        self._extension = b""  # the type of the extended header that we are in
        self._extended = bytearray()
        self._global: dict[str, str] = {}
        self._records: dict[str, str] = {}  # for the next member
        self._announced = False  # there must be a next member

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the part of the chosen member's data that is in *data*.

        Raises:
          ProtocolError: a header is corrupt.
        """
        view = memoryview(self._kept + data)
        pieces: list[memoryview] = []
        while not self.done and (size := self._next_size(len(view))):
            self._step(view[:size], pieces)
            view = view[size:]
        self._kept = bytes(view)
        return b"".join(pieces)

    def _next_size(self, there: int) -> int:
        """Return how many of the bytes that are *there* the next step takes."""
        if self._left or self._padding:
            return min(self._left or self._padding, there)
        return BLOCK_SIZE if there >= BLOCK_SIZE else 0

    def _step(self, piece: memoryview, pieces: list[memoryview]) -> None:
        if self._left:
            self._take(piece, pieces)
        elif self._padding:
            self._padding -= len(piece)
        else:
            self._read_block(bytes(piece))

    def finish(self) -> None:
        """Say that there is no more input.

        Raises:
          IncompleteError: the archive has not ended.
        """
        if self.done:
            return
        if self._left or self._padding or self._kept or self._announced or self._sparse is not None:
            raise IncompleteError("the tar archive was cut short inside a member")
        raise IncompleteError("the tar archive was cut short: it has no end marker")

    def _take(self, piece: memoryview, pieces: list[memoryview]) -> None:
        """Give out, gather or pass over a *piece* of a member's data."""
        self._left -= len(piece)
        if self._extension:
            self._extended += piece
            if not self._left:
                self._extend()
        elif self.member is not None:
            pieces.append(piece)
            self.done = not self._left

    def _read_block(self, block: bytes) -> None:
        """Read the header of a member, one more map of it, or half of the end marker."""
        if self._sparse is not None:
            self._read_map(self._sparse, block[504])
        elif block == _END:
            if self._announced:
                raise ProtocolError("the tar archive ends where a member was announced")
            self._ends += 1
            self.done = self._ends == 2
        elif self._ends:
            raise ProtocolError("the tar archive goes on after half of an end marker")
        else:
            self._read_header(block)

    def _read_header(self, block: bytes) -> None:
        header = read_header(block)
        if header.type in EXTENSIONS:
            self._begin_extension(header)
            return
        header = with_records(header, {**self._global, **self._records})
        self._records, self._announced = {}, False
        if self._choose(header):
            self.member = header
            self.done = not header.size or bool(header.unreadable)
        self._read_map(header.size, block[482] if header.type == b"S" else 0)

    def _read_map(self, size: int, goes_on: int) -> None:
        """Begin the data, unless the map of a sparse file *goes_on* in the next block."""
        self._sparse = size if goes_on else None
        if not goes_on:
            self._begin_data(size)

    def _begin_data(self, size: int) -> None:
        self._left = size
        self._padding = -size % BLOCK_SIZE

    def _begin_extension(self, header: Header) -> None:
        if not 0 < header.size <= MAX_EXTENSION:
            raise ProtocolError(f"a tar archive has an extended header of {header.size} bytes")
        self._extension, self._extended = header.type, bytearray()
        self._begin_data(header.size)

    def _extend(self) -> None:
        """Keep what an extended header says of the next member, or of all."""
        data, type_ = bytes(self._extended), self._extension
        self._extension, self._extended = b"", bytearray()
        self._announced = self._announced or type_ != b"g"
        if type_ == b"g":
            self._global.update(read_records(data))
        elif type_ in (b"x", b"X"):
            self._records.update(read_records(data))
        else:
            self._records["path" if type_ == b"L" else "linkpath"] = text(data)
