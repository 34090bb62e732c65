"""Bodies of HTTP/1.1 messages: the payload in what a connection brings.

A reader owns no buffer. Bytes are received straight into the user's buffer, and
`decode` turns what lies there into payload *in place*: payload is never longer
than its encoding, so it always fits. A body of known length is left as it is;
of a chunked one each chunk is moved down over the framing before it, one
memmove(3) a chunk.

    if size := receive_into(view):
        size = body.decode(view[:size])
    else:
        body.eof()

The way not taken is to receive each piece of framing by itself, into a buffer of
our own: no byte would be moved, but each chunk would cost two more system calls.
"""

from __future__ import annotations

import sys
from typing import Final, Protocol

from fildes.errors import IncompleteError, ProtocolError
from fildes.patterns import pattern
from fildes.wire.http1 import HeadLimits, parse_field
from fildes.wire.http1_framing import Chunked, Framing, Length, NoBody

#: Ends a chunked body that has no trailers.
LAST_CHUNK: Final = b"0\r\n\r\n"

# RFC 9112 section 7.1, at most 64 bits. Extensions are passed over (section 7.1.1), but
# have to be some, and without the blanks that only bad senders put there (RFC 9110
# section 5.6.3): llhttp takes no others.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t\x20!#-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_SIZE_LINE = pattern(rb"([0-9A-Fa-f]{1,16})(?:;%b(?:=(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED))
# What lies between two chunks, if it is in one piece and has no extension. Only a short cut.
_BETWEEN_CHUNKS = pattern(rb"\r\n([0-9A-Fa-f]{1,16})\r\n")
_UP_TO_LF = pattern(rb"[^\n]*\n?")

_MAX_SIZE_LINE = 4096  # arbitrary; extensions are hardly used
MAX_TRAILERS = HeadLimits().max_trailers


class BodyReader(Protocol):
    """What reads the payload of one body out of the bytes of a connection.

    Attributes:
      done: the body is complete; nothing more of the connection belongs to it.
      excess: how many bytes given to `decode` came after its end. They are
        dropped; a connection that brought any is not to be used again.
      direct: how many of the next bytes are payload without framing in
        between. That many may be moved past the reader, with splice(2) say;
        `took` then says how many were.
    """

    done: bool
    excess: int
    direct: int

    def took(self, size: int) -> None:
        """Count *size* bytes of payload that were moved past the reader."""

    def decode(self, view: memoryview) -> int:
        """Turn the bytes in *view*, just received, into payload in place.

        Returns:
          The size of the payload, now at the start of *view*; what lies after
          it is garbage. 0 means that there was only framing: the body has
          ended only when `done` says so.

        Raises:
          ProtocolError: the framing is broken. None of *view* is payload.
        """

    def eof(self) -> None:
        """Say that the peer has closed.

        Raises:
          IncompleteError: the body is not complete.
        """


def body_reader(framing: Framing, max_trailers: int = MAX_TRAILERS) -> BodyReader:
    """Return a reader for one body framed so, with so many bytes of trailers at most."""
    match framing:
        case NoBody():
            return LengthReader(0)
        case Length(size):
            return LengthReader(size)
        case Chunked():
            return ChunkedReader(max_trailers)
    return UntilCloseReader()


class LengthReader:
    """Reads a body of known size; a BodyReader."""

    def __init__(self, size: int) -> None:
        """Start before the first of *size* bytes."""
        self.size = size
        self.direct = size
        self.done = size == 0
        self.excess = 0

    def took(self, size: int) -> None:
        """Count *size* bytes of payload; see BodyReader."""
        self.direct -= size
        self.done = self.direct == 0

    def decode(self, view: memoryview) -> int:
        """Return how much of *view* is payload; see BodyReader."""
        size = min(len(view), self.direct)
        self.excess += len(view) - size
        self.took(size)
        return size

    def eof(self) -> None:
        """Refuse to end early; see BodyReader."""
        if not self.done:
            seen = self.size - self.direct
            raise IncompleteError(f"HTTP body ended after {seen} of {self.size} bytes")


