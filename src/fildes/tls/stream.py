"""TLS over any stream, also over TLS.

* The inner stream is asked for an eighth of a megabyte at a time instead of twice
  per record of 16 KiB, which pays for the copies through memory.
* One lock guards the engine, which one thread at a time may use (CPython before 3.13
  does not see to it). Nobody waits while holding it.
* Data is *sent* once its ciphertext has gone to the inner stream. When that one
  takes only a part, `try_send` says that nothing was taken and remembers what it
  has encrypted; the next call with the same data pushes the rest and then says how
  much it was. So nobody has to flush: an unfinished send is known to its sender.
* The end of file is the peer's close_notify. An inner stream that ends without it
  was cut: `ssl.SSLEOFError`, after everything that came before it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import ssl
import threading
import time

from fildes.streams.stream import RECV_SIZE, Stream
from fildes.tls.engine import TlsEngine
from fildes.tls.handshake import shake
from fildes.waiting import READ, Interest, wait_any

#: Received from the inner stream at once: 8 records. Measured against ssl.SSLSocket on
#: loopback: 96 KiB gave 1.0 to 1.3 of its rate, 128 KiB 1.1 to 1.4. With 256 KiB the rate
#: halves now and then: so large a gulp empties the socket, and the sender has to start anew.
FETCH_SIZE = 131072

#: Encrypted before the inner stream gets it; as much as `fildes.streams.relay` moves at once.
ENCRYPT_SIZE = 65536

#: Seconds that `close` waits for the peer's end. On a path that works it takes one
#: round trip; a peer that never ends must not hold up ours.  # arbitrary
CLOSE_TIMEOUT = 1.0

#: Bytes that `close` drops meanwhile: a peer that still sends does not wait for our end.
CLOSE_SIZE = 16 << 20  # arbitrary


NOTHING = memoryview(b"")


class Scratch(threading.local):
    """Where ciphertext is received, once per thread: it is decrypted at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(FETCH_SIZE))


SCRATCH = Scratch()


