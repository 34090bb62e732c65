"""Both ends of a tcp connection, and what can be done to them."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time

from fault_proxy import LOOK_AGAIN, reset, unsent
from peers import LIMIT

from fildes.copying import HasDescriptor


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return the peer's end of a connection, which has a timeout, and ours, without one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname(), LIMIT)
        ours, _ = listener.accept()
    return theirs, ours


def fill(sock: socket.socket) -> int:
    """Send until the kernel takes no more; return how much that was. Of our end."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            count += sock.send(bytes(65536), socket.MSG_DONTWAIT)
    return count


def hang_up(sock: socket.socket, other: HasDescriptor) -> None:
    """Reset the connection, and wait until the *other* end has heard."""
    reset(sock)
    poll = select.poll()
    poll.register(other, 0)
    assert poll.poll(LIMIT * 1000), "the reset did not arrive"


def wait_acknowledged(sock: socket.socket) -> None:
    """Wait until the other kernel has all that was sent; no event tells of that."""
    deadline = time.monotonic() + LIMIT
    while unsent(sock):
        assert time.monotonic() < deadline, "nobody takes what was sent"
        time.sleep(LOOK_AGAIN)


def received(sock: socket.socket) -> tuple[int, type[Exception] | None]:
    """Return how much comes, and the error that ends it; None for the end of file."""
    count = 0
    try:
        while data := sock.recv(16384):
            count += len(data)
    except OSError as error:
        return count, type(error)
    return count, None


def packets(sock: socket.socket) -> int:
    """Return how many packets have come so far; tcpi_segs_in of linux/tcp.h."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
    return int.from_bytes(info[140:], sys.byteorder)
