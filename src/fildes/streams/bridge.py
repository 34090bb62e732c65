"""A real descriptor for a stream that lives in this process.

TLS, chunked bodies and decoders have no descriptor of their own. A bridge is a
socket pair and a pump: a thread that moves bytes between its end of the pair and
the stream. Any program can read the other end.

The hazard is the end. Whatever stops a pump closes its end of the pair, and an
ordinary pair then reads as a clean end of file: `cat` would exit 0 with half a
file. So the pair is armed from the start, and disarmed only when the stream has
proved its end. Whoever kills the pump, even with SIGKILL, leaves it armed.

* Read only: a unix stream pair with one byte lying unread in the pump's queue.
  A unix socket that is closed with unread input gives its peer ECONNRESET, after
  the data already sent (net/unix/af_unix.c, unix_release_sock). The pump reads
  the byte once the end is proved.
* Two-way: the pump must read there, so it is a loopback TCP pair whose pump end
  has SO_LINGER (1, 0): closing it sends a reset (socket(7)).

The reader of the descriptor learns that the file is broken, not why; the Python
object keeps the verdict, and its reads and `close` raise it.
"""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, TypeVar

from fildes.drivers import blocking
from fildes.streams.bridge_pairs import PUMP_SIZE, tcp_pair, unix_pair
from fildes.streams.kernel import SocketStream
from fildes.streams.relay import Half, copy
from fildes.waiting import call_blocking, wait_any, wait_writable

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Stream

T = TypeVar("T")

#: l_onoff, l_linger of socket(7): close in order.
LINGER_OFF = struct.pack("ii", 0, 0)

#: How long `close` waits for the pump to see the end that this process made, if no
#: other process holds the descriptor. On loopback it is there at once.  # arbitrary
HANGUP_TIMEOUT = 0.1


class ReadersGone(Exception):
    """Nobody holds the descriptor that was handed out: stop, nothing went wrong."""


class Pump(abc.ABC):
    """Moves bytes between a stream and its end of a socket pair, in a thread.

    Attributes:
      theirs: the end that is handed out, owned by the `BridgedStream`.
      verdict: why the stream ended short, or None.
      aborted: the end of the user's bytes is none that the stream may tell its peer.
    """

    def __init__(
        self,
        inner: Stream,
        pair: tuple[socket.socket, socket.socket],
        ahead: bytes,
        idle_timeout: float | None,
    ) -> None:
        self.inner = inner
        self.theirs, self.ours = pair
        self.ahead = ahead
        self.idle_timeout = idle_timeout
        self.verdict: OSError | EOFError | None = None
        self.aborted = False
        # A daemon: a process that exits leaves the pair armed, as it should.
        self.thread = threading.Thread(target=self.run, name="fildes-bridge", daemon=True)

    def run(self) -> None:
        """Pump until the stream has ended, and disarm the pair if it ended well."""
        try:
            blocking.run(self.copy())
            self.disarm()
        except ReadersGone:
            self.inner.abort()
        except (OSError, EOFError) as error:
            self.verdict = error
            self.inner.abort()
        except BaseException:
            self.inner.abort()
            raise
        finally:
            self.ours.close()

    @abc.abstractmethod
    async def copy(self) -> None:
        """Move everything and close the stream; raise if it was cut short."""

    @abc.abstractmethod
    def disarm(self) -> None:
        """Let the closing of our end be a clean end of file."""

    @abc.abstractmethod
    def hang_up(self) -> bool:
        """Close *theirs*; return whether nobody else holds it."""

    def closed_by_peer(self, event: int, timeout: float) -> bool:
        """Tell whether poll(2) reports *event* on our end, or the pump is done."""
        fd = self.ours.fileno()
        return fd < 0 or bool(blocking.wait({fd: event}, timeout))


class ReadPump(Pump):
    """From the stream into a unix pair."""

    async def copy(self) -> None:
        self.send(memoryview(self.ahead))
        view = memoryview(bytearray(PUMP_SIZE))
        while received := await self.recv_into(view):
            self.send(view[:received])
        await self.inner.close()

    async def recv_into(self, view: memoryview) -> int:
        """Receive from the stream, unless the readers are gone."""
        while (received := self.inner.try_recv_into(view)) is None:
            # A hang-up is reported whether asked for or not; poll(2).
            interest = {**self.inner.recv_wants(), self.ours.fileno(): 0}
            ready = await wait_any(interest, self.idle_timeout)
            if not ready:
                raise TimeoutError(errno.ETIMEDOUT, f"no byte for {self.idle_timeout:g} s")
            if ready.get(self.ours.fileno(), 0) & select.POLLHUP:
                raise ReadersGone
        return received

    def send(self, data: memoryview) -> None:
        """Send all of *data*, waiting in the kernel; a reader that closes ends the wait."""
        try:
            self.ours.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise ReadersGone from None

    def disarm(self) -> None:
        self.ours.recv(1)

    def hang_up(self) -> bool:
        self.theirs.close()
        return self.closed_by_peer(0, 0)


