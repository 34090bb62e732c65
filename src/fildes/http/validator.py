"""Which version of a document an answer belongs to; RFC 9110 section 8.8."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple

from fildes.errors import ProtocolError
from fildes.wire.content_range import ContentRange, parse_content_range, parse_unsatisfied
from fildes.wire.http1_framing import Length

if TYPE_CHECKING:
    from fildes.http.fetching import Answer
    from fildes.http.response import Headers


class Validator(NamedTuple):
    """What tells one version of a document from another.

    Attributes:
      etag: the strong entity tag; None without one, for a weak one promises nothing
        about bytes.
      modified: the time of the last modification, in the server's own words.
    """

    etag: str | None
    modified: str | None


def validator_of(headers: Headers) -> Validator:
    """Return what *headers* tell of the version."""
    etag = headers.get("ETag", "")
    return Validator(etag if etag.startswith('"') else None, headers.get("Last-Modified"))


def check_same(ours: Validator, theirs: Validator) -> None:
    """Raise unless both may be the same version.

    Raises:
      OSError: ESTALE, the document has changed.
    """
    tags = ours.etag, theirs.etag
    times = ours.modified, theirs.modified
    # A server of many machines may tell different times of the same bytes.
    told = tags if None not in tags else times
    if None not in told and told[0] != told[1]:
        raise changed("its validator is another")


def changed(how: str) -> OSError:
    """Return the error of a document that is no longer the one that was opened."""
    return OSError(errno.ESTALE, f"the document has changed on the server: {how}; open it again")


def check_total(ours: int | None, theirs: int | None) -> None:
    """Raise ESTALE unless a server still tells the size that it did."""
    if None not in (ours, theirs) and theirs != ours:
        raise changed(f"it has {theirs} bytes, not {ours}")


def part_of(answer: Answer) -> ContentRange:
    """Return which part of the document the body of an *answer* of status 206 is.

    Raises:
      ProtocolError: it does not say, or contradicts itself.
    """
    told = answer.response.headers.get_all("Content-Range")
    if len(told) != 1:
        raise ProtocolError("partial answer (206) without one Content-Range")
    part = parse_content_range(told[0])
    framing = answer.framing
    if isinstance(framing, Length) and framing.size != part.stop - part.start:
        raise ProtocolError(
            f"partial answer (206) of {framing.size} bytes says it has {part.stop - part.start}"
        )
    return part


def check_refusal(answer: Answer, size: int | None) -> None:
    """Raise for a status of 416 if it tells that the document has another size."""
    told = answer.response.headers.get("Content-Range", "")
    check_total(size, parse_unsatisfied(told))
