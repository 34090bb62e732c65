"""The place of a tcp listener: a port on every address of a name."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
from typing import TYPE_CHECKING

from fildes.opening.connecting import Candidate, resolve

if TYPE_CHECKING:
    from fildes.opening.opening import Opening, Target

#: Where a listener without a host is: nobody else's machine reaches it.
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

#: What a machine without one of the two IP families answers.
NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

#: A port that is free in one family may be taken in the other; then the kernel is
#: asked for another one, at most this often.  # arbitrary
PORT_CHOICES = 16


async def listen_at(opening: Opening, place: Target, family: int) -> list[socket.socket]:
    """Return sockets that listen on the same port of every address of the host.

    Raises:
      OSError: as bind(2). An address that this machine does not have is left out,
        unless it has none of them.
    """
    candidates = await places(opening, place, family)
    for choice in itertools.count(1):
        try:
            return bind_all(candidates)
        except OSError as error:
            if place.port or error.errno != errno.EADDRINUSE or choice == PORT_CHOICES:
                raise
    raise AssertionError("not reached: the last choice returns or raises")


async def places(opening: Opening, place: Target, family: int) -> list[Candidate]:
    """Return where to bind: the addresses of the host, or loopback."""
    if place.host:
        return await resolve(opening, place, family)
    return [
        Candidate(each, socket.SOCK_STREAM, (host, place.port))
        for each, host in LOOPBACK.items()
        if family in (socket.AF_UNSPEC, each)
    ]


def bind_all(candidates: list[Candidate]) -> list[socket.socket]:
    """Return listening sockets; port 0 becomes the port of the first one."""
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as undo:
        for candidate in candidates:
            port = sockets[0].getsockname()[1] if sockets else candidate.sockaddr[1]
            try:
                sockets.append(undo.enter_context(bind_one(candidate, port)))
            except OSError as error:
                if error.errno not in NO_SUCH_FAMILY:
                    raise
                absent = error
        if not sockets:
            raise absent or OSError(errno.EADDRNOTAVAIL, "the name has no address")
        undo.pop_all()
    return sockets


def bind_one(candidate: Candidate, port: int) -> socket.socket:
    """Return a socket that listens on *port* of one address."""
    sock = socket.socket(candidate.family, candidate.type)
    with contextlib.ExitStack() as undo:
        undo.enter_context(sock)
        # Connections of the last run in TIME-WAIT do not keep a server from starting.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if candidate.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        host, _, *scope = candidate.sockaddr
        sock.bind((host, port, *scope))
        sock.listen(socket.SOMAXCONN)
        undo.pop_all()
    return sock
