"""Frames on their way out: what the inner stream has not taken yet.

As in `fildes.tls.stream`, data is *sent* once the inner stream has all of its frame.
When it takes only a part, its sender is told that nothing was taken, and comes again
with the same data. So nobody has to flush.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.streams.stream import Stream
    from fildes.websocket.frames import Frames


class Outgoing:
    """The sending side of a connection; its caller holds the lock.

    Attributes:
      unsent: the rest of a frame that has begun to go out.
      unconfirmed: data in frames, whose sender does not know yet.
      lost: the inner stream has raised.
    """

    def __init__(self, inner: Stream, frames: Frames) -> None:
        self.inner = inner
        self.frames = frames
        self.unsent = memoryview(b"")
        self.unconfirmed = b""
        self.lost = False

    def push(self) -> bool:
        """Send what is due; whether all of it is out."""
        while self.unsent or self.take_control():
            try:
                sent = self.inner.try_send(self.unsent)
            except (OSError, EOFError):
                self.lost = True
                raise
            if sent is None:
                return False
            self.unsent = self.unsent[sent:]
        return True

    def take_control(self) -> bool:
        """Let control frames go out next; whether there are any."""
        self.unsent = memoryview(self.frames.take_control())
        return bool(self.unsent)

    def send(self, data: memoryview) -> int | None:
        """Send a message of *data*; None if not all of its frame is out."""
        self.unsent = memoryview(self.frames.encode(data))
        if self.push():
            return len(data)
        self.unconfirmed = bytes(data)
        return None

    def confirm(self, data: memoryview) -> int:
        """Return how much at the beginning of *data* has been sent before.

        Where messages are whole, that is all of it or nothing.
        """
        size = min(len(data), len(self.unconfirmed))
        same = data[:size] == self.unconfirmed[:size]
        if not same or (self.frames.whole and len(data) != len(self.unconfirmed)):
            self.unconfirmed = b""  # its sender gave up, after a timeout say
            return 0
        self.unconfirmed = self.unconfirmed[size:]
        return size
