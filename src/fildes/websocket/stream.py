"""A WebSocket connection as a stream of bytes, over any stream.

* What is received are the messages, binary or text, one behind the other; what is sent
  goes out as messages of ours. Where they begin and end means nothing here; see
  `fildes.websocket.messages` for where it does.
* The end of file is the peer's Close frame, with a code that says that all is well. A
  connection that ends without one was cut, and other codes are errors.
* `half_close` sends our Close. RFC 6455 section 5.5.1 lets the peer finish what it is
  sending before it answers with its own. Ours does that too: after the peer's Close we
  go on sending until we are done.
"""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING, NamedTuple

from fildes.errors import ProtocolError
from fildes.streams.coded import CodedStream
from fildes.streams.stream import Stream
from fildes.waiting import Interest
from fildes.websocket.pings import Pings

if TYPE_CHECKING:
    from fildes.http.response import Response
    from fildes.websocket.answering import Request
    from fildes.websocket.frames import Frames, Piece

#: Seconds after which who only sends looks whether there is a ping to answer. Those
#: who ping wait for 20 seconds and more.
LOOK_INTERVAL = 1.0  # arbitrary


class Manner(NamedTuple):
    """How a connection is to behave; see the options of the scheme ws.

    Attributes:
      ping: seconds between two pings of ours; 0 for none.
      hold: `half_close` sends nothing, since the peer would not finish its answer.
      max_message: bytes of a message that is received whole.
    """

    ping: float = 0.0
    hold: bool = False
    max_message: int = 16 << 20


class WebSocketStream(CodedStream):
    """The bytes that a WebSocket connection carries; it owns the inner stream.

    Attributes:
      frames: those of both directions.
      response: the answer to our handshake; None for a server.
      request: what the client asked for; None for a client.
      subprotocol: what both have agreed to speak; empty if nothing.
    """

    cuts = (ProtocolError,)  # an end without a Close, and what is none of the rules
    response: Response | None = None
    request: Request | None = None
    subprotocol = ""

    def __init__(self, inner: Stream, frames: Frames, manner: Manner) -> None:
        super().__init__(inner)
        self.frames = frames
        self.manner = manner
        self.piece = memoryview(b"")  # received, and not yet given out
        self.seen: Piece | None = None  # by who only sends
        self.looked = time.monotonic()
        self.told = False  # of the failure
        self.pings = Pings(frames, manner.ping)
        self.alarm = self.pings.timer.fd

    def receive(self, buffer: memoryview) -> int | None:
        while not self.piece:
            piece = self.next_piece()
            if piece is None:
                return 0 if self.frames.theirs else None
            self.piece = memoryview(piece.data)
        size = min(len(buffer), len(self.piece))
        buffer[:size] = self.piece[:size]
        self.piece = self.piece[size:]
        return size

    def drop(self) -> int | None:
        piece = self.next_piece()
        return None if piece is None else len(piece.data)

    def next_piece(self) -> Piece | None:
        """Return the next piece; None for none now, or at the end.

        Raises:
          OSError: the connection has failed.
        """
        seen, self.seen = self.seen, None
        while seen is None:
            seen = self.frames.next_piece()
            if seen is not None or self.frames.theirs or self.frames.failure:
                break
            self.pings.look()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.push()  # pings and pongs; what the peer has said before counts
            if not self.frames.failure and not self.fetch():
                return None
        if seen is None:
            self.check_failure()
        return seen

    def check_failure(self) -> None:
        """Raise what has made the connection fail, after telling the peer."""
        failure = self.frames.failure
        if failure is not None:
            self.told = True
            with contextlib.suppress(OSError, EOFError):  # less telling than the failure
                self.push()
            raise failure.with_traceback(None)

    def fetch(self) -> bool:
        fetched = super().fetch()
        self.looked = time.monotonic()
        return fetched

    def feed(self, data: memoryview) -> None:
        self.frames.feed(data)

    def feed_end(self) -> None:
        self.frames.feed_end()

    def encode(self, data: memoryview) -> int:
        self.look()
        if self.frames.ended:
            self.check_failure()
            raise BrokenPipeError(errno.EPIPE, "nothing can be sent after a Close frame")
        message = self.frames.encode(data)
        control = self.frames.take_control()
        self.unsent = memoryview(control + message if control else message)
        return len(data)

    def take_out(self) -> bytes:
        return self.frames.take_control()

    def look(self) -> None:
        """See whether the peer wants an answer, for who only sends."""
        if self.seen is None and time.monotonic() - self.looked > LOOK_INTERVAL:
            self.seen = self.frames.next_piece()
            if self.seen is None and self.fetch():
                self.seen = self.frames.next_piece()

    def recv_wants(self) -> Interest:
        timer = self.pings.wants()
        return {**super().recv_wants(), **timer} if timer else super().recv_wants()

    async def half_close(self) -> None:
        """Send our Close and keep receiving; nothing where the manner is to hold.

        Raises:
          OSError: EILSEQ, what was sent as text ends within a character.
        """
        if not self.manner.hold:
            await self.say_end()

    @property
    def half_closes(self) -> bool:
        return not self.manner.hold

    def finish(self) -> None:
        self.frames.finish()

    @property
    def over(self) -> bool:
        return bool(self.frames.theirs)

    @property
    def finished(self) -> bool:
        frames = self.frames
        return bool(frames.theirs and frames.ended and not frames.failure and not frames.control)

    @property
    def holds(self) -> bool:
        return bool(self.piece or self.seen or self.frames.holds)

    async def end(self) -> None:
        ours_first = not self.over
        await super().end()
        if ours_first and self.over:
            self.inner.settled = True  # its Close answers ours
        if self.over and self.frames.failure and not self.told and not self.lost:
            raise self.frames.failure

    def release(self) -> None:
        self.pings.close()


class HoldingStream(WebSocketStream):
    """One that holds its Close, until others have been silent for a while."""

    told_by_socket = False
