"""TLS over any stream, also over TLS.

* The inner stream is asked for an eighth of a megabyte at a time instead of twice
  per record of 16 KiB, which pays for the copies through memory.
* The lock of `CodedStream` guards the engine, for CPython before 3.13 does not see to it.
* The end of file is the peer's close_notify. An inner stream that ends without it
  was cut: `ssl.SSLEOFError`, after everything that came before it.
"""

from __future__ import annotations

import ssl

from fildes.streams.coded import CodedStream
from fildes.streams.stream import Stream
from fildes.tls.engine import TlsEngine
from fildes.tls.handshake import shake
from fildes.waiting import READ, wait_any


class TlsStream(CodedStream):
    """What a TLS connection carries; it owns the inner stream.

    Our end is a close_notify, in TLS 1.2 and 1.3 alike.

    Attributes:
      engine: the TLS itself; it knows version, cipher, alpn and certificate.
      heard: the peer has been waited for; a client begins by itself.
      shaken: the handshake is done.
      held: what is outgoing need not be sent by itself.
    """

    cuts = (ssl.SSLError,)  # an end without close_notify

    def __init__(
        self,
        inner: Stream,
        context: ssl.SSLContext,
        *,
        server_name: str | None = None,
        server_side: bool = False,
    ) -> None:
        """Prepare; nothing is sent before `handshake`.

        Args:
          context: one that `fildes.tls.context.harden` has seen.
          server_name: what a client expects in the certificate, and sends (SNI).
        """
        super().__init__(inner)
        self.engine = TlsEngine(context, server_name, server_side=server_side)
        self.heard = server_side
        self.shaken = False
        self.held = False

    async def handshake(self) -> None:
        """Agree on keys and verify the peer.

        Raises:
          ssl.SSLCertVerificationError: the certificate is not what the context wants.
          ssl.SSLError: no agreement; the peer has been told.
        """
        while wanted := self.shake():
            await wait_any(self.recv_wants() if wanted == READ else self.send_wants())

    def shake(self) -> int:
        """Take the handshake as far as it goes now; see `fildes.tls.handshake.shake`."""
        return shake(self)

    def receive(self, buffer: memoryview) -> int | None:
        while (received := self.engine.decrypt_into(buffer)) is None:
            broken = None
            try:
                if not self.held:
                    self.push()  # what OpenSSL answers by itself
            except (BrokenPipeError, ConnectionResetError) as error:
                broken = error
            # What a peer said before it closed, an alert say, tells why it did.
            if not self.fetch():
                if broken is not None:
                    raise broken
                return None
        return received

    def encode(self, data: memoryview) -> int:
        return self.engine.encrypt(data)

    def push(self) -> bool:
        self.held = False
        return super().push()

    def take_out(self) -> bytes:
        return self.engine.outgoing.read()

    def feed(self, data: memoryview) -> None:
        self.engine.incoming.write(data)

    def feed_end(self) -> None:
        self.engine.incoming.write_eof()

    def finish(self) -> None:
        self.engine.end()

    @property
    def over(self) -> bool:
        """Whether the peer has ended, in order or not."""
        return self.engine.over

    @property
    def finished(self) -> bool:
        engine = self.engine
        return engine.received_end and engine.sent_end and not engine.outgoing.pending

    @property
    def holds(self) -> bool:
        return self.engine.holds
