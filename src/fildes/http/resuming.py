"""A document that is read in order, and goes on where its answer was cut."""

from __future__ import annotations

import copy
import errno
from typing import TYPE_CHECKING

from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.retrying import MAX_ATTEMPTS, delay_before, passes
from fildes.http.validator import validator_of
from fildes.streams.random import AskedStream
from fildes.waiting import wait_any
from fildes.wire.http1_framing import Length

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.fetching import Answer
    from fildes.http.request import Request
    from fildes.http.whole_parts import WholeParts
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream


class ResumingStream(AskedStream):
    """The body of an answer, then of those for what was still missing.

    Attributes:
      body: what comes at the moment.
      verdict: why no more comes.
      parts: how the rest is asked for; None before the first cut.
    """

    def __init__(self, fetch: Fetch, request: Request, answer: Answer, size: int) -> None:
        """Begin with the *answer* to *request*, of *size* bytes."""
        self.fetch = fetch
        self.request = request
        self.pool = fetch.opening.pool
        self.response = answer.response
        self.parts: WholeParts | None = None
        self.body = HttpStream(answer, self.pool)
        self.inner: Stream = self.body
        self.size = size
        self.closed = False
        self.verdict: OSError | EOFError | None = None

    def recv_here(self, buffer: memoryview) -> int | None:
        """Receive what has come; None where that takes a wait, or is an error."""
        if self.verdict is not None:
            return None
        try:
            received = self.body.try_recv_into(buffer)
        except (OSError, EOFError):  # kept by the body, for `recv_into`
            return None
        self.position += received or 0
        return received

    async def recv_into(self, buffer: memoryview) -> int:
        """Receive at least one byte into *buffer*; 0 at the end of file."""
        if self.verdict is not None:
            raise copy.copy(self.verdict)
        try:
            received = await self.body.recv_into(buffer)
        except (OSError, EOFError) as error:
            cut = error
        else:
            self.position += received
            return received
        return await self.recv_rest(buffer, cut)

    async def recv_rest(self, buffer: memoryview, cut: OSError | EOFError) -> int:
        """Receive from a new answer, after *cut*.

        Raises:
          OSError, EOFError: *cut*, where nothing more can be had; ESTALE, the document
            has changed.
        """
        attempts, failure = 0, cut
        while True:
            attempts += 1
            if self.closed or attempts > MAX_ATTEMPTS or not passes(failure):
                changed = isinstance(failure, OSError) and failure.errno == errno.ESTALE
                self.verdict = copy.copy(failure if changed else cut)
                raise failure if changed else cut
            await wait_any({}, delay_before(attempts, failure))
            try:
                await self.ask_for_rest()
                received = await self.body.recv_into(buffer)
            except (OSError, EOFError) as error:
                failure = error
                continue
            self.position += received
            return received

    async def ask_for_rest(self) -> None:
        """Ask for what has not come; let that be the body."""
        # 2 ms to import, which a program that reads one document does not pay.
        from fildes.http.following import skip
        from fildes.http.planning import Window
        from fildes.http.whole_parts import WholeParts

        self.body.abort()
        if self.parts is None:
            self.parts = WholeParts(self.fetch, self.request, self.response, self.size)
        answer, part = await self.parts.ask(Window(self.position, None))
        self.inner = self.body = HttpStream(answer, self.pool)
        if self.closed:
            self.body.interrupt()
        await skip(self.body, self.position - part.start)

    async def sequential(self) -> Stream:
        """Return what comes as it comes: nobody asks again where that is cut."""
        return self.body

    async def close(self) -> None:
        """Release the connection."""
        self.closed = True
        await self.body.close()

    def abort(self) -> None:
        self.closed = True
        self.body.abort()

    def interrupt(self) -> None:
        self.closed = True
        self.body.interrupt()
        self.fetch.interrupt()


async def fetch_resumable(opening: Opening, address: Address) -> Stream:
    """Return the document at *address*, to be read in order.

    What a layer stands on comes as it comes; the document itself goes on where it is cut,
    if its server says how large it is and which version.

    Raises:
      OSError: a step failed, or the answer is none that a document follows.
      ValueError, TypeError: a header cannot be sent; nothing was opened.
    """
    fetch = Fetch(opening, address, opening.pool)
    request, answer = await fetch.travel()
    framing = answer.framing
    known = validator_of(answer.response.headers) != (None, None)
    whole = answer.response.status == 200 and isinstance(framing, Length)
    if address is opening.address and whole and known and not request.says("range"):
        assert isinstance(framing, Length)
        return ResumingStream(fetch, request, answer, framing.size)
    return HttpStream(answer, opening.pool)
