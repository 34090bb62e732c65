"""A program for each client: its standard input and output are the connection.

The program gets a genuine descriptor. Where the connection is a socket it is that one;
under TLS it is a bridge's, and this process sees to the rest. It has the descriptors 0, 1
and 2 and no others, its own process group, and variables that tell of its connection. Its
end is seen by a pidfd, so it never stays a zombie, and `fildes.relaying.ending` says what
becomes of its connection then.
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

from fildes.relaying.connection import Connection
from fildes.relaying.ending import LONGEST_WORDS, Served, break_off, end_in_order, let_go
from fildes.relaying.service import CLOSE_TIMEOUT, Service
from fildes.relaying.ucspi import of_no_connection, told_of
from fildes.streams import starting
from fildes.streams.bridge import build
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
    from fildes.waiting import Protocol

#: Seconds between asking programs to end and ending them.  # arbitrary
GRACE = 1.0


class Programs(Service):
    """Runs a program for each client.

    Attributes:
      argv: the program and its arguments; no shell looks at them.
      leaving: connections whose programs have ended well, and which are told so.
      hurried: nothing is waited for any more.
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
        self.environment = of_no_connection(os.environ)
        self.children: dict[Connection, Served] = {}
        self.leaving: set[Connection] = set()
        self.hurried = False
        self.limit = idle_timeout
        self.told = told

    def connect(self, connection: Connection) -> None:
        """Start the program of *connection*."""
        try:
            child = self.start(connection)
        except (OSError, ValueError) as error:
            self.not_opened(connection, error)
            return
        self.shortage.leave(connection)
        self.children[connection] = child
        self.loop.watch(child.pidfd, select.EPOLLIN, lambda fd, events: self.exited(connection))
        if connection.far is None:
            self.look_again(connection, child)
        self.observer.opened(connection)

    def start(self, connection: Connection) -> Served:
        """Start a program with the stream of *connection* as its input and output."""
        told = {**self.environment, **told_of(connection.near)}
        if connection.near.messages:
            return self.start_beside(connection, told)
        if connection.near.fileno() < 0:
            connection.near = build(connection.near, b"", self.limit)
        elif self.limit is not None:
            limit_waits(connection.near, self.limit)
        return Served(self.spawn(connection.near.fileno(), told))

    def start_beside(self, connection: Connection, told: dict[str, str]) -> Served:
        """Start a program with a pair of ours, and pass on its datagrams and its peer's.

        Some of those have come before there was a socket for them.
        """
        # Where there is an end of file, datagrams are records.
        kind = socket.SOCK_DGRAM if connection.near.endless else socket.SOCK_SEQPACKET
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        connection.far = far = socket_stream(ours)
        with theirs:
            child = Served(self.spawn(theirs.fileno(), told))
        connection.halves = Half(connection.near, far), Half(far, connection.near)
        limit = self.limit or self.acceptor.idle_timeout
        passing = copy_until(list(connection.halves), "propagate", limit)
        self.run(connection, passing, lambda _, error: self.finish(connection, error))
        return child

    def spawn(self, fd: int, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start the program with *fd* as its standard input and output."""
        # In a group of its own, Ctrl-C reaches us alone, who let it finish.
        return starting.start(self.argv, stdin=fd, stdout=fd, env=variables, process_group=0)

    def look_again(self, connection: Connection, child: Served) -> None:
        """Look in a while whether a program that lives has closed its connection."""
        moment = time.monotonic() + child.next_look()
        child.timer = self.loop.call_at(moment, lambda: self.look(connection, child))

    def look(self, connection: Connection, child: Served) -> None:
        """End the connection if its program has closed it, as if it had been the last."""
        near = connection.near
        if child.has(near.fileno()):
            self.look_again(connection, child)
            return
        shared = child.shares(near.fileno())
        child.slot = let_go(near)
        if shared:
            self.run(connection, near.close(), lambda _, error: near.abort())
        else:
            child.hanging_up = True
            self.run(
                connection, end_in_order(near), lambda _, e: self.hung_up(connection), end_by()
            )

    def hung_up(self, connection: Connection) -> None:
        """See that the client of a program that has closed its connection is left."""
        connection.near.abort()
        child = self.children.get(connection)
        if child is not None:
            child.hanging_up = False
        else:
            self.leaving.discard(connection)
            self.over(connection, None)

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
        if not child.hanging_up:
            self.close_near(connection, self.ending(connection, child, status))
            return
        self.leaving.add(connection)
        if self.hurried:
            self.leave(connection)

    def ending(self, connection: Connection, child: Served, status: int) -> Protocol[None]:
        """Return what ends *connection* as its program has ended."""
        near = connection.near
        if near.messages or near.fileno() < 0:
            return near.close()
        others = child.leaves_others()
        if status < 0 and not (others or self.hurried):
            return break_off(near)
        if status < 0:
            near.abort()  # whoever has it still will reset the client
        if others or status < 0:
            return near.close()
        self.leaving.add(connection)
        return end_in_order(near)

    def close_near(self, connection: Connection, ending: Protocol[None]) -> None:
        """Close what this process has of *connection*."""

        def closed(_: None, error: Exception | None) -> None:
            self.leaving.discard(connection)
            if error is not None:
                connection.near.abort()
            self.over(connection, error)

        self.run(connection, ending, closed, end_by())

    def finish(self, connection: Connection, error: Exception | None) -> None:
        """End *connection* at once; its program is asked to end, and then has to."""
        child = self.children.get(connection)
        if child is not None:
            self.signal(child, signal.SIGTERM)
            self.loop.call_at(time.monotonic() + GRACE, lambda: self.kill(connection))
        elif connection in self.leaving:
            self.leave(connection)
        else:
            super().finish(connection, error)

    def leave(self, connection: Connection) -> None:
        """End a connection at once that has been told its end; all is well with it."""
        self.leaving.discard(connection)
        if connection.task is not None:
            connection.task.cancel()
        if connection.near.closes_at_once:  # what has not arrived yet is the kernel's to send
            with contextlib.suppress(OSError):
                connection.near.close_now()
        connection.abort()
        self.over(connection, None)

    def kill(self, connection: Connection) -> None:
        """End the program of *connection* if it still runs."""
        child = self.children.get(connection)
        if child is not None:
            self.signal(child, signal.SIGKILL)

    def signal(self, child: Served, number: int) -> None:
        """Send a signal to the program and all that it has started."""
        try:
            os.killpg(child.process.pid, number)
        except (ProcessLookupError, PermissionError):  # it has a group elsewhere by now
            child.process.send_signal(number)

    def hurry(self) -> None:
        """End all programs, and wait no longer than it takes to see them end."""
        self.hurried = True
        for connection in list(self.connections):
            if connection in self.children:
                self.kill(connection)
            else:
                self.finish(connection, ConnectionAbortedError("the server was told to end"))


def pass_on_the_rest(connection: Connection) -> None:
    """Send what a program that has ended wrote last."""
    assert connection.far is not None
    if connection.task is not None:
        connection.task.cancel()
    view = memoryview(bytearray(MAX_DATAGRAM))
    with contextlib.suppress(OSError):  # the peer may be gone, too
        while (received := connection.far.try_recv_into(view)) is not None:
            if received == 0 and not connection.far.endless:
                break
            connection.near.try_send(view[:received])
    connection.far.abort()


def end_by() -> float:
    """Return the moment by which a connection that ends now has ended."""
    return time.monotonic() + LONGEST_WORDS + CLOSE_TIMEOUT


async def never(near: Stream) -> Stream:
    """Open nothing: programs have no other side."""
    raise AssertionError("not reached: `Programs.connect` opens nothing")


def limit_waits(stream: Stream, seconds: float) -> None:
    """Let each read and write of whoever holds the socket fail after so many seconds.

    It is EAGAIN then; socket(7), SO_RCVTIMEO.
    """
    if isinstance(stream, SocketStream):
        packed = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, packed)
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, packed)