class UntilCloseReader:
    """Reads a body that ends with the connection; a BodyReader."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self.direct = sys.maxsize
        self.done = False
        self.excess = 0

    def took(self, size: int) -> None:
        """Count nothing: there is no size to reach; see BodyReader."""

    def decode(self, view: memoryview) -> int:
        """Return the size of *view*, all of it payload; see BodyReader."""
        return len(view)

    def eof(self) -> None:
        """Take the end of the connection for the end of the body; see BodyReader."""
        self.done = True
        self.direct = 0


class ChunkedReader:
    """Reads a chunked body; a BodyReader.

    Attributes:
      trailers: the fields after the last chunk; all of them once `done`.
    """

    def __init__(self, max_trailers: int = MAX_TRAILERS) -> None:
        """Start before the first size line; at most *max_trailers* bytes follow the last."""
        self.max_trailers = max_trailers
        self.trailers: list[tuple[str, str]] = []
        self.direct = 0  # what is left of the current chunk
        self.done = False
        self.excess = 0
        self._payload = 0
        self._line = bytearray()  # the line being read, as far as it came
        self._take_line = self._take_size
        self._max_line = _MAX_SIZE_LINE

    def took(self, size: int) -> None:
        """Count *size* bytes of the current chunk; see BodyReader."""
        self.direct -= size
        self._payload += size
        if self.direct == 0:
            self._take_line, self._max_line = self._take_chunk_end, len(b"\r\n")

    def decode(self, view: memoryview) -> int:
        """Move the payload in *view* to its start; see BodyReader."""
        size = offset = 0
        while offset < len(view) and not self.done:
            if not self.direct:
                offset = self._read_line(view, offset)
                continue
            stop = min(offset + self.direct, len(view))
            chunk = view[offset:stop]
            if size < offset:
                view[size : size + len(chunk)] = chunk
            size += len(chunk)
            offset = stop
            self.took(len(chunk))
            if not self.direct:
                offset = self._skip_to_next(view, offset)
        self.excess += len(view) - offset
        return size

    def eof(self) -> None:
        """Refuse to end before the last line of the body; see BodyReader."""
        if not self.done:
            where = f", {self.direct} bytes before the end of a chunk" if self.direct else ""
            raise IncompleteError(f"chunked HTTP body ended after {self._payload} bytes{where}")

    def _skip_to_next(self, view: memoryview, offset: int) -> int:
        """Return the offset of the next chunk's data, or *offset* to go line by line."""
        match = _BETWEEN_CHUNKS.match(view, offset)
        if match is None or not (size := int(match[1], 16)):
            return offset
        self.direct = size
        return match.end()

    def _read_line(self, view: memoryview, offset: int) -> int:
        stop = min(len(view), offset + self._max_line - len(self._line))
        match = _UP_TO_LF.match(view, offset, stop)
        assert match is not None  # it matches anything
        self._line += match[0]
        if self._line.endswith(b"\n"):
            line, self._line = bytes(self._line), bytearray()
            if not line.endswith(b"\r\n"):
                raise ProtocolError("line in a chunked HTTP body ends in LF without CR")
            self._take_line(line[:-2])
        elif len(self._line) == self._max_line:
            raise ProtocolError(
                f"expected CRLF in a chunked HTTP body within {self._max_line} bytes"
            )
        return match.end()

    def _take_chunk_end(self, line: bytes) -> None:
        # The limit of two bytes leaves CRLF as the only line that comes here.
        assert not line, line
        self._take_line, self._max_line = self._take_size, _MAX_SIZE_LINE

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise ProtocolError(f"not an HTTP chunk size: {line[:40]!r}")
        self.direct = int(match[1], 16)
        if self.direct == 0:
            self._take_line, self._max_line = self._take_trailer, self.max_trailers

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self.done = True
            return
        self._max_line -= len(line) + 2
        name, value = parse_field(str(line, "latin-1"))
        if name.lower() in {"content-length", "transfer-encoding"}:
            raise ProtocolError(f"{name} in the trailers of a chunked HTTP body")
        self.trailers.append((name, value))


def encode_chunk(data: bytes | bytearray | memoryview) -> bytes:
    """Return *data* as one chunk; nothing for no data, as an empty chunk is the last one."""
    size = memoryview(data).nbytes
    return b"".join((b"%x\r\n" % size, data, b"\r\n")) if size else b""
