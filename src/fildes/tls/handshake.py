"""The handshake of a TLS stream, step by step, for whoever waits in whatever way."""

from __future__ import annotations

import contextlib
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
            elif not stream.push():
                return WRITE
            elif not stream.shaken and isinstance(stream.inner, SocketStream):
                return READ
    except ssl.SSLError:
        with contextlib.suppress(OSError):  # less telling than the error at hand
            stream.push()  # the alert that says why
        raise
    return 0
