"""Streams that the kernel carries: sockets and other descriptors."""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import select
import socket
import stat
import struct
from typing import TYPE_CHECKING

from fildes.drivers.blocking import wait
from fildes.streams.endpoints import endpoint
from fildes.streams.stream import KernelStream, Stream
from fildes.waiting import READ, WRITE, Interest

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

#: l_onoff, l_linger of socket(7): close at once, sending a reset.
LINGER_RESET = struct.pack("ii", 1, 0)

#: Families whose connections cannot be reset: what they abort ends as in order.
NEVER_RESET = (socket.AF_UNIX, socket.AF_VSOCK)

#: recv(2) and send(2) never wait and never signal; O_NONBLOCK would leak to other holders.
RECV_FLAGS = socket.MSG_DONTWAIT
SEND_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

#: Stands for a name that the kernel is to be asked for.
UNASKED = object()


class SocketStream(KernelStream):
    """A connected stream socket, which it owns, also when it cannot be made.

    Attributes:
      peer_name, local_name: sockaddrs of the two ends; the second one only where
        somebody has told another one than the socket's own.
      holds_ack: the packet that ends the handshake waits for bytes to go with it.
      was_reset: by the peer. The kernel tells a reset once, and whoever connected, or
        sent, was told: its end of file is none.
      own_congestion: somebody has said how it finds out how fast it may send.
    """

    holds_ack = own_congestion = False
    local_name: object = None

    def __init__(self, sock: socket.SocketType, peer: object = UNASKED) -> None:
        """Take over *sock*; whoever knows the sockaddr of its *peer* may say it."""
        self.sock = sock
        self.received_end = self.was_reset = False
        self.peer_name = peer
        if peer is not UNASKED:
            return
        try:
            self.peer_name = sock.getpeername()  # now: a reset makes the kernel forget it
        except OSError:
            self.peer_name = None
        except BaseException:
            sock.close()
            raise

    def try_recv_into(self, buffer: memoryview) -> int | None:
        try:
            received = self.sock.recv_into(buffer, 0, RECV_FLAGS)
        except BlockingIOError:
            return None
        if not received:
            self.check_end()
            self.received_end = True
        return received

    def check_end(self) -> None:
        """Raise if an end of file is none, because an error was told of before."""
        if self.told is not None:
            raise copy.copy(self.told)
        if self.was_reset:
            raise reset()

    def try_send(self, data: memoryview) -> int | None:
        try:
            return self.sock.send(data, SEND_FLAGS)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            self.was_reset = True  # a receive would now be told of an end of file
            raise

    def recv_wants(self) -> Interest:
        return {self.sock.fileno(): READ}

    def send_wants(self) -> Interest:
        return {self.sock.fileno(): WRITE}

    async def half_close(self) -> None:
        self.shut_down()

    def shut_down(self) -> None:
        """Half-close; as shutdown(2), it never waits."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            # The connection was reset. Its pending error is left for the next receive.
            raise reset() from None

    async def close(self) -> None:
        self.close_now()

    @property
    def closes_at_once(self) -> bool:
        return type(self) is SocketStream  # there may be more to the end of another one

    def close_now(self) -> None:
        """Close; as close(2) of a socket, it does not wait."""
        if self.received_end or self.sock.fileno() < 0:
            self.sock.close()
            return
        try:
            # A reset that nobody has read yet: what was written may not have arrived.
            pending = self.pending_error()
        finally:
            self.sock.close()
        if pending:
            raise OSError(pending, os.strerror(pending))

    def pending_error(self) -> int:
        """Return, and so clear, the error that the next call would have met."""
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def abort(self) -> None:
        if self.sock.fileno() >= 0:
            try:
                if self.sock.family not in NEVER_RESET:
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            finally:
                self.sock.close()

    def interrupt(self) -> None:
        try:
            # Of the other direction the peer would take it for an end in order.
            self.sock.shutdown(socket.SHUT_RD)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise

    def fileno(self) -> int:
        return self.sock.fileno()

    def blocking_recv_into(self) -> Callable[[Buffer], int] | None:
        return None if self.was_reset or self.told else self.sock.recv_into

    def blocking_send(self) -> Callable[[Buffer], int] | None:
        return self.sock.send

    @property
    def local(self) -> str | None:
        if self.sock.fileno() < 0:
            return None
        return endpoint(self.sock, self.local_name or self.sock.getsockname())

    @property
    def peer(self) -> str | None:
        return endpoint(self.sock, self.peer_name)


def acknowledge(stream: Stream) -> None:
    """Let *stream* end the handshake, for there is nothing yet to be sent."""
    if type(stream) is SocketStream and stream.holds_ack:
        stream.holds_ack = False
        acknowledge_now(stream.sock)


def acknowledge_now(sock: socket.SocketType) -> None:
    """Let *sock* end the handshake that waits for bytes to go with it."""
    with contextlib.suppress(OSError):  # it is over
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def reset() -> ConnectionResetError:
    """Return the error of a connection that its peer has reset."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


