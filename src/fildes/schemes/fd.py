"""fd: a descriptor that this process holds already."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Example, Scheme, Shape
from fildes.streams.datagrams import socket_stream
from fildes.streams.kernel import DescriptorStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="fd",
    shape=Shape.WORD,
    summary="a descriptor that this process holds already",
    modes=("r+b", "rb", "wb", "ab"),
    examples=(Example("fd:3", "the descriptor number 3; it stays yours"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Open a duplicate of the descriptor, whose number stays the caller's."""
    if not (address.path.isascii() and address.path.isdigit()):
        raise AddressError("fd takes the number of a descriptor, as in fd:3")
    with opening.step("connect", f"descriptor {address.path}"):
        return duplicate(int(address.path), opening.mode)


def duplicate(fd: int, mode: str = "r+b") -> Stream:
    """Return a stream over a duplicate of *fd*, in the directions that it has.

    Raises:
      OSError: EBADF, it is not open, or not for *mode*; EINVAL, it is listening.
    """
    try:
        own = os.dup(fd)
    except OverflowError:  # dup(2) takes an int
        raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, own)
        if stat.S_ISSOCK(os.fstat(own).st_mode):
            sock = socket.socket(fileno=own)
            undo.pop_all()
            return connected(sock)
        source, sink = directions(own)
        check_direction(fd, mode, source, sink)
        stream = DescriptorStream(source, sink)
        undo.pop_all()
    return stream


def connected(sock: socket.socket) -> Stream:
    """Return the stream over *sock*, which it owns from now on."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(sock)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.EINVAL, "the socket is listening: it has no bytes to read")
        undo.pop_all()
    stream = socket_stream(sock)
    stream.borrowed = True
    return stream


def directions(fd: int) -> tuple[int, int]:
    """Return *fd* as source and as sink, -1 for what it is not open for."""
    access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    return -1 if access == os.O_WRONLY else fd, -1 if access == os.O_RDONLY else fd


def check_direction(fd: int, mode: str, source: int, sink: int) -> None:
    """Raise EBADF, as read(2) and write(2) do, if *fd* has no direction that *mode* wants."""
    wanted = {"rb": (source, "reading"), "r+b": (max(source, sink), "anything")}
    end, purpose = wanted.get(mode, (sink, "writing"))
    if end < 0:
        raise OSError(errno.EBADF, f"descriptor {fd} is not open for {purpose}")
