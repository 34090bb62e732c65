"""Connections to servers, and what makes each what it is.

A connection serves another request only if nothing about it is in doubt: the body
before was read to its framed end, nothing came behind it, both sides meant to go on,
and it leads where the next request wants to go, by the same way, under the same
options and policy. All that is its key.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fildes.drivers.blocking import LONGEST_WAIT, wait
from fildes.streams.kernel import RECV_FLAGS, SEND_FLAGS, SocketStream
from fildes.waiting import wait_readable

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.request import Request
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: Options of http and https that shape requests, not connections.
_OF_REQUESTS = frozenset(
    {
        *(
            "cookies",
            "retries",
            "resume",
            "decode",
            "max_size",
            "if_none_match",
            "if_modified_since",
        ),
        *("auth", "bearer", "headers", "hint", "method", "size", "expect", "proxy", "range"),
        *("max_redirects", "max_head_size", "max_fields", "max_interim", "max_trailers"),
    }
)


class Connection:
    """A connection to a server, on which one exchange follows the other.

    Attributes:
      key: all that makes it what it is.
      brought: how many bytes of bodies it has brought so far.
      silent: the server has not yet sent a byte of the answer that is awaited.
      since: the moment since which it waits for its next request.
      sock: a bare one's socket, all of whose bytes are the stream's; else None.
      poll: what waits up to so many milliseconds for bytes on that; None before it is used.
    """

    def __init__(self, stream: Stream, key: object) -> None:
        self.stream = stream
        self.key = key
        self.silent = True
        self.since = 0.0
        self.brought = 0
        self.sock = stream.sock if type(stream) is SocketStream else None
        self.poll: Callable[[float | None], object] | None = None

    def ready(self, timeout: float | None) -> bool:
        """Wait in this thread for something to receive; False after *timeout* seconds."""
        if self.poll is None:
            return bool(wait(self.stream.recv_wants(), timeout))
        if timeout is None or timeout > LONGEST_WAIT:
            return bool(self.poll(None))
        return bool(self.poll(timeout * 1000))  # whole milliseconds; select.poll rounds up

    def receive_in(self, timeout: float | None, size: int) -> bytes | None:
        """Wait in this thread for up to *size* bytes, as `receive_now`; None after *timeout*."""
        return self.receive_now(size) if self.ready(timeout) else None

    def receive_now(self, size: int) -> bytes | None:
        """Return up to *size* bytes of what is there; None without any, b"" if it has ended."""
        try:
            if self.sock is not None:
                return self.sock.recv(size, RECV_FLAGS)
            buffer = memoryview(bytearray(size))
            received = self.stream.try_recv_into(buffer)
            return None if received is None else bytes(buffer[:received])
        except BlockingIOError:  # poll(2) may be wrong
            return None
        except (OSError, EOFError) as error:
            if isinstance(error, ConnectionResetError) and isinstance(self.stream, SocketStream):
                self.stream.was_reset = True  # the kernel tells it once
            return b""

    def send_now(self, data: bytes) -> bool:
        """Send all of *data* without waiting; False if it is not taken at once."""
        try:
            if self.sock is not None:
                return self.sock.send(data, SEND_FLAGS) == len(data)
            return self.stream.try_send(memoryview(data)) == len(data)
        except (OSError, EOFError):  # it has ended just now
            return False

    async def recv(self, size: int) -> bytes:
        """Return between 1 and *size* bytes; empty at the end of file."""
        while self.sock is not None:
            try:
                data = self.sock.recv(size, RECV_FLAGS)
            except BlockingIOError:
                await wait_readable(self.sock.fileno())
            else:
                if data:
                    return data
                break  # the stream knows whether that is an end
        return await self.stream.recv(size)

    def quiet(self) -> bool:
        """Tell whether nothing came that nobody asked for, not even an end."""
        if self.poll is not None:
            return not self.poll(0)
        if self.sock is not None:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            self.poll = poll.poll
            return not self.poll(0)
        try:
            return self.stream.try_recv_into(memoryview(bytearray(1))) is None
        except (OSError, EOFError):
            return False

    async def close(self) -> None:
        """Close; how it ends does not matter any more."""
        for layer in self.stream.layers():
            layer.settled = True
        with contextlib.suppress(OSError, EOFError):
            await self.stream.close()

    def close_now(self) -> None:
        """Close in order as far as this needs no waiting."""
        closing = self.close()
        try:
            closing.send(None)
        except StopIteration:
            return
        closing.close()
        self.stream.abort()

    def forget(self) -> None:
        """Close the descriptors alone: the connection belongs to the parent process."""
        for layer in self.stream.layers():
            sock = getattr(layer, "sock", None)
            if sock is not None:
                sock.close()


def key_of(opening: Opening, request: Request, proxy: Address | None = None) -> object:
    """Return all that makes a connection for *request* what it is."""
    address = request.address
    options = {
        scheme: {
            name: value
            for name, value in values.items()
            if scheme not in {"http", "https"} or name not in _OF_REQUESTS
        }
        for scheme, values in opening.options.items()
    }
    return (
        request.origin,
        address.inner,
        proxy,
        (address.user, address.password, request.chosen),
        frozen({scheme: values for scheme, values in options.items() if values}),
        Same(opening.policy),
    )


class Same:
    """A value that equals only itself, and stays as long as it is compared."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def frozen(value: Any) -> object:
    """Return *value* as it is now, comparable; what cannot be compared equals itself."""
    if isinstance(value, Mapping):
        return frozenset((name, frozen(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(frozen(each) for each in value)
    # True equals 1, and they may mean different things.
    return (type(value), value) if isinstance(value, str | bytes | int | float) else Same(value)
