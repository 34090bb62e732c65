"""The exit statuses of the command; docs/exit-codes.md explains them to users.

A status that curl has too has curl's number: scripts know it already.
"""

from __future__ import annotations

import enum
import errno

from fildes.cli.errors import LocalWriteError, UsageError
from fildes.errors import AddressError, IncompleteError, PolicyError, ProtocolError, failure_of


class Status(enum.IntEnum):
    """What became of a command."""

    COMPLETE = 0
    FAILED = 1
    USAGE = 2
    ADDRESS = 3
    POLICY = 4
    RESOLVE = 6
    CONNECT = 7
    PROTOCOL = 8
    INCOMPLETE = 18
    HTTP_STATUS = 22
    LOCAL_WRITE = 23
    TIMEOUT = 28
    TLS = 35
    CERTIFICATE = 60
    PROXY = 97
    NOT_EXECUTABLE = 126  #: as a shell says it; POSIX.1 XCU section 2.8.2
    NOT_FOUND = 127
    INTERRUPTED = 130  #: 128 + SIGINT, as a shell would say
    OUTPUT_CLOSED = 141  #: 128 + SIGPIPE


#: Where the type of the error does not say more.
STATUS_OF_STEP = {
    "resolve": Status.RESOLVE,
    "connect": Status.CONNECT,
    "listen": Status.CONNECT,
    "proxy": Status.PROXY,
    "handshake": Status.TLS,
    "request": Status.INCOMPLETE,
    "response": Status.INCOMPLETE,
    "decode": Status.PROTOCOL,
    "read": Status.INCOMPLETE,
    "write": Status.INCOMPLETE,
    "close": Status.INCOMPLETE,
}


def status_of(error: BaseException) -> Status:
    """Return the exit status for an exception that ended a command."""
    if isinstance(error, UsageError):
        return Status.USAGE
    if isinstance(error, LocalWriteError):
        return Status.OUTPUT_CLOSED if error.errno == errno.EPIPE else Status.LOCAL_WRITE
    if isinstance(error, AddressError):
        return Status.ADDRESS
    if isinstance(error, PolicyError):
        return Status.POLICY
    if isinstance(error, KeyboardInterrupt):
        return Status.INTERRUPTED
    failure = failure_of(error)
    if failure is None:  # none of our steps: a local file, or a mistake of ours
        return Status.FAILED
    return status_of_failure(error, failure.step)


def status_of_failure(error: BaseException, step: str) -> Status:
    by_step = STATUS_OF_STEP.get(step, Status.FAILED)
    if isinstance(error, TimeoutError):
        return Status.TIMEOUT
    if step == "proxy":
        return by_step
    if isinstance(error, (IncompleteError, EOFError)):
        return Status.INCOMPLETE
    if isinstance(error, ProtocolError):
        return Status.PROTOCOL
    if type(error).__name__ == "SSLCertVerificationError":  # by name: ssl takes long to import
        return Status.CERTIFICATE
    if step == "response" and not isinstance(error, ConnectionError):
        return Status.HTTP_STATUS
    return by_step
