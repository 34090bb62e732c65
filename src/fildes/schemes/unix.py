"""unix: a byte stream to a process on this machine; unix(7)."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from fildes.opening.modes import permissions
from fildes.opening.owners import OWNER, Owner, owner_of
from fildes.opening.unix_names import sockaddr
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.datagrams import socket_stream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

#: Of all kinds of unix sockets that connect.
OPTIONS = (
    Option("bind", "text", "the path or @name of our own end; the path is removed at the end"),
    Option("mode", "text", "with bind: who may connect or send to our own end, in octal", "600"),
    *OWNER,
)

SCHEME = Scheme(
    name="unix",
    shape=Shape.PATH,
    summary="a byte stream to a process on this machine",
    options=OPTIONS,
    examples=(
        Example("unix:///run/docker.sock", "a socket in the file system"),
        Example("unix:@name", "a socket in the abstract namespace"),
        Example("unix:/run/server?bind=/run/me", "from a socket that has a name, too"),
    ),
)

#: poll(2) does not tell when a full backlog has room again, so connect(2) is tried
#: again after so many seconds.  # arbitrary
RETRY_DELAY = 0.010


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the socket at the path, or by the abstract name."""
    return await connect(opening, address, socket.SOCK_STREAM)


async def connect(opening: Opening, address: Address, kind: socket.SocketKind) -> Stream:
    """Connect a socket of *kind* to the path of *address*."""
    own, mode = opening.option(address, "bind"), permissions(opening.option(address, "mode"))
    owner = owner_of(opening, address)
    with opening.step("connect", address.path):
        sock = new_socket(kind | socket.SOCK_NONBLOCK, named=bool(own))
        try:
            if own:
                await take_own(sock, own, mode, owner)
            elif kind == socket.SOCK_DGRAM:
                sock.bind(b"")  # a name of the kernel's choice, for the peer to answer to
            await connect_when_possible(sock, sockaddr(address.path))
            sock.setblocking(True)
        except BaseException:
            sock.close()
            raise
        return socket_stream(sock)


def new_socket(kind: int, *, named: bool) -> socket.socket:
    """Return a socket, which gives up the name that it has when it is closed."""
    if not named:
        return socket.socket(socket.AF_UNIX, kind)
    from fildes.listening.unix import NamedSocket

    return NamedSocket(socket.AF_UNIX, kind)


async def take_own(sock: socket.socket, path: str, mode: int, owner: Owner) -> None:
    """Bind *sock* to *path*, which is removed when it is closed."""
    from fildes.listening.unix import NamedSocket

    assert isinstance(sock, NamedSocket)
    try:
        await sock.take(path, mode, owner)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} (the local name {path})") from None


async def connect_when_possible(sock: socket.socket, name: bytes) -> None:
    """Connect, waiting while the backlog of the listener is full."""
    while (code := sock.connect_ex(name)) == errno.EAGAIN:
        await wait_any({}, RETRY_DELAY)
    if code:
        raise OSError(code, os.strerror(code))
