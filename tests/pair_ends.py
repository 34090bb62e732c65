"""Both ends of a connection, for those who make pairs of streams."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from authority import Authority

from fildes.streams.datagrams import socket_stream
from fildes.streams.kernel import SocketStream
from fildes.streams.stream import Stream
from fildes.testing import both, open_stream
from fildes.waiting import wait_readable

Pair = tuple[Stream, Stream]
MakePair = Callable[[Authority], Coroutine[Any, Any, Pair]]

NUMBERS = itertools.count()

HOST = "127.0.0.1"


def abstract_name() -> str:
    """Return a name for a unix socket that needs no file."""
    return f"@fildes-test-{os.getpid()}-{next(NUMBERS)}"


async def accepted(listener: socket.socket) -> SocketStream:
    """Return the next connection of *listener*."""
    await wait_readable(listener.fileno())
    return socket_stream(listener.accept()[0])


async def connected(listener: socket.socket, address: str) -> Pair:
    """Open *address*, which leads to *listener*, and return both ends."""
    return await both(open_stream(address), accepted(listener))
