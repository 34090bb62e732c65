"""Cuts a PNG file out of whatever it lies in, as that comes.

Two ways of lying in something are known: as it is (in a mail, an archive, an HTTP
response, a core dump), and as base64 in a ``data:`` URI (in HTML, CSS, SVG, JSON).
Files are counted in the order in which they begin. A file inside another, in one
of its chunks, is a part of that and is not counted.

A start is looked for with bytes.find: a signature, or ``64,``, the rarest part of
``data:...;base64,`` that has no case. It counts when a PNG header follows; then
every byte goes through a PngReader. What it passes is given out at once, so
nothing but an undecided start is held.
"""

from __future__ import annotations

import errno
import heapq
import re
from collections.abc import Callable, Iterator

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.base64_text import Base64Text, skip_base64
from fildes.wire.png import HEADER_SIZE, SIGNATURE, PngReader, begins_png

_PIECE_SIZE = 65536  # looked at in one go; arbitrary
_URI_HEAD = re.compile(rb"data:[^,:\s\"'<>]*;base64,", re.IGNORECASE)  # RFC 2397 section 3
_ANCHOR = b"64,"
_MAX_URI_HEAD = 128  # arbitrary; "data:image/png;base64," has 22
_MAX_WRITTEN_HEADER = 256  # arbitrary; 40 letters of base64, and room for blanks and escapes


class PngCutter:
    """Finds the PNG file number *index*, from 0, and verifies it.

    Attributes:
      done: all of it was given out; the rest of the input does not matter.
      found: how many complete files have gone by.
    """

    hungry = True  # the output is never longer than the input

    def __init__(self, index: int = 0) -> None:
        """Start before the first byte of the input."""
        self.done = False
        self.found = 0
        self._index = index
        self._size = 0  # of the input so far
        self._png = PngReader()
        self._base64 = Base64Text()
        self._step: Callable[[bytes, list[bytes]], bytes] = self._search
        self._kept = b""  # input that cannot be decided without more
        self._searched = 0  # no start in `_kept` before this offset

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the part of the wanted file that is in *data*.

        Raises:
          ProtocolError: this file, or one before it, is corrupt.
          IncompleteError: the base64 that it is written in ended inside it.
        """
        pieces: list[bytes] = []
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_SIZE):
            piece = view[start : start + _PIECE_SIZE]
            self._size += len(piece)
            text, self._kept = self._kept + piece, b""
            while text and not self.done:
                text = self._step(text, pieces)
        return b"".join(pieces)

    def finish(self) -> None:
        """Say that there is no more input.

        Raises:
          IncompleteError: it ended inside a PNG file.
          FileNotFoundError: there were not so many in it.
        """
        if self.done:
            return
        if self._step in {self._read_plain, self._read_base64}:
            self._png.eof()
        for start, is_base64 in _find_starts(self._kept, self._searched):
            header = _header_at(self._kept, start, is_base64=is_base64)
            if header.startswith(SIGNATURE) and begins_png(header) is None:
                raise IncompleteError("PNG file ended inside its header")
        which = f"PNG file number {self._index + 1}" if self._index else "PNG file"
        raise FileNotFoundError(
            errno.ENOENT, f"no {which} in {self._size} bytes; {self.found} in all"
        )

    # Each step takes the text that it can and returns what is for the next step.

    def _search(self, text: bytes, _pieces: list[bytes]) -> bytes:
        for start, is_base64 in _find_starts(text, self._searched):
            verdict = _is_start(text, start, is_base64=is_base64)
            if verdict:
                return self._begin(text, start, is_base64=is_base64)
            if verdict is None:
                self._keep(text, max(0, start - len(_ANCHOR)))
                return b""
        # A signature may have begun in the last bytes.
        self._keep(text, max(self._searched, len(text) - len(SIGNATURE) + 1))
        return b""

    def _keep(self, text: bytes, start: int) -> None:
        """Keep *text* from *start*, and before it what may be the head of a URI."""
        first = max(0, start - _MAX_URI_HEAD)
        self._kept, self._searched = text[first:], start - first

    def _begin(self, text: bytes, start: int, *, is_base64: bool) -> bytes:
        self._searched = 0
        self._png = PngReader()
        self._base64 = Base64Text()
        self._step = self._read_base64 if is_base64 else self._read_plain
        return text[start:]

    def _read_plain(self, text: bytes, pieces: list[bytes]) -> bytes:
        size = self._deliver(text, pieces)
        if self._png.done:
            self._step = self._search
        return text[size:]

    def _read_base64(self, text: bytes, pieces: list[bytes]) -> bytes:
        data, size = self._base64.decode(text)
        self._deliver(data, pieces)
        if self._png.done:
            self._step = self._skip_base64
        elif self._base64.broken:
            raise ProtocolError("PNG file is corrupt: its base64 is not padded correctly")
        elif self._base64.done:
            self._png.eof()
        else:
            self._kept = text[size:]
            return b""
        return text[size:]

    def _skip_base64(self, text: bytes, _pieces: list[bytes]) -> bytes:
        """Pass over what is encoded behind a file."""
        size, ends = skip_base64(text)
        if ends:
            self._step = self._search
            return text[size:]
        self._kept = text[size:]
        return b""

    def _deliver(self, data: bytes, pieces: list[bytes]) -> int:
        """Verify *data*, give it out if wanted; return how much of it was the file's."""
        size = self._png.take(memoryview(data))
        if self.found == self._index:
            pieces.append(data[:size])
            self.done = self._png.done
        self.found += self._png.done
        return size


def _find_starts(text: bytes, offset: int) -> Iterator[tuple[int, bool]]:
    """Find where files may begin, in order; True for those in base64."""
    return heapq.merge(_find_signatures(text, offset), _find_uris(text, offset))


def _find_signatures(text: bytes, offset: int) -> Iterator[tuple[int, bool]]:
    while (offset := text.find(SIGNATURE, offset)) >= 0:
        yield offset, False
        offset += len(SIGNATURE)


def _find_uris(text: bytes, offset: int) -> Iterator[tuple[int, bool]]:
    while (offset := text.find(_ANCHOR, offset)) >= 0:
        offset += len(_ANCHOR)
        colon = text.rfind(b":", max(0, offset - _MAX_URI_HEAD), offset)
        head = _URI_HEAD.match(text, max(0, colon - len(b"data")))
        if head is not None and head.end() == offset:
            yield offset, True


def _is_start(text: bytes, start: int, *, is_base64: bool) -> bool | None:
    """Return whether a PNG file begins at *start*; None when it is too early to tell."""
    verdict = begins_png(_header_at(text, start, is_base64=is_base64))
    if verdict is None and is_base64:
        _, ends = skip_base64(text[start : start + _MAX_WRITTEN_HEADER])
        return False if ends or len(text) - start >= _MAX_WRITTEN_HEADER else None
    return verdict


def _header_at(text: bytes, start: int, *, is_base64: bool) -> bytes:
    """Return the header of the file that begins at *start*, as far as it is there."""
    if not is_base64:
        return text[start : start + HEADER_SIZE]
    data, _ = Base64Text().decode(text[start : start + _MAX_WRITTEN_HEADER])
    return data[:HEADER_SIZE]
