"""One direction of a copying, between any two streams.

A direction through which much flows goes past this process (`fildes.streams.passage`), where
nothing has to look at its bytes, until little comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.streams.buffers import Buffers
    from fildes.streams.passage import Passage
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest

#: Received at once, this is much: there may be more than is worth to be copied.
MUCH = 16384  # arbitrary

#: So often much has to come before a direction is moved past this process.
STREAK = 8  # arbitrary

#: Large receives before a direction for which there was no way past tries again.
LATER = -1000  # arbitrary


class Half:
    """One direction: from *source* to *sink*.

    Attributes:
      left: what was received and not yet sent; None for nothing.
      copied: bytes that the sink has taken.
      ended: the source has reached its end of file and all of it was sent.
      passed_on: and the sink was told.
      error: what cut this direction short.
      lost: it was cut short by the source, to which nothing can be sent, either.
      much: how often much has come.
      passage: moves what comes past this process; None while that is not worth it.
    """

    __slots__ = (
        "copied",
        "ended",
        "error",
        "left",
        "lost",
        "much",
        "passage",
        "passed_on",
        "sink",
        "source",
    )

    #: Nobody else is served meanwhile, so the kernel may wait for either end.
    waits = False

    def __init__(self, source: Stream, sink: Stream) -> None:
        self.source, self.sink = source, sink
        self.left: memoryview | None = None
        self.copied = 0
        self.ended = self.passed_on = False
        self.error: OSError | EOFError | None = None
        self.lost = False
        self.much = 0
        self.passage: Passage | None = None

    @property
    def running(self) -> bool:
        """Whether there is more to copy."""
        return not self.ended and self.error is None

    def advance(self, buffers: Buffers) -> bool:
        """Do what can be done now; return whether anything happened."""
        if self.left is not None:
            return self.send_left(self.left, buffers)
        moved = 0 if self.passage is None else self.pass_by(self.passage)
        return self.copy_some(buffers) if moved == 0 else moved is not None

    def copy_some(self, buffers: Buffers) -> bool:
        """Receive and send what can be now; return whether anything happened."""
        view = buffers.view
        try:
            received = self.source.try_recv_into(view)
        except (OSError, EOFError) as error:
            self.error, self.lost = error, True
            return True
        if received is None:
            return False
        if received == 0 and not self.source.endless:
            self.ended = True
            return True
        data = view[:received]
        sent = self.send(data)
        if sent is None:
            self.left = buffers.keep(data)
        elif sent < received:
            self.left = buffers.keep(data[sent:])
        if received >= MUCH:
            self.see_much(buffers)
        return True

    def see_much(self, buffers: Buffers) -> None:
        """Let a direction through which much flows go past this process."""
        self.much += 1
        if self.much >= STREAK and self.passage is None:
            from fildes.streams.passage import Waits, passage_between  # few need it

            ends = self.source, self.sink
            waits = Waits.FOR_BOTH if self.waits else Waits.NEVER
            self.passage = passage_between(*ends, buffers.pipes, waits)
            self.much = LATER if self.passage is None else 0

    def pass_by(self, passage: Passage) -> int | None:
        """Do a step of *passage*; return what it does, but nothing is left to be received first."""
        try:
            moved = passage.step()
        except OSError as error:
            self.error = error
            return 1  # it is lost
        self.copied += moved or 0
        if passage.over:
            self.stop_passing()
            self.much = LATER if passage.unable else 0
            return moved or (1 if self.left is not None else moved)
        return moved

    def stop_passing(self) -> None:
        """Copy from now on, beginning with what the sink has not taken."""
        if self.passage is not None:
            left = self.passage.stop()
            self.left = memoryview(left) if left else self.left
            self.passage = None

    def send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*, return how many bytes were taken; None for a wait."""
        piece = self.sink.longest
        if piece is not None and not self.source.messages:
            data = data[:piece]
        try:
            sent = self.sink.try_send(data)
        except (OSError, EOFError) as error:
            self.error = error
            return len(data)  # it is lost
        self.copied += sent or 0
        return sent

    def send_left(self, left: memoryview, buffers: Buffers) -> bool:
        """Send what is left of the last receive; return whether anything happened."""
        sent = self.send(left)
        if sent is None:
            return False
        self.left = left[sent:]
        if not self.left:
            self.left = None
            buffers.give_back(left)
        return True

    async def pass_on_end(self) -> None:
        """Half-close the sink, after the last byte."""
        self.passed_on = True
        try:
            await self.sink.half_close()
        except (OSError, EOFError) as error:
            self.error = error

    def wants(self) -> Interest:
        """Return what this direction waits for."""
        if self.left is not None:
            return self.sink.send_wants()
        return self.source.recv_wants() if self.passage is None else self.passage.wants()

    @property
    def waits_for_source(self) -> bool:
        """Whether it is the source that `wants` asks for."""
        return self.left is None and not (self.passage is not None and self.passage.full)


class LoneHalf(Half):
    """The only direction that a thread copies, with no limit of silence."""

    __slots__ = ()
    waits = True