class TlsStream(Stream):
    """What a TLS connection carries; it owns the inner stream.

    Attributes:
      engine: the TLS itself; it knows version, cipher, alpn and certificate.
    """

    inner: Stream

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
        self.inner = inner
        self.engine = TlsEngine(context, server_name, server_side=server_side)
        self.lock = threading.Lock()
        self.unsent = NOTHING  # ciphertext that the inner stream has not taken
        self.unconfirmed = b""  # encrypted, but try_send has not said so yet
        self.heard = server_side  # a client begins by itself
        self.shaken = False  # the handshake is done
        self.held = False  # what is outgoing need not be sent by itself
        self.lost = False  # the inner stream has raised, or was interrupted
        self.closed = False

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

    def try_recv_into(self, buffer: memoryview) -> int | None:
        self.check_open()
        return self.receive(buffer)

    def receive(self, buffer: memoryview) -> int | None:
        """Decrypt into *buffer* what is there; as `try_recv_into`, in closing too."""
        with self.lock:
            while (received := self.engine.decrypt_into(buffer)) is None:
                if not self.held:
                    self.push()  # what OpenSSL answers by itself
                if not self.fetch():
                    return None
            return received

    def fetch(self) -> bool:
        """Receive ciphertext, or its end; whether there was any."""
        try:
            received = self.inner.try_recv_into(SCRATCH.view)
        except (OSError, EOFError):
            self.lost = True
            raise
        if received is None:
            return False
        if received:
            self.engine.incoming.write(SCRATCH.view[:received])
        else:
            self.engine.incoming.write_eof()
        return True

    def try_send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*; after None, call again with the same data."""
        self.check_open()
        with self.lock:
            if self.unsent and not self.push():
                return None
            if self.unconfirmed and (sent := self.confirm(data)):
                return sent
            sent = self.engine.encrypt(data[:ENCRYPT_SIZE])
            if self.push():
                return sent
            self.unconfirmed = bytes(data[:sent])
            return None

    def confirm(self, data: memoryview) -> int:
        """Return how much at the beginning of *data* has been sent before."""
        size = min(len(data), len(self.unconfirmed))
        if data[:size] != self.unconfirmed[:size]:  # its sender gave up, after a timeout say
            self.unconfirmed = b""
            return 0
        self.unconfirmed = self.unconfirmed[size:]
        return size

    def push(self) -> bool:
        """Send pending ciphertext; whether all of it is out."""
        self.held = False
        while self.unsent or self.engine.outgoing.pending:
            if not self.unsent:
                self.unsent = memoryview(self.engine.outgoing.read())
            try:
                sent = self.inner.try_send(self.unsent)
            except (OSError, EOFError):
                self.lost = True
                raise
            if sent is None:
                return False
            self.unsent = self.unsent[sent:]
        return True

    async def push_all(self) -> None:
        """Send pending ciphertext, waiting as long as it takes."""
        while True:
            with self.lock:
                if self.push():
                    return
            await wait_any(self.inner.send_wants())

    def recv_wants(self) -> Interest:
        if not self.unsent:
            return self.inner.recv_wants()
        wants = dict(self.inner.send_wants())
        for fd, events in self.inner.recv_wants().items():
            wants[fd] = wants.get(fd, 0) | events
        return wants

    def send_wants(self) -> Interest:
        return self.inner.send_wants()

    @property
    def holds(self) -> bool:
        """Whether there is more to receive, or to learn, that has left the inner stream."""
        return self.engine.holds

    def try_push(self) -> bool:
        """Send what ciphertext can be sent now; whether all of it is out."""
        with self.lock:
            return self.push()

    async def half_close(self) -> None:
        """Send close_notify and keep receiving, in TLS 1.2 and 1.3 alike."""
        self.shut_down()
        await self.push_all()

    def shut_down(self) -> None:
        """Half-close, as far as the inner stream takes it now."""
        with self.lock:
            self.engine.end()
            self.push()

    async def close(self) -> None:
        """Send close_notify, receive up to the peer's within a limit, close the inner.

        Raises:
          OSError: the peer reset the connection before its end: what was sent may
            not have arrived.
        """
        if self.closed:
            return
        self.closed = True
        try:
            await self.end()
        except BaseException:
            self.inner.abort()
            raise
        try:
            await self.inner.close()
        except (ConnectionResetError, BrokenPipeError):
            if not self.engine.over and not self.lost:
                raise

    @property
    def closes_at_once(self) -> bool:
        return (
            self.inner.closes_at_once
            and self.engine.received_end
            and self.engine.sent_end
            and not (self.unsent or self.engine.outgoing.pending)
        )

    def close_now(self) -> None:
        self.closed = True
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # both have ended
            self.inner.close_now()

    async def end(self) -> None:
        """End our direction; wait for the peer's end if it may be reading ours.

        Closing with unread bytes, a session ticket for one, makes the kernel send
        RST, which may destroy what the peer has not read yet, our close_notify at
        least (RFC 1122 section 4.2.2.13).
        """
        if self.lost:  # which is known; there is nobody left to talk to
            return
        try:
            await self.half_close()
        except (ConnectionResetError, BrokenPipeError):
            if not self.engine.over:
                raise
        if self.writable and not self.settled:
            await self.drain(time.monotonic() + CLOSE_TIMEOUT)

    async def drain(self, deadline: float) -> None:
        """Receive and drop everything up to the peer's end, or to *deadline*."""
        if self.engine.over:
            return
        rest = memoryview(bytearray(RECV_SIZE))
        dropped = 0
        while not self.engine.over and dropped < CLOSE_SIZE:
            try:
                received = self.receive(rest)
            except ssl.SSLError:  # an end without close_notify: nobody wanted the rest
                return
            dropped += received or 0
            left = deadline - time.monotonic()
            if left <= 0 or (received is None and not await wait_any(self.recv_wants(), left)):
                return

    def abort(self) -> None:
        """Release everything without a close_notify, so that the peer sees an error."""
        self.closed = True
        self.inner.abort()

    def check_open(self) -> None:
        """Raise what the kernel raises for a closed descriptor."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def interrupt(self) -> None:
        self.lost = True
        self.inner.interrupt()
