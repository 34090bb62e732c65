"""A document that is read in order, and goes on where its answer was cut.

What comes is the body of one answer. If that ends before the document does, the rest is
asked for: from the next byte on, of the same version, with some patience for a server in
trouble. All of this is an errand, run by the tries of whoever reads. So it works below
decoders and archives, and where a bridge or a relay passes the bytes on.

An answer is resumed only where a mixture of two versions cannot come out: the server has
said which version it is (`fildes.http.validator`), and says so again of the rest.
"""

from __future__ import annotations

import copy
import errno
import os
from typing import TYPE_CHECKING

from fildes.errors import IncompleteError, ProtocolError
from fildes.http.again import learned_from
from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.retrying import delay_before, goes_on
from fildes.http.validator import validator_of
from fildes.streams.document import Document
from fildes.streams.errand import Errand
from fildes.waiting import wait_any
from fildes.wire.http1_framing import Length

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.fetching import Answer
    from fildes.http.request import Request
    from fildes.http.whole_parts import WholeParts
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Direct, Stream
    from fildes.waiting import Interest


class ResumingStream(Document):
    """Bytes of a document, out of the body of an answer and of those for what was missing.

    Attributes:
      asked_for: the request for the document.
      body: what comes at the moment.
      parts: how the rest is asked for; None before the first cut.
      start, stop: which bytes these are; *stop* is None while nobody has said the size.
      position: the offset in the document of the next byte.
      errand: asks for the rest at the moment; None while it is not needed.
      cut: what the last byte was followed by, instead of the next one.
      failure: why the rest is not here yet.
      attempts: how often it was asked for since the last byte.
    """

    def __init__(
        self,
        fetch: Fetch,
        request: Request,
        body: HttpStream,
        stop: int | None,
        *,
        start: int = 0,
        size: int | None = None,
    ) -> None:
        """Begin with *body*, of what *fetch* has sent *request* for.

        Args:
          size: of the document; None if that is not known.
        """
        self.fetch = fetch
        self.asked_for = request
        self.inner: Stream = body
        self.body = body
        self.response = body.response
        self.pool = body.pool
        self.parts: WholeParts | None = None
        self.start = self.position = start
        self.stop = stop
        self.size = size
        self.errand: Errand | None = None
        self.cut: OSError | EOFError | None = None
        self.failure: OSError | EOFError | None = None
        self.attempts = 0
        self.closed = False

    def receive(self, buffer: memoryview) -> int | None:
        while self.errand is None or self.run_errand():
            try:
                received = self.receive_body(buffer)
            except (OSError, EOFError) as error:
                self.go_on_after(error)
            else:
                if received:
                    self.position += received
                    self.attempts = 0
                return received
        return None

    def receive_body(self, buffer: memoryview) -> int | None:
        """Receive what comes, and of that only what is missing; 0 at a proved end."""
        if self.stop is None:
            return self.body.try_recv_into(buffer)
        left = self.stop - self.position
        if not left:
            return self.receive_end()
        received = self.body.try_recv_into(buffer if len(buffer) <= left else buffer[:left])
        if received == 0:
            raise IncompleteError(f"HTTP body ended after {self.progress}")
        return received

    def receive_end(self) -> int | None:
        """Receive what may follow the last byte: the end of a chunked body, and no more."""
        if self.body.body.done:
            return 0
        try:
            received = self.body.try_recv_into(memoryview(bytearray(1)))
        except IncompleteError:
            return 0  # nothing is missing but the framing's own end
        if received:
            raise ProtocolError("partial answer (206) is longer than its Content-Range")
        return received

    def direct(self) -> Direct | None:
        if self.errand is not None or self.closed or self.verdict is not None:
            return None
        below = self.body.direct()
        if below is None or self.stop is None:
            return below
        return below.at_most(self.stop - self.position)

    def took(self, size: int) -> None:
        self.body.took(size)
        self.position += size
        self.attempts = 0

    def run_errand(self) -> bool:
        """Run on what asks for the rest; tell whether that comes now."""
        errand = self.errand
        assert errand is not None
        if not errand.advance():
            return False
        self.errand = None
        if self.closed:  # by another thread, just now
            self.body.abort()
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return True

    def go_on_after(self, error: OSError | EOFError) -> None:
        """Begin to ask for what was to come where *error* did; raise where that is of no use."""
        self.failure = copy.copy(error)
        if not self.attempts:
            self.cut = self.failure
        if self.closed or not goes_on(error, self.attempts + 1):
            raise self.told()
        self.body.abort()
        self.errand = Errand(self.ask_again())

    def stalled(self, error: TimeoutError) -> bool:
        errand = self.errand
        if errand is not None:
            if errand.pauses:
                return True
            errand.cancel()
            self.errand = None
        self.go_on_after(error)
        return True

    async def ask_again(self) -> None:
        """Ask for what has not come, until that is on its way, and let it be the body."""
        while self.failure is not None:
            self.attempts += 1
            if not goes_on(self.failure, self.attempts):
                raise self.told()
            await wait_any({}, delay_before(self.attempts, self.failure))
            try:
                self.body = self.inner = await self.ask()
                self.failure = None
            except (OSError, EOFError) as error:
                self.failure = copy.copy(error)

    async def ask(self) -> HttpStream:
        """Return the body of an answer that begins at the position."""
        # 2 ms to import, which a program that reads one document does not pay.
        from fildes.http.following import skip
        from fildes.http.planning import Window
        from fildes.http.whole_parts import WholeParts

        if self.parts is None:
            self.parts = WholeParts(self.fetch, self.asked_for, self.response, self.size)
        # Behind the last byte there is nothing to ask for, and where that is, nobody has said.
        start = self.position - 1 if self.stop is None and self.position else self.position
        stop = None if self.stop == self.size else self.stop
        answer, part = await self.parts.ask(Window(start, stop))
        body = HttpStream(answer, self.pool)
        try:
            await skip(body, self.position - part.start)
        except BaseException:
            body.abort()
            raise
        if self.stop is None:
            self.stop = self.size = self.parts.size
        return body

    @property
    def progress(self) -> str:
        """How much has come, in words."""
        came = f"{self.position - self.start}"
        return f"{came} bytes" if self.stop is None else f"{came} of {self.stop - self.start} bytes"

    def told(self) -> OSError | EOFError:
        """Return the error that says what was delivered, and why no more is."""
        assert self.cut is not None
        assert self.failure is not None
        if isinstance(self.failure, OSError) and self.failure.errno == errno.ESTALE:
            return saying(self.failure, f"{words(self.failure)}; {self.progress} had come")
        text = f"HTTP body ended after {self.progress}"
        if not isinstance(self.cut, IncompleteError):
            text = f"{words(self.cut)} after {self.progress}"
        if self.failure is not self.cut:
            text += f"; the rest could not be had: {words(self.failure)}"
        return saying(self.cut, text)

    def recv_wants(self) -> Interest:
        return self.body.recv_wants() if self.errand is None else self.errand.wants()

    async def close(self) -> None:
        """Release the connection."""
        self.end_errand()
        await self.body.close()

    def abort(self) -> None:
        self.end_errand()
        self.body.abort()

    def interrupt(self) -> None:
        self.end_errand()
        self.body.interrupt()

    def end_errand(self) -> None:
        """Ask for nothing more."""
        self.closed = True
        errand = self.errand
        if errand is not None:
            errand.cancel()


