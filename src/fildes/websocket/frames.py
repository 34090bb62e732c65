"""The frames of one WebSocket connection: bytes in, pieces of messages out, and back.

wsproto reads and writes the frames of control and of compressed messages, and reads all that
are not plain; those `fildes.wire.plain_frames` reads and writes, with fewer copies. What is
here sees to the rest: pings are answered, the peer's Close is an end or an error, and memory
is bounded.
"""

from __future__ import annotations

import codecs
import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

from fildes.errors import IncompleteError, ProtocolError
from fildes.wire.plain_frames import FrameSplitter, message

if TYPE_CHECKING:
    from wsproto.extensions import Extension

#: Compressed bytes that are decompressed at once. DEFLATE makes at most 1032 of one
#: (https://zlib.net/zlib_tech.html), so no more than 4 MiB lie in memory.
INFLATED_AT_ONCE = 4096

#: Ends that are none of anybody's failures; RFC 6455 section 7.4.1. 1005 says nothing.
NORMAL: Final = frozenset({1000, 1001, 1005})

#: What the kernel says when the like happens to a file; RFC 6455 section 7.4.1.
ERRNO_OF_CODE: Final = {
    1002: errno.EPROTO,
    1003: errno.EPROTO,
    1007: errno.EILSEQ,
    1008: errno.EACCES,
    1009: errno.EMSGSIZE,
    1012: errno.ECONNRESET,
    1013: errno.EBUSY,
}


MESSAGE_TOO_BIG: Final = 1009  #: RFC 6455 section 7.4.1


class Piece(NamedTuple):
    """A part of a message, in the order in which it came.

    Attributes:
      last: the message ends with it.
    """

    data: bytes | memoryview
    last: bool