class DescriptorStream(KernelStream):
    """Pipes, terminals, devices and regular files: one descriptor, or one each way.

    The descriptors are owned. Nothing but poll(2) tells whether a descriptor in
    blocking mode would wait, so it is asked first, and a write is no longer than
    what a ready pipe is sure to take: PIPE_BUF bytes (pipe(7)). Only a write to a pipe
    without a name can be told not to wait, by RWF_NOWAIT of pwritev2(2), since Linux 6.4.
    """

    def __init__(self, source: int = -1, sink: int = -1) -> None:
        self.source, self.sink = source, sink
        self.readable, self.writable = source >= 0, sink >= 0
        mode = os.fstat(sink).st_mode if self.writable else 0
        self.send_limit = 1 << 30 if stat.S_ISREG(mode) else select.PIPE_BUF
        self.never_waits = stat.S_ISFIFO(mode) and hasattr(os, "RWF_NOWAIT")

    def try_recv_into(self, buffer: memoryview) -> int | None:
        if not wait({self.source: READ}, 0):
            return None
        try:
            return os.readv(self.source, [buffer])
        except BlockingIOError:  # another reader was quicker
            return None

    def try_send(self, data: memoryview) -> int | None:
        if self.never_waits:
            try:
                return os.pwritev(self.sink, [data], -1, os.RWF_NOWAIT)
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                self.never_waits = False  # it has a name, or the kernel is older
        if not wait({self.sink: WRITE}, 0):
            return None
        try:
            return os.write(self.sink, data[: self.send_limit])
        except BlockingIOError:  # another writer was quicker
            return None

    @property
    def recv_fd(self) -> int:
        return self.source

    @property
    def send_fd(self) -> int:
        return self.sink

    def recv_wants(self) -> Interest:
        return {self.source: READ}

    def send_wants(self) -> Interest:
        return {self.sink: WRITE}

    async def half_close(self) -> None:
        if self.sink >= 0 and self.sink != self.source:
            sink, self.sink = self.sink, -1
            os.close(sink)

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        held = {self.source, self.sink} - {-1}
        self.source = self.sink = -1
        for fd in held:
            os.close(fd)

    def interrupt(self) -> None:
        """Do nothing: the kernel has no way to end another thread's read of a pipe."""

    @property
    def half_closes(self) -> bool:
        return self.source != self.sink

    def fileno(self) -> int:
        both = self.source >= 0 and self.sink >= 0 and self.source != self.sink
        return -1 if both else max(self.source, self.sink)

    def blocking_recv_into(self) -> Callable[[Buffer], int] | None:
        return self.readv if self.readable else None

    def readv(self, buffer: Buffer) -> int:
        """Fill the beginning of *buffer*, waiting in the kernel."""
        return os.readv(self.source, [buffer])

    def blocking_send(self) -> Callable[[Buffer], int] | None:
        return self.write if self.writable else None

    def write(self, data: Buffer) -> int:
        """Take the beginning of *data*, waiting in the kernel."""
        return os.write(self.sink, data)

    def seek(self, offset: int, whence: int) -> int | None:
        try:
            return os.lseek(max(self.source, self.sink), offset, whence)
        except OSError as error:
            if error.errno == errno.ESPIPE:
                return None
            raise
