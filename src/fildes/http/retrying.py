"""Which failures pass, and how long to wait for that."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from fildes.errors import IncompleteError
from fildes.waiting import wait_any

T = TypeVar("T")

#: Attempts in a row that bring nothing before the failure is an error.
MAX_ATTEMPTS = 5  # arbitrary

#: As many where the failure is that nothing came for the idle limit: each costs as long.
MAX_STALLS = 2  # arbitrary

FIRST_DELAY = 0.1  #: seconds, doubled each time; arbitrary
MAX_DELAY = 30.0  #: however long the server asks us to wait; arbitrary

#: The request may be repeated without changes; RFC 9110 section 15, RFC 6585 section 4,
#: RFC 8470 section 5.2.
PASSING_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

#: A connection was lost or refused, a network is down or changes, or names cannot be
#: resolved for the moment (getaddrinfo(3), whose numbers are negative).
PASSING_ERRNO: Final = frozenset(
    {errno.ECONNRESET, errno.EPIPE, errno.ECONNREFUSED, errno.ECONNABORTED, errno.ENOTCONN}
    | {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH}
    | {socket.EAI_AGAIN}
)


def passes(error: OSError | EOFError) -> bool:
    """Tell whether another attempt may succeed where this one failed with *error*."""
    if isinstance(error, IncompleteError | EOFError):
        return True
    status = getattr(error, "status", None)
    if status is not None:
        return status in PASSING_STATUS
    # ssl.SSLEOFError; a connection cut under TLS.
    return error.errno in PASSING_ERRNO or type(error).__name__ == "SSLEOFError"


def goes_on(error: OSError | EOFError, attempt: int) -> bool:
    """Tell whether to ask again for what *error* cut short.

    Args:
      attempt: its number, from 1, since the last byte came.
    """
    if isinstance(error, TimeoutError) and not hasattr(error, "status"):  # it stalled
        return attempt <= MAX_STALLS
    return attempt <= MAX_ATTEMPTS and passes(error)


def delay_before(attempt: int, error: OSError | EOFError, chance: float | None = None) -> float:
    """Return how many seconds to wait before the attempt of this number, from 1.

    The first one comes at once: most often a connection has only become old. What the
    server asks for in Retry-After is granted, up to `MAX_DELAY`.

    Args:
      chance: between 0 and 1, so that many readers do not come back all at once.
    """
    asked = retry_after(getattr(error, "headers", {}))
    if asked is not None:
        return min(MAX_DELAY, asked)
    if attempt == 1 and getattr(error, "status", None) is None:
        return 0.0
    part = os.urandom(1)[0] / 255 if chance is None else chance
    return min(MAX_DELAY, float(FIRST_DELAY * 2 ** (attempt - 1))) * (0.5 + part / 2)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return how many seconds a server asks us to wait; None if it does not.

    It says that as seconds or as a moment (RFC 9110 section 10.2.3), which is compared with
    its own clock where it tells that.

    Args:
      now: seconds since the epoch by our clock.
    """
    asked = headers.get("Retry-After", "")
    if asked.isascii() and asked.isdecimal():
        return float(asked[:9])
    moment = moment_of(asked)
    if moment is None:
        return None
    theirs = moment_of(headers.get("Date", ""))
    if theirs is None:
        theirs = time.time() if now is None else now
    return max(0.0, moment - theirs)


def moment_of(date: str) -> float | None:
    """Return the seconds since the epoch that an HTTP *date* stands for; None if it is none."""
    if not date:
        return None
    from email.utils import parsedate_to_datetime  # which most programs do not need

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def persevering(travel: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Let *travel*, a method that only reads, be tried again as often as its owner's *retries*.

    The deadline of the open counts for all attempts and the waits between them.
    """

    @functools.wraps(travel)
    async def tried(self: Any, *args: Any) -> T:
        for attempt in itertools.count(1):
            try:
                return await travel(self, *args)
            except (OSError, EOFError) as error:
                if attempt > self.retries or not passes(error):
                    raise
                delay = delay_before(attempt, error)
            await wait_any({}, delay)
        raise AssertionError("unreachable: the count has no end")

    return tried
