"""A stream that a codec makes of another one: what TLS and WebSocket have in common.

* Both directions go through one codec, which one thread at a time may use: a lock guards
  it. Nobody waits while holding it.
* Data is *sent* once all that the codec has made of it has gone to the inner stream. When
  that one takes only a part, `try_send` says that nothing was taken and remembers what is
  encoded; the next call with the same data pushes the rest and then says how much it was.
  So nobody has to flush: an unfinished send is known to its sender.
* The codec knows ends of its own, a close_notify or a Close frame, and only they are the end
  of file. A stream that is closed says its own and waits for the peer's, within a limit.
"""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import threading
import time
from typing import ClassVar

from fildes.streams.stream import RECV_SIZE, Stream
from fildes.waiting import Interest, wait_any

#: Received from the inner stream at once: 8 records of TLS. Measured against ssl.SSLSocket on
#: loopback: 96 KiB gave 1.0 to 1.3 of its rate, 128 KiB 1.1 to 1.4. With 256 KiB the rate
#: halves now and then: so large a gulp empties the socket, and the sender has to start anew.
FETCH_SIZE = 131072

#: Encoded before the inner stream gets it; as much as `fildes.streams.relay` moves at once.
ENCODE_SIZE = 65536

#: Seconds that `close` waits for the peer's end. On a path that works it takes one
#: round trip; a peer that never ends must not hold up ours.  # arbitrary
CLOSE_TIMEOUT = 1.0

#: Bytes that `close` drops meanwhile: a peer that still sends does not wait for our end.
CLOSE_SIZE = 16 << 20  # arbitrary


