"""Cuts one picture out of whatever it lies in, as that comes.

Pictures are counted in the order in which they begin, and only where it is certain
how many there are: one that is corrupt is an error, wanted or not.
"""

from __future__ import annotations

import errno

from fildes.wire.picture_finder import Begun, Ended, Event, PictureFinder
from fildes.wire.pictures import Kind


class PictureCutter:
    """Finds the picture number *index*, from 0, of its *kind*, and verifies it.

    Attributes:
      done: all of it was given out; the rest of the input does not matter.
      found: how many complete pictures have gone by.
    """

    hungry = True  # the output is never longer than the input

    def __init__(self, kind: Kind, index: int = 0) -> None:
        """Start before the first byte of the input."""
        self.done = False
        self.found = 0
        self._kind = kind
        self._index = index
        self._finder = PictureFinder([kind])

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the part of the wanted picture that is in *data*.

        Raises:
          ProtocolError: it, or one before it, is corrupt.
          IncompleteError: the base64 that it is written in ended inside it.
        """
        pieces: list[bytes] = []
        if not self.done:
            for event in self._finder.feed(data):
                pieces.append(self._wanted(event))
                if self.done:
                    break
        return b"".join(pieces)

    def finish(self) -> None:
        """Say that there is no more input.

        Raises:
          IncompleteError: it ended inside a picture.
          FileNotFoundError: there were not so many in it.
        """
        if self.done:
            return
        for event in self._finder.finish():
            self._wanted(event)
        which = f" number {self._index + 1}" if self._index else ""
        raise FileNotFoundError(
            errno.ENOENT,
            f"no {self._kind.title}{which} in {self._finder.size} bytes; {self.found} in all",
        )

    def _wanted(self, event: Event) -> bytes:
        """Return what *event* has of the wanted picture."""
        match event:
            case Begun():
                return b""
            case Ended(None):
                self.done = self.found == self._index
                self.found += 1
                return b""
            case Ended(error):
                assert error is not None  # the case above
                raise error
        return event if self.found == self._index else b""
