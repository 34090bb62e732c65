"""accept(2) in as few steps as there are."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: An accepted socket, and the sockaddr of its peer.
Taken = tuple[socket.SocketType, Any]


def taker_of(sock: socket.socket) -> Callable[[], Taken]:
    """Return what accepts at *sock* as `sock.accept`, in half the time: without enums and files."""
    if type(sock) is not socket.socket:  # one that makes its own kind
        return sock.accept
    accept = sock._accept  # type: ignore[attr-defined]  # the socket module's own half
    # Told what it is, a socket need not ask the kernel.
    made = partial(socket.SocketType, int(sock.family), int(sock.type), sock.proto)

    def take() -> Taken:
        fd, peer = accept()
        return made(fd), peer

    return take
