"""vsock: a byte stream between a virtual machine and its host; vsock(7)."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from fildes.opening import vsock_names
from fildes.opening.vsock_names import advised, parse_name
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.kernel import SocketStream
from fildes.waiting import wait_writable

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.opening.vsock_names import Name
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="vsock",
    shape=Shape.WORD,
    summary="a byte stream between a virtual machine and its host",
    options=(Option("bind", "text", "our own context and port, as CID:PORT; port 0 for any"),),
    examples=(
        Example("vsock://host:1024", "from a virtual machine to port 1024 of its host"),
        Example("vsock://3:22", "from a host to the machine with the context (CID) 3"),
        Example("vsock://local:1024", "this machine itself, with the module vsock_loopback"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the port of the context that the address names."""
    name = parse_name(address.path)
    bind = opening.option(address, "bind")
    own = parse_name(bind, listening=True) if bind else None
    with opening.step("connect", str(name)), advised(name.context):
        sock = vsock_names.new_socket()
        try:
            if own is not None:
                sock.bind(own)
            await connect(sock, name)
            sock.setblocking(True)
        except BaseException:
            sock.close()
            raise
        return SocketStream(sock)


async def connect(sock: socket.socket, name: Name) -> None:
    """Connect *sock*. The kernel waits 2 seconds for an answer; vsock(7)."""
    code = sock.connect_ex(name)
    if code == errno.EINPROGRESS:
        await wait_writable(sock.fileno())
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
