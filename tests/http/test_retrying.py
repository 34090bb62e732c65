"""Which failures are tried again, and after how long."""

from __future__ import annotations

import errno

import pytest

import fildes
from fildes.http.response import Headers, Response, status_error
from fildes.http.retrying import delay_before, passes


def failed(status: int, **fields: str) -> OSError:
    headers = Headers(tuple((name.replace("_", "-"), value) for name, value in fields.items()))
    return status_error(Response(status, "", (1, 1), headers, ""))


PASSING = (
    fildes.IncompleteError("cut"),
    EOFError(),
    ConnectionResetError(errno.ECONNRESET, ""),
    BrokenPipeError(errno.EPIPE, ""),
    ConnectionRefusedError(errno.ECONNREFUSED, ""),
    *map(failed, (408, 429, 500, 502, 503, 504)),
)
LASTING = (
    fildes.ProtocolError("nonsense"),
    TimeoutError(errno.ETIMEDOUT, ""),
    OSError(errno.ESTALE, ""),
    PermissionError(errno.EACCES, ""),
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
    assert delay_before(1, failed(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")) <= 0.1
