"""A WebSocket connection as a stream of bytes, over any stream.

* What is received are the messages, binary or text, one behind the other; what is sent
  goes out as messages of ours. Where they begin and end means nothing here; see
  `fildes.websocket.messages` for where it does.
* The end of file is the peer's Close frame, with a code that says that all is well. A
  connection that ends without one was cut, and other codes are errors.
* `half_close` sends our Close. RFC 6455 section 5.5.1 lets the peer finish what it is
  sending before it answers with its own. Ours does that too: after the peer's Close we
  go on sending until we are done.
* As in `fildes.tls.stream` a message is *sent* once the inner stream has all of it, and
  one lock guards the frames.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from fildes.streams.stream import RECV_SIZE, Stream
from fildes.waiting import Interest, wait_any
from fildes.websocket.outgoing import Outgoing
from fildes.websocket.pings import Pings

if TYPE_CHECKING:
    from fildes.http.response import Response
    from fildes.websocket.answering import Request
    from fildes.websocket.frames import Frames, Piece

#: Sent as one message at most; as `fildes.tls.stream`.
MESSAGE_SIZE = 65536

#: Seconds that `close` waits for the peer's Close, and bytes that it drops meanwhile;
#: both as in `fildes.tls.stream`.
CLOSE_TIMEOUT = 1.0
CLOSE_SIZE = 16 << 20

#: Seconds after which who only sends looks whether there is a ping to answer. Those
#: who ping wait for 20 seconds and more.
LOOK_INTERVAL = 1.0  # arbitrary


class Scratch(threading.local):
    """Where frames are received, once per thread: they are parsed at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(2 * RECV_SIZE))


SCRATCH = Scratch()


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


class WebSocketStream(Stream):
    """The bytes that a WebSocket connection carries; it owns the inner stream.

    Attributes:
      frames: those of both directions.
      response: the answer to our handshake; None for a server.
      request: what the client asked for; None for a client.
      subprotocol: what both have agreed to speak; empty if nothing.
    """

    inner: Stream
    response: Response | None = None
    request: Request | None = None
    subprotocol = ""

    def __init__(self, inner: Stream, frames: Frames, manner: Manner) -> None:
        self.inner = inner
        self.frames = frames
        self.manner = manner
        self.lock = threading.Lock()
        self.piece = memoryview(b"")  # received, and not yet given out
        self.seen: Piece | None = None  # by who only sends
        self.looked = time.monotonic()
        self.outgoing = Outgoing(inner, frames)
        self.lost = False  # the inner stream has raised, or was interrupted
        self.told = False  # of the failure
        self.closed = False
        self.pings = Pings(frames, manner.ping)

    def try_recv_into(self, buffer: memoryview) -> int | None:
        self.check_open()
        with self.lock:
            return self.receive(buffer)

    def receive(self, buffer: memoryview) -> int | None:
        """Receive what is there; the caller holds the lock."""
        while not self.piece:
            piece = self.next_piece()
            if piece is None:
                return 0 if self.frames.theirs else None
            self.piece = memoryview(piece.data)
        size = min(len(buffer), len(self.piece))
        buffer[:size] = self.piece[:size]
        self.piece = self.piece[size:]
        return size

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
                self.outgoing.push()  # pings and pongs; what the peer has said before counts
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
                self.outgoing.push()
            raise failure.with_traceback(None)

    def fetch(self) -> bool:
        """Receive frames, or the end of all; whether there was any."""
        try:
            received = self.inner.try_recv_into(SCRATCH.view)
        except (OSError, EOFError):
            self.lost = True
            raise
        self.looked = time.monotonic()
        if received is None:
            return False
        if received:
            self.frames.feed(SCRATCH.view[:received])
        else:
            self.frames.feed_end()
        return True

    def try_send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*; after None, call again with the same data."""
        self.check_open()
        with self.lock:
            if not self.outgoing.push():
                return None
            if self.outgoing.unconfirmed and (sent := self.outgoing.confirm(data)):
                return sent
            self.look()
            if self.frames.ended:
                self.check_failure()
                raise BrokenPipeError(errno.EPIPE, "nothing can be sent after a Close frame")
            return self.outgoing.send(data if self.messages else data[:MESSAGE_SIZE])

    def look(self) -> None:
        """See whether the peer wants an answer, for who only sends."""
        if self.seen is None and time.monotonic() - self.looked > LOOK_INTERVAL:
            self.seen = self.frames.next_piece()
            if self.seen is None and self.fetch():
                self.seen = self.frames.next_piece()
            self.outgoing.push()

    def recv_wants(self) -> Interest:
        wants = dict(self.inner.recv_wants())
        if self.outgoing.unsent:
            for fd, events in self.inner.send_wants().items():
                wants[fd] = wants.get(fd, 0) | events
        wants.update(self.pings.wants())
        return wants

    def send_wants(self) -> Interest:
        return self.inner.send_wants()

    async def half_close(self) -> None:
        """Send our Close and keep receiving; nothing where the manner is to hold."""
        if not self.manner.hold:
            await self.send_close()

    @property
    def half_closes(self) -> bool:
        return not self.manner.hold

    async def send_close(self) -> None:
        """Send our Close.

        Raises:
          OSError: EILSEQ, what was sent as text ends within a character.
        """
        with self.lock:
            self.frames.finish()
            done = self.outgoing.push()
        while not done:
            await wait_any(self.inner.send_wants())
            with self.lock:
                done = self.outgoing.push()

    async def close(self) -> None:
        """Send our Close, receive up to the peer's within a limit, close the inner stream.

        Raises:
          OSError: the peer reset the connection before its end, or said that it failed.
        """
        if self.closed:
            return
        self.closed = True
        try:
            await self.end()
        except BaseException:
            self.abort()
            raise
        self.pings.close()
        try:
            await self.inner.close()
        except (ConnectionResetError, BrokenPipeError):
            if not self.frames.theirs and not self.lost and not self.outgoing.lost:
                raise

    async def end(self) -> None:
        """End our direction; wait for the peer's end if it may be reading ours."""
        if self.lost or self.outgoing.lost:  # which is known; there is nobody left to talk to
            return
        ours_first = not self.frames.theirs
        try:
            await self.send_close()
        except (ConnectionResetError, BrokenPipeError):
            if not self.frames.theirs:
                raise
        if self.writable and not self.settled:
            await self.drain(time.monotonic() + CLOSE_TIMEOUT)
        if ours_first and self.frames.theirs:
            self.inner.settled = True  # its Close answers ours
        if self.frames.theirs and self.frames.failure and not self.told:
            raise self.frames.failure

    async def drain(self, deadline: float) -> None:
        """Receive and drop everything up to the peer's Close, or to *deadline*."""
        dropped = 0
        while not self.frames.theirs and dropped < CLOSE_SIZE:
            try:
                with self.lock:
                    piece = self.next_piece()
            except (OSError, EOFError):  # an end without a Close: nobody wanted the rest
                return
            dropped += len(piece.data) if piece else 0
            left = deadline - time.monotonic()
            if self.frames.theirs or left <= 0:
                return
            if piece is None and not await wait_any(self.recv_wants(), left):
                return

    def abort(self) -> None:
        """Release everything without a Close, so that the peer sees an error."""
        self.closed = True
        self.pings.close()
        self.inner.abort()

    def check_open(self) -> None:
        """Raise what the kernel raises for a closed descriptor."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def interrupt(self) -> None:
        self.lost = True
        self.inner.interrupt()
