"""The text faces of an open file.

`io.TextIOWrapper` forgets the lines it has read ahead when something is written,
which is right for a seekable file and loses data of a conversation. So a text
conversation reads through a wrapper and writes past it.
"""

from __future__ import annotations

import codecs
import io
import os
from typing import TYPE_CHECKING, Any

from fildes.files.binary import File, RandomFile

if TYPE_CHECKING:
    from fildes.files.binary import BufferedFile


class LineEncoder:
    """Turns text that is written into bytes, its line ends into those of *newline*."""

    def __init__(self, encoding: str, errors: str | None, newline: str | None) -> None:
        self.encoder = codecs.getincrementalencoder(encoding)(errors or "strict")
        self.line_end = os.linesep if newline is None else newline or "\n"

    def encode(self, text: str) -> bytes:
        """Return the bytes of *text*, which goes on where the last one ended."""
        shown = text if self.line_end == "\n" else text.replace("\n", self.line_end)
        return self.encoder.encode(shown)


class TextFile(File, io.TextIOWrapper):
    """A text file that is read or written."""

    unit = "t"

    def __init__(self, buffer: Any, **how: Any) -> None:
        self.description = buffer.description
        super().__init__(buffer, **how)

    def abort(self) -> None:
        """Close and discard; what is edited in place cannot be taken back."""
        if isinstance(self.buffer, RandomFile):  # nor left half-written
            self.close()
        else:
            super().abort()

    name = io.TextIOWrapper.name
    flush = io.TextIOWrapper.flush
    fileno = io.TextIOWrapper.fileno


class TextConversation(File, io.TextIOBase):
    """A text file that is read and written, where writing drops nothing read ahead."""

    unit = "t"

    def __init__(
        self,
        buffer: BufferedFile,
        encoding: str | None,
        errors: str | None,
        newline: str | None,
        line_buffering: bool = False,
    ) -> None:
        self.description = buffer.description
        self.buffer = buffer
        self.reader = io.TextIOWrapper(buffer, encoding, errors, newline)
        self.encoder = LineEncoder(self.reader.encoding, errors, newline)
        self.line_buffering = line_buffering

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a class attribute in typeshed
        """The name of the encoding."""
        return self.reader.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # a class attribute in typeshed
        """The error setting of the decoder and encoder."""
        return self.reader.errors

    @property
    def newlines(self) -> Any:  # type: ignore[override]  # a class attribute in typeshed
        """The line ends met so far."""
        return self.reader.newlines

    def read(self, size: int | None = -1) -> str:
        """Return *size* characters, or all up to the end of file."""
        return self.reader.read(size)

    def readline(self, size: int = -1) -> str:  # type: ignore[override]  # typeshed's name differs
        """Return the next line."""
        return self.reader.readline(size)

    def write(self, text: str) -> int:
        """Take all of *text*, return its length."""
        self.buffer.write(self.encoder.encode(text))
        if self.line_buffering and "\n" in text:
            self.flush()
        return len(text)

    def fileno(self) -> int:
        """Return a descriptor that any program can read and write."""
        return self.buffer.fileno()

    def close(self) -> None:
        """Send what was written and close; raise if not all went well."""
        try:
            self.reader.close()
        finally:
            super().close()
