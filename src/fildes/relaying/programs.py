"""A program for each client: its standard input and output are the connection.

The program gets a genuine descriptor. Where the connection is a socket it is that one,
and this process holds it no longer; under TLS it is a bridge's, and this process sees
to the rest. It has the descriptors 0, 1 and 2 and no others, its own process group, and
variables that tell of its connection. Its end is seen by a pidfd, so it never stays a
zombie.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING

from fildes.listening.admission import CountedSocket, Slot
from fildes.relaying.connection import Connection
from fildes.relaying.service import CLOSE_TIMEOUT, Service
from fildes.relaying.ucspi import environment
from fildes.streams.bridge import BridgedStream, build
from fildes.streams.datagrams import socket_stream
from fildes.streams.half import Half
from fildes.streams.kernel import SocketStream
from fildes.streams.relay import copy_until
from fildes.streams.stream import MAX_DATAGRAM

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence

    from fildes.drivers.loop import Loop
    from fildes.listening.accepting import Acceptor
    from fildes.relaying.connection import Observer
    from fildes.streams.stream import Stream

#: Seconds between asking programs to end and ending them.  # arbitrary
GRACE = 1.0


class Child:
    """The program of one connection.

    Attributes:
      slot: what the connection takes of the limit, if it is not in its stream any more.
    """

    def __init__(self, process: subprocess.Popen[bytes], slot: Slot | None) -> None:
        self.process = process
        self.slot = slot
        self.pidfd = os.pidfd_open(process.pid)

    def release(self) -> None:
        """Let go of what it took."""
        os.close(self.pidfd)
        if self.slot is not None:
            self.slot.release()


class Programs(Service):
    """Runs a program for each client.

    Attributes:
      argv: the program and its arguments; no shell looks at them.
      told: called with each connection whose program has ended, and with its status,
        negative for the signal that killed it.
    """

    def __init__(
        self,
        loop: Loop,
        acceptor: Acceptor,
        argv: Sequence[str],
        observer: Observer | None = None,
        *,
        idle_timeout: float | None = None,
        told: Callable[[Connection, int], None] = lambda connection, status: None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        super().__init__(loop, acceptor, never, observer, numbers=numbers)
        self.argv = list(argv)
        self.children: dict[Connection, Child] = {}
        self.limit = idle_timeout
        self.told = told

    def connect(self, connection: Connection) -> None:
        """Start the program of *connection*."""
        try:
            child = self.start(connection)
        except (OSError, ValueError) as error:
            self.finish(connection, error)
            return
        self.children[connection] = child
        self.loop.watch(child.pidfd, select.EPOLLIN, lambda fd, events: self.exited(connection))
        self.observer.opened(connection)

    def start(self, connection: Connection) -> Child:
        """Start a program with the stream of *connection* as its input and output."""
        told = environment(connection.near, os.environ)
        if connection.near.messages:
            return self.start_beside(connection, told)
        if connection.near.fileno() < 0:
            connection.near = build(connection.near, b"", self.limit)
        elif self.limit is not None:
            limit_waits(connection.near, self.limit)
        process = self.spawn(connection.near.fileno(), told)
        try:
            return Child(process, hand_over(connection.near))
        except BaseException:
            process.kill()
            process.wait()
            raise

    def start_beside(self, connection: Connection, told: dict[str, str]) -> Child:
        """Start a program with a pair of ours, and pass on its datagrams and its peer's.

        Some of those have come before there was a socket for them.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        connection.far = far = socket_stream(ours)
        with theirs:
            child = Child(self.spawn(theirs.fileno(), told), None)
        connection.halves = Half(connection.near, far), Half(far, connection.near)
        limit = self.limit or self.acceptor.idle_timeout
        passing = copy_until(list(connection.halves), "propagate", limit)
        self.run(connection, passing, lambda _, error: self.finish(connection, error))
        return child

    def spawn(self, fd: int, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start the program with *fd* as its standard input and output."""
        import subprocess  # 10 ms, needed for programs only

        # In a group of its own, Ctrl-C reaches us alone, who let it finish.
        return subprocess.Popen(self.argv, stdin=fd, stdout=fd, env=variables, process_group=0)

    def exited(self, connection: Connection) -> None:
        """See how the program of *connection* has ended, and end the rest."""
        child = self.children.pop(connection, None)
        if child is None:
            return
        self.loop.forget(child.pidfd)
        status = child.process.wait()
        child.release()
        self.told(connection, status)
        if connection.far is not None:
            pass_on_the_rest(connection)
        self.close_near(connection)

    def close_near(self, connection: Connection) -> None:
        """Close what this process has of *connection*."""

        def closed(_: None, error: Exception | None) -> None:
            if error is not None:
                connection.near.abort()
            self.over(connection, error)

        limit = time.monotonic() + CLOSE_TIMEOUT
        self.run(connection, connection.near.close(), closed, limit)

    def finish(self, connection: Connection, error: Exception | None) -> None:
        """End *connection* at once; its program is asked to end, and then has to."""
        child = self.children.get(connection)
        if child is None:
            super().finish(connection, error)
            return
        self.signal(child, signal.SIGTERM)
        self.loop.call_at(time.monotonic() + GRACE, lambda: self.kill(connection))

    def kill(self, connection: Connection) -> None:
        """End the program of *connection* if it still runs."""
        child = self.children.get(connection)
        if child is not None:
            self.signal(child, signal.SIGKILL)

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to the program and all that it has started."""
        try:
            os.killpg(child.process.pid, number)
        except (ProcessLookupError, PermissionError):  # it has a group elsewhere by now
            child.process.send_signal(number)

    def hurry(self) -> None:
        """End all programs, and wait no longer than it takes to see them end."""
        for connection in list(self.connections):
            if connection in self.children:
                self.kill(connection)
            else:
                super().finish(connection, ConnectionAbortedError("the server was told to end"))


def pass_on_the_rest(connection: Connection) -> None:
    """Send what a program that has ended wrote last."""
    assert connection.far is not None
    if connection.task is not None:
        connection.task.cancel()
    view = memoryview(bytearray(MAX_DATAGRAM))
    with contextlib.suppress(OSError):  # the peer may be gone, too
        while (received := connection.far.try_recv_into(view)) is not None:
            connection.near.try_send(view[:received])
    connection.far.abort()


async def never(near: Stream) -> Stream:
    """Open nothing: programs have no other side."""
    raise AssertionError("not reached: `Programs.connect` opens nothing")


def hand_over(stream: Stream) -> Slot | None:
    """Close our descriptor of a socket that a program has; return the slot that it had.

    Else the peer would not see the program's end before we do. A bridge stays open: its
    descriptor is not the connection.
    """
    if isinstance(stream, BridgedStream) or not isinstance(stream, SocketStream):
        return None
    slot = stream.sock.keep() if isinstance(stream.sock, CountedSocket) else None
    stream.sock.close()
    return slot


def limit_waits(stream: Stream, seconds: float) -> None:
    """Let each read and write of whoever holds the socket fail after so many seconds.

    It is EAGAIN then; socket(7), SO_RCVTIMEO.
    """
    if isinstance(stream, SocketStream):
        packed = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, packed)
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, packed)