class Frames:
    """Frames, and the state of the connection that they make.

    Attributes:
      ended: our Close was given out; nothing more can be sent.
      theirs: the code of the peer's Close; 0 before it came.
      failure: what the peer did, or said, that makes the end none in order.
      within: a message of the peer's has begun and not ended.
      heard: bytes have come since our last ping.
    """

    def __init__(
        self,
        *,
        client: bool,
        extensions: list[Extension] | None = None,
        text: bool = False,
        whole: bool = False,
    ) -> None:
        """Start after the handshake.

        Args:
          extensions: those agreed on.
          text: send text messages.
          whole: what is sent at once is a message, and not just bytes of a stream.
        """
        self.whole = whole
        self.protocol = FrameProtocol(client, extensions or [])
        self.step = INFLATED_AT_ONCE if extensions else 0
        self.characters = codecs.getincrementaldecoder("utf-8")() if text else None
        self.splitter = None if extensions else FrameSplitter(client=client)
        self.fed = memoryview(b"")  # not yet given to wsproto, of what may be compressed
        self.parsing = False  # wsproto may have a frame for us
        self.control = bytearray()  # frames to be sent before others
        self.pong: bytes | None = None
        self.ended = False
        self.theirs = 0
        self.failure: OSError | None = None
        self.within = False
        self.heard = True

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes of the peer's."""
        self.heard = True
        if self.splitter is None:
            self.fed = memoryview(bytes(data))
        else:
            self.splitter.feed(memoryview(data))

    def feed_end(self) -> None:
        """Say that the peer's bytes have ended."""
        if not self.theirs and self.failure is None:
            self.failure = IncompleteError("the connection ended without a Close frame")

    def next_piece(self) -> Piece | None:
        """Return the next piece; None if more bytes are needed, or none will come."""
        while not self.theirs and self.failure is None:
            if self.parsing:
                piece = self.parse()
            elif self.splitter is not None:
                part = self.splitter.next_part()
                if part is None:
                    return None
                if part.plain:
                    return Piece(part.data, part.last)
                piece = self.pass_on(part.data)
            elif self.fed:
                piece = self.pass_on(self.fed[: self.step])
                self.fed = self.fed[self.step :]
            else:
                return None
            if piece is not None:
                return piece
        return None

    def pass_on(self, data: memoryview) -> Piece | None:
        """Let wsproto have *data*; return the first piece of it, if there is one."""
        self.protocol.receive_bytes(bytes(data))
        self.parsing = True
        return self.parse()

    def parse(self) -> Piece | None:
        """Take a frame of wsproto's, and return the piece that it is, if it is one."""
        try:
            frame = next(self.protocol.received_frames(), None)
        except ParseFailed as error:
            self.fail(ProtocolError(f"the peer broke WebSocket: {error}"), error.code)
            return None
        if frame is None:
            self.parsing = False
        elif frame.opcode.iscontrol():
            self.obey(frame.opcode, frame.payload)
        else:
            self.within = not frame.message_finished
            if self.splitter is not None:
                self.splitter.within = self.within
            data = frame.payload
            assert not isinstance(data, tuple)
            text = data.encode() if isinstance(data, str) else data
            return Piece(text, frame.message_finished)
        return None

    @property
    def holds(self) -> bool:
        """Whether `next_piece` may have more to say without another byte."""
        rest = self.fed if self.splitter is None else self.splitter.rest
        return bool(self.parsing or rest or self.theirs or self.failure)

    def obey(self, opcode: Opcode, payload: object) -> None:
        """Do what a control frame asks for; RFC 6455 section 5.5."""
        if opcode is Opcode.PING:
            assert isinstance(payload, bytes)
            self.pong = payload  # the most recent one is enough; section 5.5.3
        elif opcode is Opcode.CLOSE:
            assert isinstance(payload, tuple)
            code, reason = payload
            self.theirs = int(code)
            if self.theirs not in NORMAL:
                self.failure = closed_by_peer(self.theirs, reason)
            elif self.within:
                self.failure = IncompleteError("the peer closed within a message")

    def fail(self, failure: OSError, code: int) -> None:
        """Give the connection up; the peer is told by a Close with *code*; section 7.1.7."""
        self.failure = failure
        self.close(code, str(failure.strerror))

    def encode(self, data: memoryview) -> bytes | bytearray:
        """Return a message that holds *data*; of text, what are whole characters of it.

        Raises:
          OSError: EILSEQ, it is sent as text, and is no UTF-8.
        """
        if self.characters is None:
            if self.step:
                return self.protocol.send_data(data)  # type: ignore[arg-type]  # it is copied
            return message(Opcode.BINARY, data, self.new_mask())
        text = self.decode(data, last=self.whole)
        if self.step or not text:
            return self.protocol.send_data(text) if text else b""
        return message(Opcode.TEXT, text.encode(), self.new_mask())

    def new_mask(self) -> bytes:
        """Return the mask of one frame, which servers do without; RFC 6455 section 5.3."""
        return os.urandom(4) if self.protocol.client else b""

    def decode(self, data: memoryview, *, last: bool = False) -> str:
        """Return *data* as text; what is of no whole character waits for the rest."""
        assert self.characters is not None
        try:
            return self.characters.decode(data, last)
        except UnicodeDecodeError as error:
            self.characters.reset()
            words = f"a text message is UTF-8, and this is not: {error.reason}"
            raise OSError(errno.EILSEQ, words) from None

    def ping(self) -> None:
        """Let the peer answer, so that both know that the other is there."""
        self.control += self.protocol.ping()
        self.heard = False

    def finish(self) -> None:
        """End our direction; an end of the peer's is answered with its own code.

        Raises:
          OSError: EILSEQ, what was sent as text ends within a character.
        """
        if self.characters is not None and not self.ended:
            self.decode(memoryview(b""), last=True)
        self.close(self.theirs or CloseReason.NORMAL_CLOSURE)

    def close(self, code: int, reason: str = "") -> None:
        """End our direction with *code*; nothing is sent after it."""
        if not self.ended:
            self.control += self.take_control()
            self.ended = True
            self.control += self.protocol.close(code, reason)

    def take_control(self) -> bytes:
        """Return the control frames that are due; empty if none is."""
        if self.pong is not None and not self.ended:
            self.control += self.protocol.pong(self.pong)
            self.pong = None
        control = bytes(self.control)
        self.control.clear()
        return control


def closed_by_peer(code: int, reason: str) -> OSError:
    """Return the error that a Close with *code* is; it has ``code`` and ``reason``."""
    words = f"the peer closed with {code}"
    if reason:  # the peer's text: repr() keeps it from driving a terminal
        words += f" {reason!r}"
    error = OSError(ERRNO_OF_CODE.get(code, errno.EIO), words)
    vars(error).update(code=code, reason=reason)
    return error