class UsersBytes(SocketStream):
    """What the user writes to a two-way pair."""

    def __init__(self, pump: Pump) -> None:
        super().__init__(pump.ours)
        self.pump = pump

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = super().try_recv_into(buffer)
        if received == 0 and self.pump.aborted:
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        return received


class TwoWayPump(Pump):
    """Between the stream and a loopback TCP pair."""

    closing = False

    async def copy(self) -> None:
        ours = UsersBytes(self)
        await ours.send_all(self.ahead)
        up, down = Half(ours, self.inner), Half(self.inner, ours)
        try:
            await copy([up, down], self.idle_timeout, until=lambda: self.closing and up.ended)
        except (OSError, EOFError):
            # Who closes without reading everything does not care for the rest; the
            # kernel tells us by a reset, after what was written.
            if not self.closing or (up.error and not up.lost):
                await self.deliver()
                raise
        await self.inner.close()

    async def deliver(self) -> None:
        """Wait until the reader has made room for all that was sent: a reset discards the rest."""
        self.ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1)
        await wait_writable(self.ours.fileno())

    def disarm(self) -> None:
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)

    def hang_up(self) -> bool:
        self.closing = True
        self.theirs.close()
        return self.closed_by_peer(select.POLLRDHUP, HANGUP_TIMEOUT)


class BridgedStream(SocketStream):
    """The end of a bridge that is handed out, for reading in this process too."""

    def __init__(self, pump: Pump) -> None:
        try:
            super().__init__(pump.theirs)
            self.pump = pump
            self.inner = pump.inner
            self.readable, self.writable = pump.inner.readable, pump.inner.writable
            pump.thread.start()
        except BaseException:
            pump.theirs.close()
            pump.ours.close()
            raise

    def try_recv_into(self, buffer: memoryview) -> int | None:
        try:
            return self.checked(super().try_recv_into(buffer))
        except ConnectionResetError:
            raise self.verdict() from None

    def blocking_recv_into(self) -> Callable[[Buffer], int]:
        return self.recv_into_waiting

    def recv_into_waiting(self, buffer: Buffer) -> int:
        """Receive, waiting in the kernel; raise the pump's verdict, not the pair's."""
        try:
            return self.checked(self.sock.recv_into(buffer))
        except ConnectionResetError:
            raise self.verdict() from None

    def checked(self, received: T) -> T:
        """Return *received*, unless it is 0 because somebody else was told of the reset."""
        if received == 0 and self.pump.verdict is not None:
            raise self.pump.verdict.with_traceback(None)
        return received

    def verdict(self) -> OSError | EOFError:
        """Return why the stream ended short."""
        self.pump.thread.join()
        return self.pump.verdict or ConnectionResetError(
            errno.ECONNRESET, os.strerror(errno.ECONNRESET)
        )

    async def close(self) -> None:
        """Close our descriptor; if nobody else holds it, the stream too.

        Raises:
          OSError, EOFError: the stream was cut short.
        """
        if self.sock.fileno() < 0:
            return
        if self.pump.hang_up():
            try:
                await call_blocking(self.pump.thread.join)
            except BaseException:
                self.stop()
                raise
            if self.pump.verdict is not None:
                raise self.pump.verdict

    def abort(self) -> None:
        if self.sock.fileno() < 0:
            return
        self.stop()

    def stop(self) -> None:
        """Close our descriptor and abort the stream."""
        self.pump.aborted = True
        self.sock.close()
        self.pump.inner.interrupt()
        with contextlib.suppress(OSError):  # the pump may just have closed it
            self.pump.ours.shutdown(socket.SHUT_RDWR)
        self.pump.thread.join()

    @property
    def local(self) -> str | None:
        return self.pump.inner.local

    @property
    def peer(self) -> str | None:
        return self.pump.inner.peer


def build(inner: Stream, ahead: bytes, idle_timeout: float | None) -> BridgedStream:
    """Return a stream with a descriptor that carries what *inner* carries.

    Args:
      inner: the stream; the bridge owns it from now on.
      ahead: bytes that were read from it before, delivered first.
      idle_timeout: seconds without a byte from *inner* after which it counts as cut.
    """
    if inner.readable and not inner.writable:
        return BridgedStream(ReadPump(inner, unix_pair(), ahead, idle_timeout))
    return BridgedStream(TwoWayPump(inner, tcp_pair(), ahead, idle_timeout))
