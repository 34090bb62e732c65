"""What a server answered, as callers see it; and the errors that some answers are."""

from __future__ import annotations

import errno
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fildes.errors import NotModifiedError, ProtocolError
from fildes.patterns import pattern
from fildes.wire.http1 import FieldIndex

if TYPE_CHECKING:
    from fildes.http.request import Request
    from fildes.wire.http1 import Fields, ResponseHead

#: What the kernel says when a file fails for the same reason; RFC 9110 section 15.
ERRNO_OF_STATUS: Final = {
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    407: errno.EACCES,
    408: errno.ETIMEDOUT,
    410: errno.ENOENT,
    413: errno.EFBIG,
    414: errno.ENAMETOOLONG,
    # Not EAGAIN, the other word for "later": Python would take it for a non-blocking file.
    429: errno.EBUSY,
    451: errno.EACCES,
    503: errno.EBUSY,
    504: errno.ETIMEDOUT,
    507: errno.ENOSPC,  # RFC 4918 section 11.5
}

MOVED: Final = frozenset({301, 302, 303, 307, 308})  # RFC 9110 section 15.4

_UNPRINTABLE = pattern(r"[^\x20-\x7e]")
_MAX_SHOWN = 80  # of a text that the server chose; arbitrary


class Headers(Mapping[str, str]):
    """Header fields by name, in any case; a repeated name gives its first value."""

    __slots__ = ("by_name", "fields")

    def __init__(self, fields: Fields, by_name: FieldIndex | None = None) -> None:
        """Show *fields*; who has them by name already gives that too."""
        self.fields = fields
        self.by_name = by_name or FieldIndex(fields)

    def __getitem__(self, name: str) -> str:
        for value in self.by_name.get_all(name):
            return value
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the first value of the field called *name*, else *default*."""
        values = self.by_name.get_all(name)
        return values[0] if values else default

    def __iter__(self) -> Iterator[str]:
        names: dict[str, str] = {}
        for name, _ in self.fields:
            names.setdefault(name.lower(), name)
        return iter(names.values())

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.fields})

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"  # values may be secrets, Set-Cookie's are

    def get_all(self, name: str) -> list[str]:
        """Return all values of the fields called *name*, in the order in which they came."""
        return list(self.by_name.get_all(name))


class Response(NamedTuple):
    """The head of the final response.

    Attributes:
      status: 200 and the like.
      reason: the server's words for it; may be empty, may be anything.
      version: ``(1, 1)`` or ``(1, 0)``.
      address: where the document was in the end, secrets redacted.
    """

    status: int
    reason: str
    version: tuple[int, int]
    headers: Headers
    address: str

    @property
    def summary(self) -> str:
        """The answer in one line, safe to show."""
        length, media = self.headers.get("Content-Length"), self.headers.get("Content-Type")
        return summary_of(self.status, self.reason, length, media)


@functools.lru_cache(maxsize=32)  # arbitrary; servers say the same again and again
def summary_of(status: int, reason: str, length: str | None, media: str | None) -> str:
    """Return an answer in one line, safe to show."""
    words = [f"{status} {printable(reason)}".strip()]
    words += [f"{printable(length)} bytes"] if length else []
    words += [printable(media)] if media else []
    return ", ".join(words)


def response_of(head: ResponseHead, address: str) -> Response:
    """Return *head*, what came from *address*, as callers see it."""
    return Response(
        head.status, head.reason, head.version, Headers(head.fields, head.by_name), address
    )


def printable(text: str) -> str:
    """Return *text* of the server's as it may be shown on a terminal."""
    return _UNPRINTABLE.sub("?", text)[:_MAX_SHOWN]


def check_document(response: Response, request: Request) -> None:
    """Raise unless what follows *response* is the document that was asked for.

    Raises:
      OSError: the status is not 2xx; it has it as ``status``, and ``reason`` and
        ``headers``. FileNotFoundError, PermissionError and TimeoutError where they fit.
      ProtocolError: it is a part of the document, or an encoding of it, unasked.
    """
    if not 200 <= response.status < 300:
        raise status_error(response)
    if response.status == 206 and not request.says("range"):
        raise ProtocolError("the server sent a part of the document (206) without being asked to")
    check_coding(response, request)


def check_coding(response: Response, request: Request) -> None:
    """Raise `ProtocolError` if what follows *response* is an encoding, unasked."""
    coded = [
        coding
        for coding in response.headers.get_all("Content-Encoding")
        if coding.lower() not in {"", "identity"}
    ]
    if coded and not request.says("accept-encoding"):
        raise ProtocolError(
            f"the server sent Content-Encoding {printable(', '.join(coded))}, "
            "though only identity was accepted"
        )


def status_error(response: Response) -> OSError:
    """Return the error that the status of *response* stands for."""
    words = f"HTTP status {response.status} {printable(response.reason)}".rstrip()
    if response.status == 304:
        error: OSError = NotModifiedError(words)
    else:
        error = OSError(ERRNO_OF_STATUS.get(response.status, errno.EIO), words)
    vars(error).update(status=response.status, reason=response.reason, headers=response.headers)
    return error
