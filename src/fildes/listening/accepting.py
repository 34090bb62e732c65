"""Accepting connections: what a scheme's `listen_` returns.

accept(2) fails for two kinds of reasons that a listener must survive. The connection
that waited may be gone, or spoilt by the network: the next one is taken. Or this
process, or the machine, has no descriptor or memory left: then the connection stays
in the backlog, so that poll(2) would report it without end; the listener pauses
instead, longer each time. A client that has waited through the longest pause is
turned away, with the help of a descriptor kept for this purpose, rather than left
without an answer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fildes.streams.datagrams import socket_stream
from fildes.waiting import READ, wait_any

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest

#: Errors of one connection, or of the network it came from; accept(2), "Error handling".
PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,  # a firewall's
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
    }
)

#: Nothing is left to accept with.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: Seconds of the first and the longest pause; as Go's net/http.
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 1.0


class Acceptor:
    """Listening sockets, and how an accepted one becomes a stream.

    Attributes:
      sockets: listening and in non-blocking mode; owned.
      address: where they listen, with the real port; `fildes.open` takes it.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        address: Address,
        to_stream: Callable[[socket.socket], Stream] = socket_stream,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.sockets = deque(sockets)
        self.address = address
        self.to_stream = to_stream
        self.release = release  # of what the sockets hold beside themselves
        self.closed = False
        self.reserve = -1
        try:
            for sock in sockets:
                sock.setblocking(False)
            self.reserve = reserved()
        except BaseException:
            self.close()
            raise

    async def accept_stream(self) -> Stream:
        """Wait for a connection and return it.

        Raises:
          ValueError: the acceptor was closed, now or before.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                stream = self.try_accept()
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                pause = await self.pause(pause)
            else:
                if stream is not None:
                    return stream
                await wait_any(self.wants())

    def try_accept(self) -> Stream | None:
        """Return a connection that waits, None if there is none; the sockets take turns."""
        for _ in range(len(self.sockets)):
            self.check_open()
            sock = self.sockets[0]
            self.sockets.rotate()
            try:
                accepted, _ = sock.accept()
            except OSError as error:
                self.check_open()  # else it failed because it was closed
                if error.errno not in PASSING:
                    raise
            else:
                return self.stream_of(accepted)
        return None

    def stream_of(self, accepted: socket.socket) -> Stream:
        """Return the stream over a connection, which is closed if there can be none."""
        try:
            return self.to_stream(accepted)
        except BaseException:
            accepted.close()
            raise

    def wants(self) -> Interest:
        """Return what to wait for after `try_accept` returned None."""
        self.check_open()
        return {sock.fileno(): READ for sock in self.sockets}

    async def pause(self, seconds: float) -> float:
        """Wait for something to be released, return how long to wait the next time."""
        if seconds >= LONGEST_PAUSE:
            self.turn_away()
        await wait_any({}, seconds)
        return min(2 * seconds, LONGEST_PAUSE)

    def turn_away(self) -> None:
        """Accept and close a connection, using the reserved descriptor."""
        if self.reserve >= 0:
            reserve, self.reserve = self.reserve, -1
            os.close(reserve)
        for sock in self.sockets:
            with contextlib.suppress(OSError):  # no client here, or still no memory
                sock.accept()[0].close()
                break
        with contextlib.suppress(OSError):  # another thread was quicker; the next time
            self.reserve = reserved()

    def check_open(self) -> None:
        """Raise what the io module raises for a closed file."""
        if self.closed:
            raise ValueError("I/O operation on closed listener")

    def wake(self) -> None:
        """Make an accept that waits in another thread fail."""
        for sock in self.sockets:
            with contextlib.suppress(OSError):  # closed before
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening, release everything; connections that wait are refused."""
        self.closed = True
        release, self.release = self.release, lambda: None
        reserve, self.reserve = self.reserve, -1
        with contextlib.ExitStack() as undo:
            if reserve >= 0:
                undo.callback(os.close, reserve)
            for sock in self.sockets:
                undo.callback(sock.close)
            release()  # before the sockets: while they exist nobody takes their place


def reserved() -> int:
    """Return a descriptor that stands for nothing but itself."""
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