def words(error: OSError | EOFError) -> str:
    """Return what *error* says, without its number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def saying(error: OSError | EOFError, text: str) -> OSError | EOFError:
    """Return a copy of *error* that says *text*."""
    told = copy.copy(error)
    if isinstance(told, OSError):
        told.strerror = text
    told.args = (*told.args[:-1], text)
    return told


def resumable(opening: Opening, fetch: Fetch, request: Request, answer: Answer) -> Stream:
    """Return the body of *answer*, going on where it is cut if that can be done safely.

    Args:
      answer: to a *request* for a whole document.
    """
    body = HttpStream(answer, opening.pool)
    size = answer.framing.size if isinstance(answer.framing, Length) else None
    if answer.response.status != 200 or not may_resume(fetch, request, answer, size):
        return body
    return ResumingStream(fetch, request, body, size, size=size)


def may_resume(fetch: Fetch, request: Request, answer: Answer, size: int | None) -> bool:
    """Tell whether what is missing of *answer* could be told from another version's.

    Args:
      size: of the document; without it, a time of modification is not enough.
    """
    etag, modified = validator_of(answer.response.headers)
    known = etag is not None or (modified is not None and size is not None)
    return known and fetch.resume and not (request.says("range") or request.says("accept-encoding"))


async def fetch_resumable(opening: Opening, address: Address, *, learning: bool = False) -> Stream:
    """Return the document at *address*, to be read in order.

    Args:
      learning: the next one may be asked for likewise, so it is told how.

    Raises:
      OSError: a step failed, or the answer is none that a document follows.
      ValueError, TypeError: a header cannot be sent; nothing was opened.
    """
    fetch = Fetch(opening, address, opening.pool)
    request, answer = await fetch.travel()
    if learning:
        opening.learned = learned_from(fetch, (request, ()), answer)
    return resumable(opening, fetch, request, answer)
