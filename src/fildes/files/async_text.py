"""The text face of an asynchronous file."""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING

from fildes.files.async_binary import AsyncFile
from fildes.files.text import LineEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.files.async_binary import AsyncBufferedFile

#: The line ends that ``newline=""`` recognises and leaves as they are.
ANY_LINE_END = re.compile("\r\n|\r|\n")


class AsyncTextFile(AsyncFile[str]):
    """A text file.

    Attributes:
      text, used: what was decoded, and how much of it was read.
    """

    unit = "t"

    def __init__(
        self,
        buffer: AsyncBufferedFile,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        line_buffering: bool = False,
    ) -> None:
        super().__init__(buffer.description)
        self.buffer = buffer
        settings = io.TextIOWrapper(io.BytesIO(), encoding, errors, newline)  # knows the defaults
        self.encoding, self.errors = settings.encoding, settings.errors or "strict"
        self.newline = newline
        self.line_buffering = line_buffering
        self.encoder = LineEncoder(self.encoding, self.errors, self.newline)
        self.decoder = self.make_decoder()
        self.text, self.used = "", 0

    def make_decoder(self) -> codecs.IncrementalDecoder | io.IncrementalNewlineDecoder:
        """Return a decoder at the beginning of its input."""
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        if self.newline:
            return decoder
        return io.IncrementalNewlineDecoder(decoder, translate=self.newline is None)

    async def fill(self) -> bool:
        """Decode what comes next; False at the end of file."""
        data = await self.buffer.read1()
        self.text = self.text[self.used :] + self.decoder.decode(data, final=not data)
        self.used = 0
        return bool(data)

    def take(self, size: int) -> str:
        """Return up to *size* characters of what was decoded."""
        text = self.text[self.used : self.used + size]
        self.used += len(text)
        return text

    @property
    def left(self) -> int:
        """How many characters are decoded and not yet read."""
        return len(self.text) - self.used

    async def read(self, size: int | None = -1) -> str:
        """Return *size* characters, or all up to the end of file; fewer only there."""
        if size is None or size < 0:
            data = await self.buffer.read()
            return self.take(self.left) + self.decoder.decode(data, final=True)
        while self.left < size and await self.fill():
            pass
        return self.take(size)

    async def readline(self, size: int = -1) -> str:
        """Return the next line with its end, at most *size* characters of it."""
        while (end := self.line_end()) < 0:
            if 0 <= size <= self.left or not await self.fill():
                end = self.line_end()
                break
        line = end - self.used if end >= 0 else self.left
        return self.take(line if size < 0 else min(line, size))

    def line_end(self) -> int:
        """Return where the next line ends in what was decoded; -1 if it goes on."""
        if self.newline == "":
            found = ANY_LINE_END.search(self.text, self.used)
            return found.end() if found else -1
        mark = self.newline or "\n"
        at = self.text.find(mark, self.used)
        return at + len(mark) if at >= 0 else -1

    async def write(self, text: str) -> int:
        """Take all of *text*, return its length."""
        self.check_direction(reading=False)
        await self.buffer.write(self.encoder.encode(text))
        if self.line_buffering and "\n" in text:
            await self.flush()
        return len(text)

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of *lines*."""
        for line in lines:
            await self.write(line)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the beginning or the end; no other place in encoded text has a number."""
        if offset or whence == 1:
            raise io.UnsupportedOperation("in text only seek(0) and seek(0, 2) have a meaning")
        position = await self.buffer.seek(0, whence)
        self.decoder = self.make_decoder()
        self.text, self.used = "", 0
        return position

    def fileno(self) -> int:
        """Return a descriptor that any program can read and write."""
        return self.buffer.fileno()
