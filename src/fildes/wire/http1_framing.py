"""How the body of an HTTP/1.1 response ends; RFC 9112 section 6.3.

Where the fields leave any doubt the response is refused: two readers that
disagree on the end of a body can be played against each other.
"""

from __future__ import annotations

from typing import NamedTuple

from fildes.errors import ProtocolError
from fildes.patterns import pattern
from fildes.wire.http1 import ResponseHead

_LENGTH = pattern(r"[0-9]{1,18}")  # 18 digits are below 2**63 - 1, the largest off_t


class _Constant:
    """A value that only its type tells."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class NoBody(_Constant):
    """The head is the whole message, whatever its fields say."""


class Length(NamedTuple):
    """The body has *size* bytes."""

    size: int


class Chunked(_Constant):
    """The body comes in chunks and says itself where it ends."""


class UntilClose(_Constant):
    """The body ends with the connection."""


Framing = NoBody | Length | Chunked | UntilClose


def framing_of(head: ResponseHead, method: str) -> Framing:
    """Return how the body of the answer to a *method* request ends.

    Raises:
      ProtocolError: the fields contradict themselves or each other, or are
        not exactly what RFC 9112 sections 6.1 to 6.3 allow.
    """
    if method == "CONNECT" and 200 <= head.status < 300:
        return NoBody()  # a tunnel follows; RFC 9112 section 6.3 says to ignore the fields
    framing = _announced_framing(head)
    if method == "HEAD" or head.status < 200 or head.status in {204, 304}:
        return NoBody()
    return framing


def _announced_framing(head: ResponseHead) -> Framing:
    codings, lengths = head.get_all("Transfer-Encoding"), head.get_all("Content-Length")
    if codings and lengths:
        raise ProtocolError("response has both Transfer-Encoding and Content-Length")
    if codings:
        if head.version == (1, 0):
            raise ProtocolError("HTTP/1.0 response has a Transfer-Encoding")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise ProtocolError(f"Transfer-Encoding is not chunked: {', '.join(codings)[:40]!r}")
        return Chunked()
    if lengths:
        if len(lengths) > 1:
            raise ProtocolError("response has more than one Content-Length")
        if not _LENGTH.fullmatch(lengths[0]):
            raise ProtocolError(f"Content-Length is not a decimal number: {lengths[0][:40]!r}")
        return Length(int(lengths[0]))
    return UntilClose()
