"""The exit statuses of the command."""

from __future__ import annotations

import errno
import re
import ssl
from pathlib import Path

import pytest

from fildes.cli.errors import LocalWriteError, UsageError
from fildes.cli.status import Status, status_of
from fildes.errors import AddressError, IncompleteError, PolicyError, ProtocolError, add_context

DOCUMENT = Path(__file__).parents[1] / "docs" / "exit-codes.md"


def test_document_lists_every_status() -> None:
    """What users read in docs/exit-codes.md is what the command does."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(s.value, s.name) for s in Status]


@pytest.mark.parametrize(
    ("error", "step", "expected"),
    [
        (OSError(-2, "Name or service not known"), "resolve", Status.RESOLVE),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "connect", Status.CONNECT),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "connect", Status.TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "proxy", Status.PROXY),
        (ProtocolError("no SOCKS"), "proxy", Status.PROXY),
        (ssl.SSLError("alert"), "handshake", Status.TLS),
        (ssl.SSLCertVerificationError("expired"), "handshake", Status.CERTIFICATE),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "handshake", Status.TLS),
        (ProtocolError("two lengths"), "response", Status.PROTOCOL),
        (FileNotFoundError(errno.ENOENT, "404"), "response", Status.HTTP_STATUS),
        (PermissionError(errno.EACCES, "403"), "response", Status.HTTP_STATUS),
        (OSError(errno.EIO, "500"), "response", Status.HTTP_STATUS),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "response", Status.INCOMPLETE),
        (IncompleteError("5 of 20 bytes"), "response", Status.INCOMPLETE),
        (IncompleteError("5 of 20 bytes"), "read", Status.INCOMPLETE),
        (EOFError("closed"), "read", Status.INCOMPLETE),
        (ssl.SSLEOFError(8, "no close_notify"), "read", Status.INCOMPLETE),
        (ProtocolError("bad chunk"), "read", Status.PROTOCOL),
        (IncompleteError("cut"), "decode", Status.INCOMPLETE),
    ],
)
def test_failed_step_has_its_status(error: OSError | EOFError, step: str, expected: Status) -> None:
    """Scripts can tell which step failed, and whether trying again makes sense."""
    add_context(error, step, "https://host/x")
    assert status_of(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AddressError("no address"), Status.ADDRESS),
        (PolicyError("a private network"), Status.POLICY),
        (LocalWriteError(errno.ENOSPC, "No space left on device"), Status.LOCAL_WRITE),
        (LocalWriteError(errno.EPIPE, "Broken pipe"), Status.OUTPUT_CLOSED),
        (UsageError("no such command"), Status.USAGE),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), Status.FAILED),
        (KeyboardInterrupt(), Status.INTERRUPTED),
        (ZeroDivisionError(), Status.FAILED),
    ],
)
def test_failure_outside_the_steps(error: BaseException, expected: Status) -> None:
    """What failed on this side has statuses of its own."""
    assert status_of(error) is expected
