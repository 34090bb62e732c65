"""From a host name to a connected socket: RFC 8305, "Happy Eyeballs".

Every address of the name is tried, families interleaved. An attempt gets a head
start over the next one; when it fails the next one starts at once. The first to
connect wins and the others are closed. Readiness of several descriptors is one
request to the driver, so all this needs no tasks and no threads.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fildes.opening.resolving import Candidate, permitted, resolve
from fildes.waiting import WRITE, wait_any, wait_writable

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.opening.opening import Opening, Target

Socket = TypeVar("Socket", bound=socket.SocketType)

#: Head start of each address over the next; RFC 8305 section 5 recommends 250 ms.
CONNECTION_ATTEMPT_DELAY = 0.250

#: SO_ERROR of a connection that was made. It may have been reset since, and have bytes
#: to read: without a connection a reset is ECONNREFUSED (net/ipv4/tcp_input.c, tcp_reset).
CONNECTED = (0, errno.ECONNRESET, errno.EPIPE)


class Attempt(NamedTuple):
    """A connect(2) under way; owns its socket until it wins."""

    candidate: Candidate
    sock: socket.socket
    since: float


async def connect_host(
    opening: Opening,
    target: Target,
    prepare: Callable[[socket.socket], None],
    **wanted: int,
) -> socket.socket:
    """Resolve the target's name and connect to whichever of its addresses answers.

    Args:
      prepare: sets options on each socket before it connects.
      wanted: ``family`` and ``type`` as of getaddrinfo(3); any family and
        SOCK_STREAM if left out.

    Returns:
      The connected socket, in blocking mode, not inheritable; the caller's.
    """
    with opening.blame("resolve"):
        candidates = await resolve(opening, target, **wanted)
        allowed = permitted(opening, candidates)
    with opening.blame("connect"):
        return await connect_any(opening, allowed, prepare)


async def connect_any(
    opening: Opening,
    candidates: list[Candidate],
    prepare: Callable[[socket.socket], None],
) -> socket.socket:
    """Connect to the first candidate that answers.

    Raises:
      OSError: none did. With several attempts the error is the first one's, and
        names them all.
    """
    if len(candidates) == 1:
        return await connect_one(opening, candidates[0], prepare)
    waiting = deque(candidates)
    running: dict[int, Attempt] = {}
    failures: list[OSError] = []
    try:
        while waiting or running:
            started = start_next(opening, waiting, running, failures, prepare)
            if started is not None and is_connected(started.sock):  # as on loopback
                return won(opening, running, started)
            winner = await first_connected(opening, running, failures, patient=not waiting)
            if winner is not None:
                return winner
    except TimeoutError as error:
        failures += give_up(opening, running, error)
        raise summary(opening, failures, error) from several(failures)
    finally:
        for attempt in running.values():
            attempt.sock.close()
    raise summary(opening, failures, failures[0]) from several(failures)


async def connect_one(
    opening: Opening, candidate: Candidate, prepare: Callable[[socket.socket], None]
) -> socket.socket:
    """Connect to *candidate*, which is the only one; as `connect_any`, in fewer steps."""
    since = time.monotonic()
    try:
        sock = begin(candidate, prepare, since).sock
        try:
            if not is_connected(sock):
                await until_connected(sock)
            sock.setblocking(True)
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        raise only_failure(opening, candidate, since, error) from None
    opening.trace.record("connect", str(candidate), since)
    return sock


async def until_connected(sock: socket.SocketType) -> None:
    """Wait for the end of a connect(2).

    Raises:
      OSError: it failed.
    """
    await wait_writable(sock.fileno())
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code not in CONNECTED:
        raise OSError(code, os.strerror(code))


def start_next(
    opening: Opening,
    waiting: deque[Candidate],
    running: dict[int, Attempt],
    failures: list[OSError],
    prepare: Callable[[socket.socket], None],
) -> Attempt | None:
    """Start candidates until one is under way, and return it; None if none is left."""
    while waiting:
        candidate, since = waiting.popleft(), time.monotonic()
        try:
            attempt = begin(candidate, prepare, since)
        except OSError as error:
            fail(opening, candidate, since, error, failures)
        else:
            running[attempt.sock.fileno()] = attempt
            return attempt
    return None


def begin(candidate: Candidate, prepare: Callable[[socket.socket], None], since: float) -> Attempt:
    """Start a connect(2) that does not wait."""
    return Attempt(candidate, connecting(candidate, prepare, socket.socket), since)


def connecting(
    candidate: Candidate, prepare: Callable[[Socket], None], make: Callable[[int, int], Socket]
) -> Socket:
    """Return a socket in non-blocking mode that connects, or has done so; as on loopback.

    Args:
      make: the class of the socket.
    """
    family, kind, sockaddr = candidate
    sock = make(family, kind | socket.SOCK_NONBLOCK)
    try:
        prepare(sock)
        code = sock.connect_ex(sockaddr)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def first_connected(
    opening: Opening,
    running: dict[int, Attempt],
    failures: list[OSError],
    *,
    patient: bool,
) -> socket.socket | None:
    """Wait for an attempt to end, or for the next one's turn; return the winner's socket."""
    if not running:
        return None
    interest = dict.fromkeys(running, WRITE)
    ready = await wait_any(interest, None if patient else CONNECTION_ATTEMPT_DELAY)
    for fd in ready:
        attempt = running[fd]
        code = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code in CONNECTED:
            return won(opening, running, attempt)
        running.pop(fd).sock.close()
        error = OSError(code, os.strerror(code))
        fail(opening, attempt.candidate, attempt.since, error, failures)
    return None


def is_connected(sock: socket.socket) -> bool:
    """Tell whether connect(2) is done already."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def won(opening: Opening, running: dict[int, Attempt], attempt: Attempt) -> socket.socket:
    """Record that *attempt* has connected, and return its socket, which is the caller's."""
    attempt.sock.setblocking(True)
    opening.trace.record("connect", str(attempt.candidate), attempt.since)
    return running.pop(attempt.sock.fileno()).sock


def fail(
    opening: Opening,
    candidate: Candidate,
    since: float,
    error: OSError,
    failures: list[OSError],
) -> None:
    """Record a failed attempt."""
    opening.trace.record("connect", str(candidate), since, error)
    error.filename = str(candidate)
    failures.append(error)


def only_failure(opening: Opening, candidate: Candidate, since: float, error: OSError) -> OSError:
    """Record the failure of the only attempt, and return it as the error of all of them."""
    failures: list[OSError] = []
    fail(opening, candidate, since, error, failures)
    return summary(opening, failures, error)


def give_up(opening: Opening, running: dict[int, Attempt], error: TimeoutError) -> list[OSError]:
    """Record the attempts that the deadline cut off."""
    cut: list[OSError] = []
    for attempt in running.values():
        late = TimeoutError(error.errno, error.strerror)
        fail(opening, attempt.candidate, attempt.since, late, cut)
    return cut


def summary(opening: Opening, failures: list[OSError], first: OSError) -> OSError:
    """Return the one error that stands for all failed attempts."""
    told = first.strerror or str(first)
    if len(failures) > 1:
        told += f" (tried {', '.join(f'{e.filename}: {e.strerror}' for e in failures)})"
    error = OSError(first.errno, told)
    opening.add_context(error, "connect", tuple(failures))
    return error


def several(failures: list[OSError]) -> ExceptionGroup[OSError] | None:
    """Return the failures as a group, when a single error cannot say it all."""
    return ExceptionGroup("every address failed", failures) if len(failures) > 1 else None
