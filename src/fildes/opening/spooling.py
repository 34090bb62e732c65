"""A document that comes only in order, received whole so that it has positions.

An archive inside an archive is such a document: its directory is at the end of what has to
be unpacked from the start. It goes to a temporary file without a name, on the disk and not
in memory, up to a limit: a small archive may unpack to more than there is room.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from fildes.streams.kernel import DescriptorStream

if TYPE_CHECKING:
    from fildes.streams.stream import Stream

#: Received for one archive in another.
MAX_SIZE = 256 << 20  # arbitrary

CHUNK = 262144


class Spooled(DescriptorStream):
    """All of a document, in a temporary file; and the *response* that it came with, if any."""

    def __init__(self, fd: int, response: object) -> None:
        super().__init__(fd)
        self.response = response


async def spooled(inner: Stream) -> Stream:
    """Return all that *inner* gives, as a file with positions; *inner* is closed.

    Raises:
      OSError: EFBIG, there is more than `MAX_SIZE`; ENOSPC and others, of the disk.
      OSError, EOFError: *inner* is damaged or incomplete.
    """
    import tempfile

    with tempfile.TemporaryFile(prefix="fildes-", buffering=0) as file:
        size = 0
        while data := await inner.recv(CHUNK):
            size += len(data)
            if size > MAX_SIZE:
                raise OSError(
                    errno.EFBIG,
                    f"an archive in another of more than {MAX_SIZE >> 20} MiB is not unpacked"
                    " on the way: save it first, with fildes get",
                )
            while data:
                data = data[file.write(data) :]
        response = response_of(inner)
        await inner.close()
        file.seek(0)
        return Spooled(os.dup(file.fileno()), response)


def response_of(inner: Stream) -> object:
    """Return the answer of the web server that *inner* comes from, if it does."""
    found = (getattr(layer, "response", None) for layer in inner.layers())
    return next(filter(None, found), None)
