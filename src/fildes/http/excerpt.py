"""One range of a document as a stream: exactly what was asked for, or an error."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from fildes.errors import AddressError, IncompleteError, ProtocolError
from fildes.http.body import HttpStream
from fildes.http.fetching import Fetch
from fildes.http.response import check_coding, status_error
from fildes.http.resuming import ResumingStream, may_resume, resumable
from fildes.http.validator import part_of
from fildes.streams.document import CarriedDocument
from fildes.wire.content_range import ContentRange, range_field

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.fetching import Answer
    from fildes.http.request import Request
    from fildes.http.response import Response
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

# 18 digits are below 2**63 - 1, the largest off_t.
_OPTION = re.compile(r"([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18})")


class Excerpt(CarriedDocument):
    """The bytes of one range, out of the body of an answer that says it has them.

    Attributes:
      skip: bytes of the body that come before the range.
      left: bytes of the range that have not come yet.
      coming: bytes of the body that have not come yet.
      beyond: how far the body goes beyond the range; negative, it ends before it.
    """

    def __init__(
        self, body: HttpStream | ResumingStream, part: ContentRange, start: int, stop: int
    ) -> None:
        self.inner: HttpStream | ResumingStream = body
        self.response = body.response
        self.skip = start - part.start
        self.left = min(stop, part.stop) - start
        self.coming = part.stop - part.start
        self.beyond = part.stop - stop

    def receive(self, buffer: memoryview) -> int | None:
        while self.left:
            received = self.receive_body(buffer)
            if received is None:
                return None
            if kept := min(self.without_skipped(buffer, received), self.left):
                self.left -= kept
                return kept
        if self.beyond < 0:
            raise IncompleteError(f"the server sent a part that ends {-self.beyond} bytes early")
        # What ends a chunked body may still come.
        return 0 if self.beyond else self.receive_body(buffer)

    def receive_body(self, buffer: memoryview) -> int | None:
        """Receive some of the body, which has to be as long as the answer says."""
        received = self.inner.try_recv_into(buffer)
        if received is not None:
            self.coming -= received
            if self.coming < 0 or (self.coming and not received):
                words = "longer" if received else "shorter"
                raise ProtocolError(f"partial answer (206) is {words} than its Content-Range")
        return received

    def without_skipped(self, buffer: memoryview, received: int) -> int:
        """Drop from *buffer* what precedes the range; return how much is left in it."""
        dropped = min(self.skip, received)
        if dropped:
            self.skip -= dropped
            buffer[: received - dropped] = bytes(buffer[dropped:received])
        return received - dropped


async def fetch_excerpt(opening: Opening, address: Address, text: str) -> Stream:
    """Return the range *text* of the document at *address*, as its option `range` says.

    Raises:
      AddressError: it is no range; nothing was opened.
      OSError: as `fetch`; EOPNOTSUPP, the server gives no parts of it.
      ProtocolError: it is not what was asked for.
    """
    start, stop = parse_option(text)
    fetch = Fetch(opening, address, opening.pool)
    request, answer = await fetch.travel((range_field(start, stop),), check_answer)
    try:
        with opening.blame("response"):
            return excerpt(fetch, request, answer, start, stop)
    except BaseException:
        answer.connection.stream.abort()
        raise


def excerpt(fetch: Fetch, request: Request, answer: Answer, start: int, stop: int | None) -> Stream:
    """Return what of the *answer* was asked for, once it is sure to be there."""
    if answer.response.status != 206:
        if (start, stop) == (0, None):  # the whole is what was asked for
            return resumable(fetch.opening, fetch, request, answer)
        status = answer.response.status
        raise OSError(errno.EOPNOTSUPP, f"the server sent the whole document ({status}), no part")
    part = part_of(answer)
    first, end = bounds(start, stop, part)
    if not part.start <= first < min(part.stop, end):
        raise ProtocolError(
            f"the server sent bytes {part.start}-{part.stop - 1} "
            f"where {range_field(start, stop)[1]} was asked for"
        )
    return Excerpt(resumable_part(fetch, request, answer, part), part, first, end)


def resumable_part(
    fetch: Fetch, request: Request, answer: Answer, part: ContentRange
) -> HttpStream | ResumingStream:
    """Return the body of *answer*, going on where it is cut if that can be done safely."""
    body = HttpStream(answer, fetch.opening.pool)
    if part.total is None or not may_resume(fetch, request, answer, part.total):
        return body
    return ResumingStream(fetch, request, body, part.stop, start=part.start, size=part.total)


def bounds(start: int, stop: int | None, part: ContentRange) -> tuple[int, int]:
    """Return the offsets that a range stands for in a document of which there is *part*."""
    total = part.total
    if total is None and (start < 0 or stop is None):
        raise ProtocolError("the server does not say how large the document is")
    if total is None:
        assert stop is not None
        return start, stop
    return max(0, total + start) if start < 0 else start, total if stop is None else min(
        stop, total
    )


def parse_option(text: str) -> tuple[int, int | None]:
    """Return the offsets of the first byte and after the last; as `range_field` has them.

    Raises:
      AddressError: it is no range of bytes.
    """
    match = _OPTION.fullmatch(text)
    if match is not None and match[3] is not None and int(match[3]):
        return -int(match[3]), None
    if match is not None and match[1] is not None:
        start, stop = int(match[1]), None if match[2] is None else int(match[2]) + 1
        if stop is None or start < stop:
            return start, stop
    raise AddressError("range takes FIRST-LAST, FIRST- or -COUNT, in bytes: 0-99, 100-, -50")


def check_answer(response: Response, request: Request) -> None:
    """Raise for a status that is no document nor a part of one."""
    if not 200 <= response.status < 300:
        raise status_error(response)
    check_coding(response, request)
