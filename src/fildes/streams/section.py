"""A part of a stream, of known size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import IncompleteError
from fildes.streams.document import CarriedDocument

if TYPE_CHECKING:
    from fildes.streams.stream import Stream


class Section(CarriedDocument):
    """The next *size* bytes of the inner stream, which this one owns."""

    def __init__(self, inner: Stream, size: int) -> None:
        self.inner: Stream = inner
        self.left = size

    def receive(self, buffer: memoryview) -> int | None:
        if not self.left:
            return 0
        received = self.inner.try_recv_into(buffer[: self.left])
        if received == 0:
            raise IncompleteError(f"the file ended {self.left} bytes before what is in it")
        self.left -= received or 0
        return received
