"""A WebSocket connection as messages: each receive and each send is one, whole."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from fildes.websocket.frames import MESSAGE_TOO_BIG
from fildes.websocket.stream import WebSocketStream

if TYPE_CHECKING:
    from fildes.streams.stream import Stream
    from fildes.websocket.frames import Frames
    from fildes.websocket.stream import Manner


class MessageStream(WebSocketStream):
    """The messages that a WebSocket connection carries.

    As of a unix-seqpacket, an empty message is passed over: the reader's empty read is
    the end.
    """

    messages = True
    told_by_socket = False

    def __init__(self, inner: Stream, frames: Frames, manner: Manner) -> None:
        super().__init__(inner, frames, manner)
        self.gathered = bytearray()
        self.kept: bytes | memoryview = b""

    def receive(self, buffer: memoryview) -> int | None:
        """Receive one message.

        Raises:
          OSError: EMSGSIZE, it is longer than *buffer*, and is kept for the next call; or
            it is longer than is allowed, and the connection has failed.
        """
        while not self.kept:
            piece = self.next_piece()
            if piece is None:
                return 0 if self.frames.theirs else None
            if piece.last and not self.gathered and len(piece.data) <= self.manner.max_message:
                self.kept = piece.data  # as most are: not copied
                continue
            self.gather(piece.data)
            if piece.last:
                self.kept = bytes(self.gathered)
                self.gathered.clear()
        size = self.kept_size = len(self.kept)
        if size > len(buffer):
            message = f"the message has {size} bytes, the buffer {len(buffer)}: it is kept"
            raise OSError(errno.EMSGSIZE, message)
        buffer[:size] = self.kept
        self.kept, self.kept_size = b"", 0
        return size

    def gather(self, data: bytes | memoryview) -> None:
        """Add *data* to the message under way, within the limit."""
        self.gathered += data
        most = self.manner.max_message
        if len(self.gathered) > most:
            self.gathered.clear()
            words = f"a message of more than {most} bytes (max-message)"
            self.frames.fail(OSError(errno.EMSGSIZE, words), MESSAGE_TOO_BIG)
            self.check_failure()
