"""Asking for parts of one document, and making sure that they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes.errors import ProtocolError
from fildes.http.response import check_coding, status_error
from fildes.http.validator import check_refusal, check_same, check_total, part_of, validator_of
from fildes.wire.content_range import range_field

if TYPE_CHECKING:
    from fildes.http.fetching import Answer, Fetch
    from fildes.http.planning import Rate, Window
    from fildes.http.request import Request
    from fildes.http.response import Response
    from fildes.wire.content_range import ContentRange

#: A server may refuse so where the address that was opened led to before: what a
#: redirect gave may have been for a while only.
REFUSED = frozenset({301, 302, 303, 307, 308, 400, 401, 403, 404, 410})

#: To a range, the answers of servers that have none.
NO_RANGES = frozenset({400, 416, 501})


class Parts:
    """One version of a document on its server, of which parts can be asked for.

    Attributes:
      request: what reaches the document; where redirects led in the end.
      size, validator: of the version that was opened.
      rate: measured on the way.
      in_turn: the server may answer requests that are sent before they are (pipelining).
    """

    in_turn = True

    def __init__(self, fetch: Fetch, request: Request, answer: Answer, rate: Rate) -> None:
        """Take the size and version from the first *answer*, a part.

        Raises:
          ProtocolError: it contradicts itself.
        """
        self.fetch = fetch
        self.request = request
        self.first = part_of(answer)
        assert self.first.total is not None, "what does not tell its size is no document of parts"
        self.size = self.first.total
        self.validator = validator_of(answer.response.headers)
        self.rate = rate

    async def ask(self, window: Window) -> tuple[Answer, ContentRange]:
        """Ask for *window*; return an answer that begins there or before.

        Raises:
          OSError: ESTALE, the document has changed; EIO and others, by the status.
          ProtocolError: it is not what was asked for.
        """
        since = time.monotonic()
        answer = await self.answer(window)
        self.rate.answered(time.monotonic() - since)
        try:
            return answer, self.checked(answer, window)
        except BaseException:
            answer.connection.stream.abort()
            raise

    async def answer(self, window: Window) -> Answer:
        """Ask where the document was last, then from the beginning if that is refused."""
        field = (range_field(window.start, window.stop),)
        if self.request != self.fetch.request:
            try:
                return await self.fetch.ask(self.request, field, check_status)
            except OSError as error:
                if getattr(error, "status", None) not in REFUSED:
                    raise
        self.request, answer = await self.fetch.travel(field, check_status)
        return answer

    def checked(self, answer: Answer, window: Window) -> ContentRange:
        """Return the part that *answer* is, once it is sure to be one of our version."""
        status = answer.response.status
        if status == 416:
            check_refusal(answer, self.size)
            raise status_error(answer.response)
        check_same(self.validator, validator_of(answer.response.headers))
        if status != 206:
            raise ProtocolError(f"the server sent the whole document ({status}) for a part of it")
        part = part_of(answer)
        check_total(self.size, part.total)
        if not part.start <= window.start < part.stop:
            raise ProtocolError(
                f"the server sent bytes {part.start}-{part.stop - 1} "
                f"where those from {window.start} on were asked for"
            )
        return part


def check_status(response: Response, request: Request) -> None:
    """Raise for a status that no answer to a range has."""
    if response.status != 416 and not 200 <= response.status < 300:
        raise status_error(response)
    check_coding(response, request)


def check_first(response: Response, request: Request) -> None:
    """As `check_status`, but a server may have no ranges."""
    if response.status not in NO_RANGES:
        check_status(response, request)
