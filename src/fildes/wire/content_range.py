"""The fields of partial answers; RFC 9110 section 14."""

from __future__ import annotations

import re
from typing import NamedTuple

from fildes.errors import ProtocolError
from fildes.patterns import pattern

# 18 digits are below 2**63 - 1, the largest off_t.
_NUMBER = "([0-9]{1,18})"
_SATISFIED = pattern(rf"bytes {_NUMBER}-{_NUMBER}/(?:{_NUMBER}|\*)", re.IGNORECASE)
_UNSATISFIED = pattern(rf"bytes \*/{_NUMBER}", re.IGNORECASE)


class ContentRange(NamedTuple):
    """Which part of a document an answer holds.

    Attributes:
      start, stop: offsets of its first byte, and of the one after its last.
      total: the size of the document; None if the server does not know it.
    """

    start: int
    stop: int
    total: int | None


def parse_content_range(value: str) -> ContentRange:
    """Return what the Content-Range of an answer of status 206 says.

    Raises:
      ProtocolError: it is no range, an empty one, or one outside the document.
    """
    match = _SATISFIED.fullmatch(value)
    if match is None:
        raise ProtocolError(f"not a Content-Range of bytes: {value[:60]!r}")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] is None else int(match[3])
    if last < first or (total is not None and last >= total):
        raise ProtocolError(f"Content-Range contradicts itself: {value[:60]!r}")
    return ContentRange(first, last + 1, total)


def parse_unsatisfied(value: str) -> int | None:
    """Return the size that the Content-Range of an answer of status 416 tells, if any."""
    match = _UNSATISFIED.fullmatch(value)
    return None if match is None else int(match[1])


def range_field(start: int, stop: int | None) -> tuple[str, str]:
    """Return the field that asks for the bytes from *start* to before *stop*, or to the end.

    A negative *start* asks for as many bytes at the end.
    """
    if start < 0:
        return "Range", f"bytes={start}"
    return "Range", f"bytes={start}-{'' if stop is None else stop - 1}"
