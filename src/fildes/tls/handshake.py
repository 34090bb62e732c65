"""The handshake of a TLS stream, step by step, for whoever waits in whatever way."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from fildes.streams.kernel import SocketStream
from fildes.waiting import READ, WRITE

if TYPE_CHECKING:
    from fildes.tls.stream import TlsStream


def shake(stream: TlsStream) -> int:
    """Take the handshake as far as it goes now; return READ or WRITE, or 0 at the end.

    OpenSSL is asked only when there is something new for it, and nobody looks for an
    answer before a round trip has passed.

    Raises:
      ssl.SSLError: no agreement; the peer has been told.
    """
    try:
        if stream.unsent and not stream.push():
            return WRITE
        while not stream.shaken:
            if stream.heard and not stream.fetch():
                return READ
            stream.heard = True
            stream.shaken = stream.engine.handshake()
            if stream.shaken and stream.engine.only_tickets:
                stream.held = True  # nobody waits for them: they go out with the first data
                confirm(stream)
            elif not stream.push():
                return WRITE
            elif not stream.shaken and isinstance(stream.inner, SocketStream):
                return READ
    except ssl.SSLError:
        with contextlib.suppress(OSError):  # less telling than the error at hand
            stream.push()  # the alert that says why
        raise
    return 0


def confirm(stream: TlsStream) -> None:
    """Acknowledge a client's last word of the handshake, for nothing is answered to it.

    A client with Nagle's algorithm (RFC 896) says no more before that, and the kernel takes
    40 ms for it, lest an answer comes that can carry it. Who has said more does not wait.
    """
    if isinstance(stream.inner, SocketStream) and not stream.engine.incoming.pending:
        with contextlib.suppress(OSError):  # it is over, or no tcp
            stream.inner.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
