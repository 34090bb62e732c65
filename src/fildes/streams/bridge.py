"""A real descriptor for a stream that lives in this process.

TLS, chunked bodies and decoders have no descriptor of their own, and that of a program
would call its death an end of file. A bridge is a socket pair and a pump: a thread that
moves bytes between its end of the pair and the stream. Any program can read the other end.

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

import errno
import io
import os
from typing import TYPE_CHECKING, TypeVar

from fildes.streams.bridge_pairs import tcp_pair, unix_pair
from fildes.streams.bridge_pumps import Pump, ReadPump, TwoWayPump
from fildes.streams.kernel import SocketStream
from fildes.waiting import call_blocking

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Stream

T = TypeVar("T")


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
            pump.release()
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

    def stalled(self, error: TimeoutError) -> bool:
        return False  # the pump hears it by itself

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

    async def break_off(self, error: OSError) -> None:
        """Send what was written, and then abort the stream because of *error*."""
        self.pump.broken = error
        try:
            self.shut_down()
            await call_blocking(self.pump.thread.join)
        finally:
            self.abort()

    def abort(self) -> None:
        if self.sock.fileno() < 0:
            return
        self.stop()

    def stop(self) -> None:
        """Close our descriptor and abort the stream."""
        self.pump.stop()  # which aborts: to interrupt the stream would send its peer an end
        self.sock.close()
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
    if inner.messages:
        raise io.UnsupportedOperation(inner.no_descriptor)
    if inner.readable and not inner.writable:
        return BridgedStream(ReadPump(inner, unix_pair(), ahead, idle_timeout))
    return BridgedStream(TwoWayPump(inner, tcp_pair(), ahead, idle_timeout))
