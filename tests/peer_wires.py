"""How the bytes of a scripted peer's conversation travel: plain, or under TLS."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

RECV_SIZE = 65536  # arbitrary
RECORD_SIZE = 16384  #: the most that one TLS record carries; RFC 8446 section 5.1


class Wire(Protocol):
    """How the bytes of a conversation travel: plain, or under TLS."""

    def recv(self) -> bytes: ...
    def send_all(self, data: bytes) -> None: ...
    def say_goodbye(self) -> None: ...


class PlainWire:
    """Bytes as the socket carries them."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def recv(self) -> bytes:
        return self.sock.recv(RECV_SIZE)

    def send_all(self, data: bytes) -> None:
        self.sock.sendall(data)

    def say_goodbye(self) -> None:
        """Say nothing: the end of a plain stream is the FIN alone."""


class TlsWire:
    """TLS in memory, so that the script rules over close_notify and the socket.

    An ``SSLSocket`` cannot send its close_notify and go on reading.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.run(self.tls.do_handshake)

    def run(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()  # the peer answers only what it has seen
                self.feed()
            finally:
                self.flush()  # alerts included

    def flush(self) -> None:
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def feed(self) -> None:
        if data := self.sock.recv(RECV_SIZE):
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def recv(self) -> bytes:
        try:
            return self.run(lambda: self.tls.read(RECV_SIZE))
        except ssl.SSLZeroReturnError:  # both directions have said close_notify
            return b""

    def send_all(self, data: bytes) -> None:
        sent = 0
        while sent < len(data):
            sent += self.run(functools.partial(self.tls.write, data[sent : sent + RECORD_SIZE]))

    def say_goodbye(self) -> None:
        # SSL_shutdown(3) sends close_notify, then wants the peer's.
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.flush()
