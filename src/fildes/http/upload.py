"""A document on its way to a server: the body of a request that we write.

What counts at the server is decided in one place: the *seal* of the request (see
`fildes.wire.http1_sending`) is sent by `close`, or by the half-close of a request whose
answer is read. An abort, a lost file or a killed process leaves it incomplete.

The server may answer before it has everything, to refuse it as a rule, and then stops
reading. So each send looks first whether an answer has come, and one that fails
looks again: what the server says of it tells more than a broken pipe.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, NamedTuple

from fildes.errors import ProtocolError, add_context
from fildes.http.response import response_of
from fildes.streams.stream import Stream
from fildes.waiting import wait_any
from fildes.wire.http1 import HeadReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.http.response import Headers, Response
    from fildes.streams.document import Document
    from fildes.waiting import Interest
    from fildes.wire.http1 import HeadLimits, ResponseHead
    from fildes.wire.http1_sending import BodyWriter

#: Payload that is framed at once.
PIECE_SIZE = 65536  # arbitrary

#: Received at once of the answer's head; small, because each send looks for it.
HEAD_SIZE = 2048  # arbitrary


class Answering(NamedTuple):
    """What is to be made of the answer.

    Attributes:
      shown: where the document goes, secrets redacted.
      limits: of the answer's head.
      check: raises unless the answer says that all went well.
      read: returns the document in the answer; None if nobody is to read it.
    """

    shown: str
    limits: HeadLimits
    check: Callable[[Response], None]
    read: Callable[[ResponseHead, Response, bytearray], Document] | None = None


class Upload(Stream):
    """The body of a request, and the body of its answer; owns its connection.

    Attributes:
      response: the head of the answer, once it has come.
    """

    inner: Stream

    def __init__(self, inner: Stream, writer: BodyWriter, answering: Answering) -> None:
        """Start after the head of the request.

        Args:
          inner: the connection.
          writer: frames the body.
          answering: what to make of the answer.
        """
        self.inner = inner
        self.writer = writer
        self.answering = answering
        self.response: Response | None = None
        self.reader = HeadReader(answering.limits)
        self.answer: Document | None = None
        self.unsent = memoryview(b"")  # framed, but not yet taken by the inner stream
        self.unconfirmed = b""  # framed, but try_send has not said so yet
        self.sealed = False
        self.closed = False
        # An exception that is being handled while the file is opened is none of it.
        self.earlier = sys.exc_info()[1]

    @property
    def trailers(self) -> Headers | None:
        """The fields that came behind the body of the answer, once its end was read."""
        return getattr(self.answer, "trailers", None)

    def try_send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*; after None, call again with the same data."""
        if self.sealed:
            raise io.UnsupportedOperation("the request has ended: nothing can be added to it")
        self.look()
        if not self.push():
            return None
        if self.unconfirmed and (sent := self.confirm(data)):
            return sent
        piece = data[:PIECE_SIZE]
        self.unsent = memoryview(self.writer.frame(piece))
        if self.push():
            return len(piece)
        self.unconfirmed = bytes(piece)
        return None

    def confirm(self, data: memoryview) -> int:
        """Return how much at the beginning of *data* has been sent before."""
        before, self.unconfirmed = self.unconfirmed, b""
        size = min(len(data), len(before))
        if data[:size] != before[:size]:  # its sender gave up, after a timeout say
            return 0
        self.unconfirmed = before[size:]
        return size

    def push(self) -> bool:
        """Send what is framed; whether all of it is out."""
        try:
            while self.unsent:
                sent = self.inner.try_send(self.unsent)
                if sent is None:
                    return False
                self.unsent = self.unsent[sent:]
        except OSError:
            with contextlib.suppress(ConnectionError, ProtocolError, EOFError):
                self.look()
            raise
        return True

    def look(self) -> None:
        """Receive what has come of the head of the answer.

        Raises:
          OSError: the answer is an error, or no answer will come.
        """
        while self.reader.head is None:
            buffer = memoryview(bytearray(HEAD_SIZE))
            received = self.inner.try_recv_into(buffer)
            if received is None:
                return
            if received:
                self.reader.feed(buffer[:received])
            else:
                self.reader.eof()
        if self.response is None and self.reader.head is not None:
            self.response = response_of(self.reader.head, self.answering.shown)
        if self.response is not None:
            self.check(self.response)

    def check(self, response: Response) -> None:
        """Raise, as of the step that it is of, what *response* stands for."""
        try:
            self.answering.check(response)
        except OSError as error:
            add_context(error, "response", self.answering.shown)
            raise

    def send_wants(self) -> Interest:
        """Wait for room, and for an answer that comes before its time."""
        wants = dict(self.inner.send_wants())
        if self.response is None:
            for fd, events in self.inner.recv_wants().items():
                wants[fd] = wants.get(fd, 0) | events
        return wants

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if not self.sealed:
            raise io.UnsupportedOperation("end the request with half_close() to read its answer")
        if self.answer is None:
            if not self.push():
                return None
            self.look()
            self.take_answer()
        return None if self.answer is None else self.answer.try_recv_into(buffer)

    def take_answer(self) -> None:
        """Start reading the body of the answer, if its head has come."""
        head, response, read = self.reader.head, self.response, self.answering.read
        if head is not None and response is not None and read is not None:
            self.answer = read(head, response, self.reader.rest)

    def recv_wants(self) -> Interest:
        if self.answer is not None:
            return self.answer.recv_wants()
        return self.send_wants() if self.unsent else self.inner.recv_wants()

    async def go_ahead(self, timeout: float) -> None:
        """Wait until the server wants the body, or for *timeout* seconds.

        Raises:
          OSError: it does not want it.
        """
        self.look()
        while not self.reader.interim and self.response is None:
            if not await wait_any(self.inner.recv_wants(), timeout):
                return
            self.look()

    async def half_close(self) -> None:
        """End the request whose answer is to be read; of any other `close` does."""
        if self.answering.read is not None:
            await self.end()

    async def end(self) -> None:
        """Send what completes the request."""
        if not self.sealed:
            seal = self.writer.seal()
            await self.push_all()
            self.unsent = memoryview(seal)
            self.sealed = True
        await self.push_all()

    async def push_all(self) -> None:
        """Send what is framed, waiting as long as it takes."""
        while not self.push():
            await wait_any(self.send_wants())
            self.look()

    async def close(self) -> None:
        """Complete the request and wait for the answer.

        An exception on its way through the caller, that was not when the file was
        opened, means that what was written is not all: then the request is left
        incomplete. A wrapper such as `io.TextIOWrapper` closes what it wraps even then.

        Raises:
          OSError: the server answers with an error: nothing was committed.
        """
        if self.closed:
            return
        error = sys.exc_info()[1]
        if error is not None and error is not self.earlier:
            if not self.sealed:
                error.add_note(f"fildes: nothing was committed to {self.answering.shown}")
            self.abort()
            return
        self.closed = True
        try:
            await self.end()
            await self.await_answer()
        except BaseException:
            self.inner.abort()
            raise
        await self.release()

    async def await_answer(self) -> None:
        """Receive the head of the answer, and check it."""
        self.look()
        while self.response is None:
            await wait_any(self.inner.recv_wants())
            self.look()

    async def release(self) -> None:
        """Close the connection: the answer has been understood, so how does not matter."""
        if self.answer is not None:
            await self.answer.close()
            return
        for layer in self.inner.layers():
            layer.settled = True
        with contextlib.suppress(OSError, EOFError):
            await self.inner.close()

    def abort(self) -> None:
        self.closed = True
        self.earlier = None
        self.inner.abort()

    def interrupt(self) -> None:
        self.inner.interrupt()

    def fileno(self) -> int:
        """Raise: a program that is killed would end a descriptor as one that is done."""
        raise io.UnsupportedOperation("an upload has no descriptor: use `fildes put -` in a pipe")
