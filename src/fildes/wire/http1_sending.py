"""Bodies of HTTP/1.1 requests: payload in, what goes over the connection out.

A request counts for its server once it is complete, so the last byte of one, the
*seal*, is not written before the caller has said that all is well: the last chunk,
the last byte of a body of known size, or of the head that such a body is empty.
Until then an abort leaves a request that no server takes for a whole one.
"""

from __future__ import annotations

import errno
from typing import Protocol

from fildes.wire.http1 import Fields
from fildes.wire.http1_body import LAST_CHUNK, encode_chunk


class BodyWriter(Protocol):
    """What frames the payload of one request body.

    Attributes:
      fields: what the head says of the body.
    """

    fields: Fields

    def start(self, head: bytes) -> bytes:
        """Return what of *head*, which ends with its empty line, may be sent."""

    def frame(self, data: memoryview) -> bytes:
        """Return what to send for *data*, not empty.

        Raises:
          OSError: EFBIG, it is more than was announced.
        """

    def seal(self) -> bytes:
        """Return what completes the request.

        Raises:
          OSError: EIO, it is less than was announced.
        """


class ChunkedWriter:
    """Frames a body whose size is known at its end only; a BodyWriter."""

    fields: Fields = (("Transfer-Encoding", "chunked"),)

    def start(self, head: bytes) -> bytes:
        """Return all of *head*; see BodyWriter."""
        return head

    def frame(self, data: memoryview) -> bytes:
        """Return *data* as one chunk; see BodyWriter."""
        return encode_chunk(data)

    def seal(self) -> bytes:
        """Return the last chunk; see BodyWriter."""
        return LAST_CHUNK


class LengthWriter:
    """Passes on a body of known size, all but its last byte; a BodyWriter."""

    def __init__(self, size: int) -> None:
        """Start before the first of *size* bytes."""
        self.fields: Fields = (("Content-Length", str(size)),)
        self.size = size
        self.missing = size
        self.last = b""

    def start(self, head: bytes) -> bytes:
        """Keep the end of *head* back if it is the end of the request; see BodyWriter."""
        if self.size:
            return head
        self.last = head[-1:]
        return head[:-1]

    def frame(self, data: memoryview) -> bytes:
        """Return *data* but for the last byte of the body; see BodyWriter."""
        if len(data) > self.missing:
            raise OSError(errno.EFBIG, f"more than the {self.size} bytes that size= announced")
        self.missing -= len(data)
        if self.missing:
            return bytes(data)
        self.last = bytes(data[-1:])
        return bytes(data[:-1])

    def seal(self) -> bytes:
        """Return the last byte; see BodyWriter."""
        if self.missing:
            written = self.size - self.missing
            raise OSError(errno.EIO, f"{written} of the {self.size} bytes that size= announced")
        return self.last


def body_writer(size: int | None) -> BodyWriter:
    """Return a writer for a body of *size* bytes, or of a size that nobody knows yet."""
    return ChunkedWriter() if size is None else LengthWriter(size)