class Scratch(threading.local):
    """Where encoded bytes are received, once per thread: they are decoded at once."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(FETCH_SIZE))


SCRATCH = Scratch()


class CodedStream(Stream):
    """What a codec makes of the inner stream, which this one owns.

    Attributes:
      unsent: encoded, and not taken by the inner stream.
      unconfirmed: what is encoded, but `try_send` has not said so yet.
      lost: the inner stream has raised, or was interrupted.
      alarm: a descriptor that tells, too, when to go on; -1 for none.
      told_by_socket: whether nothing but the inner stream, and the alarm, lets it go on.
      cuts: what `receive` raises when the peer has ended, but not in order.
    """

    inner: Stream
    alarm = -1
    told_by_socket: ClassVar[bool] = True
    cuts: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, inner: Stream) -> None:
        self.inner = inner
        self.lock = threading.Lock()
        self.unsent = memoryview(b"")
        self.unconfirmed = b""
        self.lost = False
        self.closed = False

    @abc.abstractmethod
    def receive(self, buffer: memoryview) -> int | None:
        """Decode into *buffer* what is there; as `try_recv_into`, also while it is closed."""

    @abc.abstractmethod
    def encode(self, data: memoryview) -> int:
        """Encode the beginning of *data*, return how much; what it becomes is pushed next."""

    @abc.abstractmethod
    def take_out(self) -> bytes:
        """Return encoded bytes that have to be sent next; empty if there are none."""

    @abc.abstractmethod
    def feed(self, data: memoryview) -> None:
        """Take encoded bytes."""

    @abc.abstractmethod
    def feed_end(self) -> None:
        """Take the end of the inner stream."""

    @abc.abstractmethod
    def finish(self) -> None:
        """Encode our end, if that was not done before."""

    @property
    @abc.abstractmethod
    def over(self) -> bool:
        """Whether the peer's end has come."""

    @property
    @abc.abstractmethod
    def finished(self) -> bool:
        """Whether both ends have been said, in order, and nothing is left to be sent."""

    @property
    @abc.abstractmethod
    def holds(self) -> bool:
        """Whether there is more to receive, or to learn, that has left the inner stream."""

    def release(self) -> None:
        """Give up what is held beside the inner stream."""

    def try_recv_into(self, buffer: memoryview) -> int | None:
        self.check_open()
        with self.lock:
            return self.receive(buffer)

    def fetch(self) -> bool:
        """Receive encoded bytes, or their end; whether there was any."""
        view = SCRATCH.view
        try:
            received = self.inner.try_recv_into(view)
        except (OSError, EOFError):
            self.lost = True
            raise
        if received is None:
            return False
        if received:
            self.feed(view[:received])
        else:
            self.feed_end()
        return True

    def try_send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*; after None, call again with the same data."""
        self.check_open()
        with self.lock:
            if self.unsent and not self.push():
                return None
            if self.unconfirmed and (sent := self.confirm(data)):
                return sent
            sent = self.encode(data if self.messages else data[:ENCODE_SIZE])
            if self.push():
                return sent
            self.unconfirmed = bytes(data[:sent])
            return None

    def confirm(self, data: memoryview) -> int:
        """Return how much at the beginning of *data* has been sent before.

        Where sends are messages, that is all of it or nothing.
        """
        size = min(len(data), len(self.unconfirmed))
        same = data[:size] == self.unconfirmed[:size]
        if not same or (self.messages and len(data) != len(self.unconfirmed)):
            self.unconfirmed = b""  # its sender gave up, after a timeout say
            return 0
        self.unconfirmed = self.unconfirmed[size:]
        return size

    def push(self) -> bool:
        """Send what is encoded; whether all of it is out."""
        while True:
            if not self.unsent:
                data = self.take_out()
                if not data:
                    return True
                self.unsent = memoryview(data)
            try:
                sent = self.inner.try_send(self.unsent)
            except (OSError, EOFError):
                self.lost = True
                raise
            if sent is None:
                return False
            self.unsent = self.unsent[sent:]

    def try_push(self) -> bool:
        """Send what is encoded and can be sent now; whether all of it is out."""
        with self.lock:
            return self.push()

    async def push_all(self) -> None:
        """Send what is encoded, waiting as long as it takes."""
        while not self.try_push():
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

    async def half_close(self) -> None:
        """Say our end and keep receiving."""
        await self.say_end()

    async def say_end(self) -> None:
        """Say our end, waiting as long as it takes to send that."""
        self.shut_down()
        await self.push_all()

    def shut_down(self) -> None:
        """Say our end, as far as the inner stream takes it now."""
        with self.lock:
            self.finish()
            self.push()

    async def close(self) -> None:
        """Say our end, receive up to the peer's within a limit, close the inner stream.

        Raises:
          OSError: the peer reset the connection before its end: something may be lost; or it failed
        """
        if self.closed:
            return
        self.closed = True
        try:
            await self.end()
        except BaseException:
            self.abort()
            raise
        self.release()
        try:
            await self.inner.close()
        except (ConnectionResetError, BrokenPipeError):
            if not self.over and not self.lost:
                raise

    @property
    def closes_at_once(self) -> bool:
        return self.inner.closes_at_once and not self.unsent and self.finished

    def close_now(self) -> None:
        self.closed = True
        self.release()
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # both have ended
            self.inner.close_now()

    async def end(self) -> None:
        """End our direction; wait for the peer's end if it may be reading ours.

        Closing with unread bytes, a session ticket for one, makes the kernel send RST, which
        may destroy what the peer has not read yet, our end at least (RFC 1122 section 4.2.2.13).
        """
        if self.lost:  # which is known; there is nobody left to talk to
            return
        try:
            await self.say_end()
        except (ConnectionResetError, BrokenPipeError):
            if not self.over:
                raise
        if self.writable and not self.settled:
            await self.drain(time.monotonic() + CLOSE_TIMEOUT)

    async def drain(self, deadline: float) -> None:
        """Receive and drop everything up to the peer's end, or to *deadline*."""
        dropped = 0
        while not self.over and dropped < CLOSE_SIZE:
            try:
                with self.lock:
                    received = self.drop()
            except self.cuts:  # nobody wanted the rest
                return
            dropped += received or 0
            left = deadline - time.monotonic()
            if self.over or left <= 0:
                return
            if received is None and not await wait_any(self.recv_wants(), left):
                return

    def drop(self) -> int | None:
        """Receive something that nobody wants; as `receive`."""
        return self.receive(memoryview(bytearray(RECV_SIZE)))

    def abort(self) -> None:
        """Release everything without our end, so that the peer sees an error."""
        self.closed = True
        self.release()
        self.inner.abort()

    def check_open(self) -> None:
        """Raise what the kernel raises for a closed descriptor."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def interrupt(self) -> None:
        self.lost = True
        self.inner.interrupt()
