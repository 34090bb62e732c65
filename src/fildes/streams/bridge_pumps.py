"""The threads behind a bridge, which `fildes.streams.bridge` explains."""

from __future__ import annotations

import abc
import errno
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, TypeVar

from fildes.drivers import blocking
from fildes.streams.bridge_pairs import PUMP_SIZE
from fildes.streams.half import Half
from fildes.streams.kernel import SEND_FLAGS, SocketStream
from fildes.streams.relay import copy
from fildes.waiting import READ, WRITE, Interest, no_byte, wait_any

if TYPE_CHECKING:
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
      broken: why that is so, although all of them are to be sent.
      alarm: an eventfd(2) that wakes the thread. Nothing done to the pair would do: a
        shutdown(2) of our end is a clean end of file for whoever holds the other.
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
        self.broken: OSError | None = None
        try:
            self.alarm = os.eventfd(0)
        except BaseException:
            self.theirs.close()
            self.ours.close()
            raise
        self.ending = threading.Lock()
        # A daemon: a process that exits leaves the pair armed, as it should.
        self.thread = threading.Thread(target=self.run, name="fildes-bridge", daemon=True)

    def run(self) -> None:
        """Pump until the stream has ended; unless it ended well the pair is still armed."""
        try:
            blocking.run(self.copy())
        except ReadersGone:
            self.inner.abort()
        except (OSError, EOFError) as error:
            self.verdict = error
            self.inner.abort()
        except BaseException:
            self.inner.abort()
            raise
        finally:
            self.release()

    def release(self) -> None:
        """Close our end."""
        with self.ending:
            alarm, self.alarm = self.alarm, -1
            if alarm >= 0:
                os.close(alarm)
            self.ours.close()

    def stop(self) -> None:
        """Make the thread end, leaving the pair armed."""
        self.aborted = True
        with self.ending:
            if self.alarm >= 0:
                os.eventfd_write(self.alarm, 1)

    def check_stopped(self) -> None:
        """Raise if the pump was told to end."""
        if self.aborted:
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))

    def check_end(self) -> None:
        """Raise if the end of the user's bytes is none."""
        self.check_stopped()
        if self.broken is not None:
            raise self.broken

    @abc.abstractmethod
    async def copy(self) -> None:
        """Move everything, disarm the pair and close the stream; raise if it was cut short.

        What is wrong at the close, as a program's status, comes behind an end that was proved.
        """

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
        await self.send_all(memoryview(self.ahead))
        view = memoryview(bytearray(PUMP_SIZE))
        while received := await self.recv_into(view):
            await self.send_all(view[:received])
        self.disarm()
        self.ours.shutdown(socket.SHUT_WR)
        await self.inner.close()

    async def recv_into(self, view: memoryview) -> int:
        """Receive from the stream, unless the readers are gone."""
        while (received := self.inner.try_recv_into(view)) is None:
            # A hang-up is reported whether asked for or not; poll(2).
            interest = {**self.inner.recv_wants(), self.ours.fileno(): 0}
            ready = await self.wait(interest, self.idle_timeout)
            if not ready:
                assert self.idle_timeout is not None
                stall = no_byte(self.idle_timeout)
                if not self.inner.stalled(stall):
                    raise stall
            if ready.get(self.ours.fileno(), 0) & select.POLLHUP:
                raise ReadersGone
        return received

    async def send_all(self, data: memoryview) -> None:
        """Send all of *data*, as fast as it is read; a reader that closes ends it."""
        while data:
            try:
                data = data[self.ours.send(data, SEND_FLAGS) :]
            except BlockingIOError:
                await self.wait({self.ours.fileno(): WRITE})
            except (BrokenPipeError, ConnectionResetError):
                raise ReadersGone from None

    async def wait(self, interest: Interest, timeout: float | None = None) -> dict[int, int]:
        """Wait for readiness, or until `stop` is called, which raises."""
        ready = await wait_any({**interest, self.alarm: READ}, timeout)
        self.check_stopped()
        return ready

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
        if received == 0:
            self.pump.check_end()
        return received


class TwoWayPump(Pump):
    """Between the stream and a loopback TCP pair."""

    closing = False

    async def copy(self) -> None:
        ours = UsersBytes(self)
        await ours.send_all(self.ahead)
        up, down = Half(ours, self.inner), Half(self.inner, ours)
        try:
            await copy(
                [up, down],
                self.idle_timeout,
                until=lambda: self.aborted or (self.closing and up.ended),
                alarm={self.alarm: READ},
            )
        except (OSError, EOFError):
            # Who closes without reading everything does not care for the rest; the
            # kernel tells us by a reset, after what was written.
            if not self.closing or (up.error and not up.lost):
                await self.deliver()
                raise
        self.check_end()
        self.disarm()
        await self.inner.close()

    async def deliver(self) -> None:
        """Wait until the reader has made room for all that was sent: a reset discards the rest."""
        self.ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1)
        await wait_any({self.ours.fileno(): WRITE, self.alarm: READ})

    def disarm(self) -> None:
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)

    def hang_up(self) -> bool:
        self.closing = True
        self.theirs.close()
        return self.closed_by_peer(select.POLLRDHUP, HANGUP_TIMEOUT)
