"""One end of a TLS connection as a codec: ciphertext in and out, no descriptors.

OpenSSL works on two memory BIOs here and never on a socket: an `ssl.SSLSocket`
can neither end one direction and keep the other nor be carried by another TLS.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from typing import Any

#: OpenSSL's reason for an end without close_notify.
CUT = "UNEXPECTED_EOF_WHILE_READING"

#: The most that one record carries; RFC 8446 section 5.1.
RECORD_SIZE = 16384


class TlsEngine:
    """One end of a TLS connection; used by one thread at a time.

    Attributes:
      tls: OpenSSL's object, for what has no name here.
      incoming, outgoing: where ciphertext is written to and read from.
      received_end: the peer's close_notify has come.
      sent_end: our close_notify was written.
      failure: what ended the connection out of order, or None.
    """

    def __init__(
        self, context: ssl.SSLContext, server_name: str | None, *, server_side: bool
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, server_name)
        read = self.tls.read  # typeshed does not know that with a buffer the result is a count
        self.read: Callable[[int, memoryview], int] = read  # type: ignore[assignment]  # a count
        self.received_end = self.sent_end = False
        self.failure: ssl.SSLError | None = None
        self.ahead = bytearray()  # decrypted by `end`, not yet taken

    def handshake(self) -> bool:
        """Take the handshake as far as the incoming bytes go; whether it is done."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypt_into(self, buffer: memoryview) -> int | None:
        """Decrypt into *buffer*; 0 at the end of file, None when more must come in.

        Raises:
          ssl.SSLError: the connection was cut or a record is bad; everything
            before it has been returned.
        """
        if self.ahead:
            return self.take_ahead(buffer)
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.received_end:
            return 0
        if not (self.incoming.pending or self.tls.pending() or self.incoming.eof):
            return None  # known without the exception that OpenSSL's answer would be
        return self.decrypt_records(buffer)

    def decrypt_records(self, buffer: memoryview) -> int | None:
        """Decrypt record by record; an end or an error that follows data is kept for later."""
        have = 0
        try:
            while have < len(buffer):
                received = self.read(RECORD_SIZE, buffer[have:])
                if not received:
                    self.received_end = True
                    break
                have += received
                if not self.incoming.pending:  # nothing is left: OpenSSL reads no record ahead
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # close_notify, when ours was sent before
            self.received_end = True
        except ssl.SSLError as error:
            self.failure = in_its_class(error)
            if not have:
                raise self.failure from None
        return have if have or self.received_end else None

    def take_ahead(self, buffer: memoryview) -> int:
        """Move what was decrypted before into *buffer*."""
        size = min(len(buffer), len(self.ahead))
        buffer[:size] = self.ahead[:size]
        del self.ahead[:size]
        return size

    def encrypt(self, data: memoryview) -> int:
        """Encrypt all of *data*, a record at a time."""
        if self.sent_end:
            raise BrokenPipeError(errno.EPIPE, "our direction has been ended")
        sent = 0
        while sent < len(data):
            sent += self.tls.write(data[sent : sent + RECORD_SIZE])
        return sent

    def end(self) -> None:
        """Write our close_notify; decrypting goes on. RFC 8446 section 6.1."""
        if self.sent_end:
            return
        self.sent_end = True
        if not self.holds:
            self.write_end()
            return
        # What OpenSSL finds while it looks for the peer's close_notify it takes for an
        # attack (application data after close notify), so nothing may be left there.
        chunk, ahead = memoryview(bytearray(RECORD_SIZE)), bytearray(self.ahead)
        self.ahead.clear()
        try:
            while received := self.decrypt_into(chunk):
                ahead += chunk[:received]
            self.write_end()
        except ssl.SSLError as error:  # left to whoever decrypts
            self.failure = self.failure or in_its_class(error)
        finally:
            self.ahead = ahead

    def write_end(self) -> None:
        """Write our close_notify, and see whether the peer's has come."""
        try:
            self.tls.unwrap()
            self.received_end = True
        except ssl.SSLWantReadError:  # ours is written, the peer's has not come yet
            pass
        except ssl.SSLError as error:  # left to whoever decrypts
            self.failure = self.failure or in_its_class(error)

    @property
    def holds(self) -> bool:
        """Whether `decrypt_into` has more to say without another incoming byte."""
        return bool(self.ahead or self.over or self.incoming.pending or self.tls.pending())

    @property
    def over(self) -> bool:
        """Whether the peer has ended, in order or not."""
        return self.received_end or self.failure is not None

    @property
    def asked_name(self) -> str | None:
        """The name that the client asked for (SNI), on a server's side; None for none."""
        name: str | None = getattr(self.tls, "asked_name", None)
        return name

    @property
    def only_tickets(self) -> bool:
        """Whether, after a handshake, nothing waits for what is outgoing.

        A server's part of the handshake of TLS 1.3 has gone out before; what follows are
        tickets for the next one. RFC 8446 section 4.6.1.
        """
        return self.tls.server_side and self.version == "TLSv1.3"

    @property
    def version(self) -> str | None:
        """The protocol version, ``"TLSv1.3"`` say."""
        return self.tls.version()

    @property
    def cipher(self) -> str | None:
        """The cipher suite's name."""
        cipher = self.tls.cipher()
        return cipher[0] if cipher else None

    @property
    def alpn(self) -> str | None:
        """The protocol chosen by ALPN, RFC 7301."""
        return self.tls.selected_alpn_protocol()

    @property
    def certificate(self) -> dict[str, Any]:
        """The peer's certificate as of `ssl.SSLSocket.getpeercert`; empty if not verified."""
        return self.tls.getpeercert() or {}

    @property
    def certificate_der(self) -> bytes | None:
        """The peer's certificate in DER, verified or not."""
        return self.tls.getpeercert(binary_form=True)


def in_its_class(error: ssl.SSLError) -> ssl.SSLError:
    """Return *error*, an end without close_notify as the `ssl.SSLEOFError` that it is.

    CPython knows by its class only what OpenSSL 1.1 told it; 3.11.2 with OpenSSL 3
    has the reason alone.
    """
    if error.reason != CUT or isinstance(error, ssl.SSLEOFError):
        return error
    cut = ssl.SSLEOFError(ssl.SSL_ERROR_EOF, *error.args[1:])
    cut.library, cut.reason = error.library, error.reason
    return cut
