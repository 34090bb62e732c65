"""Descriptors that travel with the bytes of a unix socket: SCM_RIGHTS of unix(7).

What arrives with bytes that are received in the plain way is closed by the kernel, and
nobody is told.
"""

from __future__ import annotations

import array
import errno
import io
import os
import socket
from typing import TYPE_CHECKING

from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream, reset
from fildes.streams.programs import ProgramStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.streams.stream import Stream

#: SCM_MAX_FD of unix(7).
MAX_DESCRIPTORS = 253

Received = tuple[bytes, list[int]]


def carrier(stream: Stream) -> SocketStream:
    """Return *stream* as one that carries descriptors.

    Raises:
      io.UnsupportedOperation: it is no unix socket.
    """
    if isinstance(stream, SocketStream) and stream.sock.family == socket.AF_UNIX:
        return stream
    raise io.UnsupportedOperation("only unix sockets carry descriptors")


def try_send_fds(stream: SocketStream, data: memoryview, fds: Sequence[int]) -> int | None:
    """Send the beginning of *data*, and with its first byte all *fds*; None if not now."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
    try:
        return stream.sock.sendmsg([data], [rights] if fds else [], SEND_FLAGS)
    except BlockingIOError:
        return None


def try_recv_fds(stream: SocketStream, size: int, most: int) -> Received | None:
    """Receive up to *size* bytes and *most* descriptors that came with them; None if not now.

    Raises:
      OSError: EMSGSIZE, there were more descriptors, or the datagram is longer; all that
        came is closed, and the bytes are lost.
    """
    check_nothing_kept(stream)
    space = socket.CMSG_LEN(most * array.array("i").itemsize)
    try:
        flags = RECV_FLAGS | socket.MSG_CMSG_CLOEXEC
        data, told, outcome, _ = stream.sock.recvmsg(size, space, flags)
    except BlockingIOError:
        return None
    except ConnectionResetError:
        if not isinstance(stream, ProgramStream):
            raise
        return at_end(stream)
    fds = descriptors(told)
    try:
        check(len(data), outcome, most)
        if not data and not stream.messages:
            if stream.was_reset:
                raise reset()
            return at_end(stream)
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return data, fds


def at_end(stream: SocketStream) -> Received | None:
    """Return the end of file of *stream*; None if how its program has ended is not yet known.

    Raises:
      ChildProcessError: as `fildes.streams.child.Child.end`.
    """
    stream.received_end = True
    proved = stream.child.end() if isinstance(stream, ProgramStream) else 0
    return None if proved is None else (b"", [])


def check_nothing_kept(stream: SocketStream) -> None:
    """Raise if a datagram was received already, in the plain way."""
    if isinstance(stream, DatagramStream) and stream.kept is not None:
        raise io.UnsupportedOperation(
            "a datagram is kept for a longer read, and its descriptors are lost: read it first"
        )


def descriptors(told: list[tuple[int, int, bytes]]) -> list[int]:
    """Return the descriptors in ancillary data."""
    found = array.array("i")
    for level, kind, packed in told:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(packed[: len(packed) - len(packed) % found.itemsize])
    return list(found)


def check(size: int, outcome: int, most: int) -> None:
    """Raise if recvmsg(2) had to leave something out."""
    if outcome & socket.MSG_CTRUNC:
        message = f"{size} bytes came with more than {most} descriptors: all of it is lost"
        raise OSError(errno.EMSGSIZE, message)
    if outcome & socket.MSG_TRUNC:
        message = f"the datagram is longer than {size} bytes: it and its descriptors are lost"
        raise OSError(errno.EMSGSIZE, message)
