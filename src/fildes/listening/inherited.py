"""Listening at sockets that this process has not made: inherited, or passed by systemd.

They are shared with whoever made them, so they are only ever closed: no path is
removed, and no shutdown(2) done. Their descriptors stay open under their own numbers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from fildes.address import Address, parse
from fildes.errors import AddressError
from fildes.listening.accepting import Acceptor
from fildes.listening.options import limits_of
from fildes.listening.udp import UdpAcceptor
from fildes.opening import registry
from fildes.streams.endpoints import endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.opening.opening import Opening

#: Where those begin that systemd passes; sd_listen_fds(3), SD_LISTEN_FDS_START.
FIRST = 3


def listen(opening: Opening, address: Address, numbers: Sequence[int]) -> Acceptor:
    """Listen at the sockets whose descriptors have these *numbers*.

    Raises:
      OSError: EBADF, ENOTSOCK, EINVAL: one is no socket that listens.
    """
    limits = limits_of(opening, address)
    with contextlib.ExitStack() as undo:
        sockets = [undo.enter_context(listening_socket(number)) for number in numbers]
        kinds = {sock.type for sock in sockets}
        if len(kinds) > 1:
            raise OSError(errno.EINVAL, "streams and datagrams are listened for separately")
        real = address_of(sockets[0]) or Address("fd", path=str(numbers[0]))
        if kinds == {socket.SOCK_DGRAM}:
            acceptor: Acceptor = UdpAcceptor(sockets, real, limits, lambda sock: None)
            acceptor.idle_timeout = 60.0
        else:
            acceptor = Acceptor(sockets, real, limits=limits)
        acceptor.outlived = True
        undo.pop_all()
    return acceptor


def listening_socket(number: int) -> socket.socket:
    """Return a duplicate of the socket *number*, which must be one to accept from.

    Raises:
      OSError: EBADF, ENOTSOCK; EINVAL, it does not listen.
    """
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(duplicate(number))
        if sock.type == socket.SOCK_DGRAM:
            ready = sock.family != socket.AF_UNIX and not is_connected(sock)
        else:
            ready = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        if not ready:
            raise OSError(errno.EINVAL, f"descriptor {number} is no socket that listens")
        undo.pop_all()
    return sock


def duplicate(number: int) -> socket.socket:
    """Return a duplicate of the socket *number*; it is not inheritable."""
    try:
        own = os.dup(number)
    except OverflowError:  # dup(2) takes an int
        raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
    try:
        return socket.socket(fileno=own)
    except BaseException:
        os.close(own)
        raise


def is_connected(sock: socket.socket) -> bool:
    """Tell whether *sock* has a peer."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def address_of(sock: socket.socket) -> Address | None:
    """Return where a socket listens, as an address to open; None if it has no name."""
    text = endpoint(sock, sock.getsockname())
    return None if text is None else parse(text, registry.find_scheme)


def number_of(word: str) -> int:
    """Return the number of a descriptor that *word* is."""
    if not (word.isascii() and word.isdigit()):
        raise AddressError("fd-listen takes the number of a descriptor, as in fd-listen:3")
    return int(word)


def passed(name: str = "") -> list[int]:
    """Return the descriptors that systemd has passed to this process; sd_listen_fds(3).

    Args:
      name: only those that FileDescriptorName= of their unit calls so.

    Raises:
      FileNotFoundError: there are none.
    """
    given = os.environ
    count, process = given.get("LISTEN_FDS", ""), given.get("LISTEN_PID", "")
    if process != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        raise none_passed("systemd has passed no sockets: start it by a .socket unit")
    numbers = range(FIRST, FIRST + int(count))
    names = given.get("LISTEN_FDNAMES", "").split(":")
    found = [
        number
        for number, own in zip(numbers, [*names, *("",) * len(numbers)], strict=False)
        if not name or own == name
    ]
    if not found:
        raise none_passed(f"systemd has passed no socket called {name}; see FileDescriptorName=")
    return found


def none_passed(message: str) -> FileNotFoundError:
    """Return the error of a socket that is not there."""
    return FileNotFoundError(errno.ENOENT, message)
