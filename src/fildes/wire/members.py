"""Decompresses members (streams, frames) that follow each other, with bounded output.

All compressed formats are read by the same rules. The end of the input is the end of
the data only right behind a member whose end marker and checksum were verified by its
decompressor. What follows a member is another one, or padding where the format has
it; anything else is an error, although gzip(1) and others would ignore it: a file
that was damaged there must not pass for a complete one.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple, Protocol

from fildes.errors import IncompleteError, ProtocolError

#: Most that one step gives out, however far the input expands.
OUTPUT_SIZE = 131072  # arbitrary; twice what one receive takes

#: Most that a decompressor may need for what came before: the windows of zstd's own
#: default limit; xz -9 needs half of it (xz(1)).
MAX_WINDOW = 1 << 27


class Decompressor(Protocol):
    """What decompresses one member, as the classes of bz2, lzma and zstd."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Format(NamedTuple):
    """One compressed format.

    Attributes:
      name: for messages.
      starts: what a member may begin with; empty where the format has no mark.
      start: returns what decompresses the next member.
      errors: what that raises for corrupt data.
      padding: zeros may follow a member in multiples of so many; 0 for none.
      single: there is one member, and nothing follows.
    """

    name: str
    starts: tuple[bytes, ...]
    start: Callable[[], Decompressor]
    errors: tuple[type[Exception], ...]
    padding: int = 0
    single: bool = False


class MemberDecoder:
    """Decompresses all members of the input.

    Attributes:
      done: never before the input has ended: more may follow.
      hungry: there is no more output without more input.
      size: bytes given out.
    """

    done = False

    def __init__(self, format: Format, max_size: int | None = None) -> None:
        """Start before the first member; more output than *max_size* is an error."""
        self.format = format
        self.max_size = max_size
        self.hungry = True
        self.size = 0
        self._member: Decompressor | None = None
        self._complete = 0  # members
        self._zeros = 0  # of padding since the last one
        self._kept = b""  # input that belongs to no member yet

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return output for *data*, empty unless `hungry`, and for what came before.

        Raises:
          ProtocolError: the data is corrupt, or not of this format.
          OSError: EFBIG, there is more of it than is allowed.
        """
        text, self._kept = self._kept + data, b""
        if self._member is None:
            text = self._skip_padding(text)
            if not self._begins(text):
                self._kept, self.hungry = text, True
                return b""
            self._member = self.format.start()
        output = self._decompress(self._member, text)
        if self._member.eof:
            self._kept = self._member.unused_data
            self._member, self._complete, self._zeros = None, self._complete + 1, 0
        self.hungry = not self._kept if self._member is None else self._member.needs_input
        return output

    def finish(self) -> None:
        """Say that there is no more input.

        Raises:
          IncompleteError: it ended inside a member, or before the first.
        """
        name = self.format.name
        if self._member is not None or self._kept or not self._complete:
            raise IncompleteError(f"the {name} data was cut short after {self.size} bytes of it")
        self._check_padding()

    def _skip_padding(self, text: bytes) -> bytes:
        if not (self._complete and self.format.padding):
            return text
        rest = text.lstrip(b"\0")
        self._zeros += len(text) - len(rest)
        if rest:
            self._check_padding()
        return rest

    def _check_padding(self) -> None:
        if self.format.padding and self._zeros % self.format.padding:
            raise ProtocolError(f"the {self.format.name} data is padded with {self._zeros} zeros")

    def _begins(self, text: bytes) -> bool:
        """Return whether a member begins with *text*; False while it is too early to tell."""
        if not text:
            return False
        if not (self._complete and self.format.single):
            if text.startswith(self.format.starts):
                return True
            if any(start.startswith(text) for start in self.format.starts):
                return False
        name = self.format.name
        if self._complete:
            raise ProtocolError(f"what follows the {name} data is none")
        raise ProtocolError(f"no {name} data: it begins with the bytes {text[:8].hex(' ')}")

    def _decompress(self, member: Decompressor, text: bytes) -> bytes:
        try:
            output = member.decompress(text, OUTPUT_SIZE)
        except self.format.errors as error:
            raise ProtocolError(
                f"the {self.format.name} data cannot be decompressed: {error}"
            ) from error
        self.size += len(output)
        if self.max_size is not None and self.size > self.max_size:
            raise OSError(errno.EFBIG, f"there are more than max-size={self.max_size} bytes")
        return output
