"""Which failures are tried again, and after how long."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

import fildes
from fildes.http.response import Headers, Response, status_error
from fildes.http.retrying import delay_before, goes_on, passes, retry_after


def failed(status: int, **fields: str) -> OSError:
    headers = Headers(tuple((name.replace("_", "-"), value) for name, value in fields.items()))
    return status_error(Response(status, "", (1, 1), headers, ""))


PASSING = (
    fildes.IncompleteError("cut"),
    EOFError(),
    ConnectionResetError(errno.ECONNRESET, ""),
    BrokenPipeError(errno.EPIPE, ""),
    ConnectionRefusedError(errno.ECONNREFUSED, ""),
    OSError(errno.ENETUNREACH, ""),
    OSError(errno.EHOSTUNREACH, ""),
    OSError(errno.ENETDOWN, ""),
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    *map(failed, (408, 425, 429, 500, 502, 503, 504)),
)
LASTING = (
    fildes.ProtocolError("nonsense"),
    TimeoutError(errno.ETIMEDOUT, ""),
    OSError(errno.ESTALE, ""),
    PermissionError(errno.EACCES, ""),
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    *map(failed, (400, 401, 403, 404, 416, 501)),
)


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_failure_that_passes(error: OSError) -> None:
    """A lost connection and a server in trouble are worth another attempt."""
    assert passes(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_failure_that_stays(error: OSError) -> None:
    """A refusal, a broken rule and a stall are not."""
    assert not passes(error)


def test_delays() -> None:
    """The first attempt comes at once, each later one after twice as long, within limits."""
    lost = ConnectionResetError(errno.ECONNRESET, "")
    assert [delay_before(number, lost, 1) for number in (1, 2, 3, 4)] == [0, 0.2, 0.4, 0.8]
    assert delay_before(2, lost, 0) == 0.1
    assert delay_before(20, lost, 1) == 30
    assert 0.05 <= delay_before(1, failed(503)) <= 0.1


def test_retry_after() -> None:
    """What the server asks for is granted, but no more than half a minute."""
    assert delay_before(1, failed(503, Retry_After="7")) == 7
    assert delay_before(1, failed(503, Retry_After="0")) == 0
    assert delay_before(1, failed(503, Retry_After="9" * 30)) == 30
    assert delay_before(1, failed(503, Retry_After="soon")) <= 0.1


LATER, NOW = "Fri, 31 Dec 1999 23:59:59 GMT", 946_684_790.0

MOMENTS = {
    "by its own clock": ({"Date": "Fri, 31 Dec 1999 23:59:54 GMT"}, 5),
    "by ours": ({}, 9),
    "by ours, for its own is broken": ({"Date": "yesterday"}, 9),
    "passed": ({"Date": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0),
}


@pytest.mark.parametrize(("fields", "seconds"), MOMENTS.values(), ids=MOMENTS)
def test_retry_after_a_moment(fields: dict[str, str], seconds: int) -> None:
    """A moment is compared with the clock of whoever named it, else with ours."""
    assert retry_after({"Retry-After": LATER, **fields}, now=NOW) == seconds


def test_retry_after_a_late_moment() -> None:
    """A moment is granted up to half a minute, too, and one that is none says nothing."""
    late = failed(503, Retry_After=LATER, Date="Fri, 31 Dec 1999 00:00:00 GMT")
    assert delay_before(1, late) == 30
    assert retry_after({"Retry-After": "Fri, 99 Dec 1999 00:00:00 GMT"}) is None


def test_stalls_are_waited_for_less_often() -> None:
    """A document that stalls again and again ends sooner than one that is cut, which is quick."""
    stall, cut = TimeoutError(errno.ETIMEDOUT, ""), fildes.IncompleteError("cut")
    assert [goes_on(stall, attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert [goes_on(cut, attempt) for attempt in (1, 5, 6)] == [True, True, False]
    assert [goes_on(failed(408), attempt) for attempt in (5, 6)] == [True, False]
    assert not goes_on(failed(404), 1)
