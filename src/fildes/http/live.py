"""A partial answer that is being received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes.errors import ProtocolError
from fildes.http.body import HttpStream
from fildes.http.planning import MIN_MEASURED

if TYPE_CHECKING:
    from fildes.http.fetching import Answer
    from fildes.http.planning import Rate, Track
    from fildes.http.pool import Pool
    from fildes.wire.content_range import ContentRange

#: A pause of so many parts of the delay changes a measurement little.
PAUSE = 10  # arbitrary


class Clock:
    """Measures how fast a body comes, as long as somebody receives it without a pause.

    What waited here in a buffer came faster than any network. A small read gets what came
    with the head, which says nothing; what is received right behind it does.

    Attributes:
      brought: how much had come over the connection before.
    """

    def __init__(self, position: int, brought: int) -> None:
        self.position = position
        self.brought = brought
        self.since = self.paused = time.monotonic()
        self.runs = True

    def go_on(self, rate: Rate) -> None:
        """Say that somebody receives again."""
        pause = time.monotonic() - self.paused
        self.runs = self.runs and pause <= (rate.delay or 0) / PAUSE

    def told(self, rate: Rate, position: int) -> bool:
        """Tell *rate*, once it is enough, how fast the body came up to *position*."""
        self.paused = time.monotonic()
        size = position - self.position
        if self.runs and size >= MIN_MEASURED:
            rate.received(size, self.paused - self.since, self.brought)
        return size >= MIN_MEASURED or not self.runs


class Live:
    """A partial answer whose body has not all been received; used by one reader at a time.

    Attributes:
      position: the offset of the next byte that comes.
      stop: the offset after the last one.
      track: the reads for which it was asked.
      endless: it goes on to the end of the document, because somebody reads forward.
      clock: measures how fast it comes; None once that is known, or cannot be.
    """

    def __init__(self, answer: Answer, part: ContentRange, pool: Pool) -> None:
        self.body = HttpStream(answer, pool)
        self.position, self.stop, _ = part
        self.track: Track | None = None
        self.endless = False
        self.clock: Clock | None = None

    @property
    def left(self) -> int:
        """How many bytes have not come yet."""
        return self.stop - self.position

    async def receive(self, view: memoryview) -> int:
        """Receive some of the bytes at the position into *view*.

        Raises:
          OSError, EOFError: the connection ended before.
          ProtocolError: the body is not as long as its Content-Range says.
        """
        return self.count(await self.body.recv_into(view))

    def receive_here(self, view: memoryview) -> int | None:
        """As `receive`; None if no byte has come yet."""
        received = self.body.try_recv_into(view)
        return None if received is None else self.count(received)

    def count(self, received: int) -> int:
        """Return how many bytes were *received*, once they are known to be some of ours."""
        if not 0 < received <= self.left:
            words = "longer" if received else "shorter"
            raise ProtocolError(f"partial answer (206) is {words} than its Content-Range")
        self.position += received
        self.body.connection.brought += received
        return received

    async def finish(self) -> None:
        """Release the connection after the last byte, for the next request if possible."""
        if not self.body.body.done:  # what ends a chunked body may be here
            self.body.try_recv_into(memoryview(bytearray(1)))
        await self.body.close()
