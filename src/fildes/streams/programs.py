"""Streams whose other end is a child: over a socket pair, pipes or a pseudoterminal.

Their end of file is one only when `Child.end` has proved it.
"""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.child import Child
from fildes.streams.kernel import RECV_FLAGS, DescriptorStream, SocketStream
from fildes.streams.stream import RECV_SIZE
from fildes.streams.terminal import CLOSE_TIMEOUT, MasterStream
from fildes.waiting import READ, Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer


class ProgramStream(SocketStream):
    """A socket whose other end is the standard input and output of a child."""

    def __init__(self, sock: socket.socket, child: Child) -> None:
        self.child = child
        try:
            super().__init__(sock)
        except BaseException:
            child.kill()
            raise

    def fileno(self) -> int:
        """Return -1 if it is read: who has the socket alone would be told an end by a death."""
        return -1 if self.readable else self.sock.fileno()

    @property
    def recv_fd(self) -> int:
        return self.sock.fileno()

    @property
    def send_fd(self) -> int:
        return self.sock.fileno()

    def try_recv_into(self, buffer: memoryview) -> int | None:
        try:
            received = super().try_recv_into(buffer)
        except ConnectionResetError:
            received = self.end()
        return self.child.end() if received == 0 else received

    def recv_wants(self) -> Interest:
        return self.child.wants() or super().recv_wants()

    def blocking_recv_into(self) -> Callable[[Buffer], int]:
        return self.recv_into_waiting

    def recv_into_waiting(self, buffer: Buffer) -> int:
        """Receive, waiting in the kernel."""
        try:
            received = self.sock.recv_into(buffer)
        except ConnectionResetError:
            received = self.end()
        self.received_end = not received
        return received or self.child.end_waiting()

    def end(self) -> int:
        """Return the end of file: the program ended without reading all its input.

        A unix socket closed with unread input resets its peer, after the data sent;
        whether that was a failure is for the program's status to say.
        """
        self.received_end = True
        return 0

    async def close(self) -> None:
        """Close the conversation and wait for the program to end.

        A program whose output is not read to its end may die of that; this is no
        error, as in a shell's ``yes | head``.

        Raises:
          ChildProcessError: EIO, it ended with a status other than 0, which is the
            error's attribute ``status``; negative for the signal that killed it.
        """
        if self.child.pidfd < 0:
            return
        try:
            cut_off = self.has_output()
            self.sock.close()
            await self.child.ended()
        finally:
            self.abort()  # has ended, unless this wait was cut short
        self.child.check(cut_off=cut_off, received_end=self.received_end)

    def has_output(self) -> bool:
        """Tell whether the program wrote what we do not read."""
        try:
            return bool(self.sock.recv(1, RECV_FLAGS | socket.MSG_PEEK))
        except (BlockingIOError, ConnectionResetError):
            return False

    def abort(self) -> None:
        """Kill the program if it still runs."""
        self.sock.close()
        self.child.kill()

    @property
    def peer(self) -> str | None:
        return None


class PipedProgram(DescriptorStream):
    """Two pipes to a child: half-close closes one of them."""

    def __init__(self, source: int, sink: int, child: Child) -> None:
        self.child = child
        super().__init__(source, sink)

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = super().try_recv_into(buffer)
        return self.child.end() if received == 0 else received

    def recv_wants(self) -> Interest:
        return self.child.wants() or super().recv_wants()

    def readv(self, buffer: Buffer) -> int:
        return super().readv(buffer) or self.child.end_waiting()

    async def close(self) -> None:
        """As `ProgramStream.close`."""
        if self.child.pidfd < 0:
            return
        try:
            cut_off = bool(
                self.readable and wait({self.source: READ}, 0).get(self.source, 0) & READ
            )
            super().abort()
            await self.child.ended()
        finally:
            self.abort()
        self.child.check(cut_off=cut_off, received_end=not cut_off)

    def abort(self) -> None:
        super().abort()
        self.child.kill()


class TerminalProgram(MasterStream):
    """A pseudoterminal that is the controlling terminal of a child.

    Closing it hangs up: the child gets SIGHUP, and dies of it unless it wants not to.
    """

    def __init__(self, master: int, child: Child) -> None:
        self.child = child
        super().__init__(master)

    def try_recv_into(self, buffer: memoryview) -> int | None:
        received = super().try_recv_into(buffer)
        return self.child.end() if received == 0 else received

    def recv_wants(self) -> Interest:
        return self.child.wants() or super().recv_wants()

    async def close(self) -> None:
        """Type the end of file, give the program time to end, hang up, kill it at last.

        Raises:
          ChildProcessError: as `ProgramStream.close`; never for what the hang-up did.
        """
        if self.child.pidfd < 0:
            return
        asked_to_end = False
        try:
            await self.let_end(time.monotonic() + CLOSE_TIMEOUT)
            asked_to_end = not wait({self.child.pidfd: READ}, 0)
            DescriptorStream.abort(self)
            await wait_any({self.child.pidfd: READ}, CLOSE_TIMEOUT)
        finally:
            self.abort()
        self.child.check(cut_off=asked_to_end or not self.received_end, received_end=True)

    async def let_end(self, deadline: float) -> None:
        """Send the end of our direction and drop output, until the program ends."""
        if self.half_closes and not self.received_end:
            await self.half_close()
        elif not self.ended and not self.received_end:
            await self.taken(deadline)
            return
        rest = memoryview(bytearray(RECV_SIZE))
        while (left := deadline - time.monotonic()) > 0:
            if self.received_end:  # nobody has the terminal: as good as closed
                await self.child.ended()
                return
            if super().try_recv_into(rest) is None:
                ready = await wait_any({self.child.pidfd: READ, self.source: READ}, left)
                if self.source not in ready:
                    return

    def interrupt(self) -> None:
        """Hang up, so that whoever waits for the program's output goes on."""
        self.child.process.send_signal(signal.SIGHUP)

    def abort(self) -> None:
        super().abort()
        self.child.kill()

    @property
    def peer(self) -> str | None:
        return None
