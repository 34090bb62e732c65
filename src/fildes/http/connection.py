"""Connections to servers, and the pool that keeps them for the next request.

A connection serves another request only if nothing about it is in doubt: the body
before was read to its framed end, nothing came behind it, both sides meant to go on,
and it leads where the next request wants to go, by the same way, under the same
options and policy. All that is its key.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.drivers.blocking import LONGEST_WAIT, wait
from fildes.streams.kernel import RECV_FLAGS, SocketStream
from fildes.waiting import wait_readable

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.request import Request
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: Connections that a pool keeps: as many as net/http of Go, for who reads as many documents
#: at once would else connect anew for the others each time.
MAX_IDLE = 100

#: Seconds that a connection is kept. Apache closes after 5, nginx after 75; one that
#: was closed meanwhile is noticed, and costs nothing but the attempt.  # arbitrary
MAX_AGE = 60.0

#: Options of http and https that shape requests, not connections.
_OF_REQUESTS = frozenset(
    {
        *(
            "cookies",
            "retries",
            "resume",
            "decode",
            "max_size",
            "if_none_match",
            "if_modified_since",
        ),
        *("auth", "bearer", "headers", "hint", "method", "size", "expect", "proxy", "range"),
        *("max_redirects", "max_head_size", "max_fields", "max_interim"),
    }
)


class Process:
    """This process, known by its number, which is a system call to ask for."""

    def __init__(self) -> None:
        self.ask()
        os.register_at_fork(after_in_child=self.ask)

    def ask(self) -> None:
        """Ask the kernel; after each fork(2) again."""
        self.pid = os.getpid()


PROCESS = Process()


class Connection:
    """A connection to a server, on which one exchange follows the other.

    Attributes:
      key: all that makes it what it is.
      silent: the server has not yet sent a byte of the answer that is awaited.
      sock: a bare one's socket, all of whose bytes are the stream's; else None.
      poll: what waits up to so many milliseconds for bytes on that; None before it is used.
    """

    def __init__(self, stream: Stream, key: object) -> None:
        self.stream = stream
        self.key = key
        self.silent = True
        self.sock = stream.sock if type(stream) is SocketStream else None
        self.poll: Callable[[float | None], object] | None = None

    def ready(self, timeout: float | None) -> bool:
        """Wait in this thread for something to receive; False after *timeout* seconds."""
        if self.poll is None:
            return bool(wait(self.stream.recv_wants(), timeout))
        # poll(2) counts whole milliseconds; select.poll rounds up.
        return bool(self.poll(None if timeout is None else min(timeout, LONGEST_WAIT) * 1000))

    def receive(self, size: int) -> bytes:
        """Return up to *size* bytes of what is there; b"" if that is nothing but an end.

        Raises:
          BlockingIOError: there is nothing, after all.
        """
        if self.sock is not None:
            return self.sock.recv(size, RECV_FLAGS)
        buffer = memoryview(bytearray(size))
        received = self.stream.try_recv_into(buffer)
        if received is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return bytes(buffer[:received])

    async def recv(self, size: int) -> bytes:
        """Return between 1 and *size* bytes; empty at the end of file."""
        while self.sock is not None:
            try:
                data = self.sock.recv(size, RECV_FLAGS)
            except BlockingIOError:
                await wait_readable(self.sock.fileno())
            else:
                if data:
                    return data
                break  # the stream knows whether that is an end
        return await self.stream.recv(size)

    def quiet(self) -> bool:
        """Tell whether nothing came that nobody asked for, not even an end."""
        if self.poll is not None:
            return not self.poll(0)
        if self.sock is not None:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            self.poll = poll.poll
            return not self.poll(0)
        try:
            return self.stream.try_recv_into(memoryview(bytearray(1))) is None
        except (OSError, EOFError):
            return False

    async def close(self) -> None:
        """Close; how it ends does not matter any more."""
        for layer in self.stream.layers():
            layer.settled = True
        with contextlib.suppress(OSError, EOFError):
            await self.stream.close()

    def close_now(self) -> None:
        """Close in order as far as this needs no waiting."""
        closing = self.close()
        try:
            closing.send(None)
        except StopIteration:
            return
        closing.close()
        self.stream.abort()

    def forget(self) -> None:
        """Close the descriptors alone: the connection belongs to the parent process."""
        for layer in self.stream.layers():
            sock = getattr(layer, "sock", None)
            if sock is not None:
                sock.close()


class Idle(NamedTuple):
    """A connection that waits for its next request."""

    connection: Connection
    since: float


class Pool:
    """Connections kept for the next request; safe for threads, and over fork(2).

    No connection is in use by two at once: `take` removes it. A child process begins
    without any; two processes on one connection would read each other's answers.
    """

    def __init__(
        self,
        max_idle: int = MAX_IDLE,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
          max_idle: connections that are kept; the one unused for longest goes first.
          max_age: seconds for which one is kept.
          clock: tells the time.
        """
        self.max_idle = max_idle
        self.max_age = max_age
        self.clock = clock
        self.idle: list[Idle] = []
        self.closed = False
        self.lock = threading.Lock()
        self.pid = PROCESS.pid

    def take(self, key: object) -> Connection | None:
        """Return a kept connection with this *key*, now the caller's; None without one."""
        while True:
            with self.lock if self.pid == PROCESS.pid else self.renewed():
                found = self.last(key)
            if found is None:
                return None
            if self.clock() - found.since <= self.max_age and found.connection.quiet():
                return found.connection
            found.connection.close_now()

    def last(self, key: object) -> Idle | None:
        """Remove and return what was given last with this *key*."""
        for index in range(len(self.idle) - 1, -1, -1):
            if self.idle[index].connection.key == key:
                return self.idle.pop(index)
        return None

    def give(self, connection: Connection) -> None:
        """Keep *connection*, whose last answer is complete."""
        now = self.clock()
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            self.idle.append(Idle(connection, now))
            many = self.closed or len(self.idle) > self.max_idle
            gone = self.surplus(now) if many or now - self.idle[0].since > self.max_age else []
        for idle in gone:
            idle.connection.close_now()

    def surplus(self, now: float) -> list[Idle]:
        """Remove and return what is no longer kept; the one given first is in front."""
        count = len(self.idle) if self.closed else max(0, len(self.idle) - self.max_idle)
        while count < len(self.idle) and now - self.idle[count].since > self.max_age:
            count += 1
        gone = self.idle[:count]
        del self.idle[:count]
        return gone

    def close(self) -> None:
        """Close what is kept; what is given from now on is closed at once."""
        with self.lock if self.pid == PROCESS.pid else self.renewed():
            self.closed = True
            gone, self.idle = self.idle, []
        for idle in gone:
            idle.connection.close_now()

    def renewed(self) -> threading.Lock:
        """Begin anew, as a child process; return the lock."""
        # The old one may have been held, by a thread that does not exist here.
        self.lock, self.pid = threading.Lock(), PROCESS.pid
        for idle in self.idle:
            idle.connection.forget()
        self.idle = []
        return self.lock


def key_of(opening: Opening, request: Request, proxy: Address | None = None) -> object:
    """Return all that makes a connection for *request* what it is."""
    address = request.address
    options = {
        scheme: {
            name: value
            for name, value in values.items()
            if scheme not in {"http", "https"} or name not in _OF_REQUESTS
        }
        for scheme, values in opening.options.items()
    }
    return (
        request.origin,
        address.inner,
        proxy,
        (address.user, address.password, request.chosen),
        frozen({scheme: values for scheme, values in options.items() if values}),
        Same(opening.policy),
    )


class Same:
    """A value that equals only itself, and stays as long as it is compared."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def frozen(value: Any) -> object:
    """Return *value* as it is now, comparable; what cannot be compared equals itself."""
    if isinstance(value, Mapping):
        return frozenset((name, frozen(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(frozen(each) for each in value)
    # True equals 1, and they may mean different things.
    return (type(value), value) if isinstance(value, str | bytes | int | float) else Same(value)
