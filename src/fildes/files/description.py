"""The open file description: what every face of one open file shares.

The name is open(2)'s. The raw, buffered and text objects of `fildes.files.binary` are
thin; what they have in common is here: the stream, the bytes written but not yet
sent, how long to wait, and how the file ends.

Two rules shape it. A question is never left in our buffer while its answer is
awaited, so a receive first sends what is pending. And one thread may receive
while another one sends, so this sending never waits: it sends what is taken at
once and, when something is left, goes on while it waits for the answer. A writer
that is blocked holds the lock; it is already sending, and is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fildes.drivers import blocking
from fildes.errors import add_context
from fildes.files.base_description import BaseDescription
from fildes.streams.random import AskedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.streams.stream import Stream
    from fildes.waiting import Interest, Protocol

T = TypeVar("T")


class Description(BaseDescription):
    """An open file that is waited for in the calling thread."""

    receiving = False

    def use(self, stream: Stream) -> None:
        self.stream = stream
        # With a limit the kernel would wait for ever. No methods of our own are kept here: each
        # file would be a cycle, left to the garbage collector with all that it holds.
        direct = self.idle_timeout is None
        self.kernel_recv_into = stream.blocking_recv_into() if direct else None
        self.kernel_send = stream.blocking_send() if direct else None
        # Not isinstance: an abstract class is slow to ask. Nor cast, which is a call.
        asked = stream if stream.waits else None
        self.asked: AskedStream | None = asked  # type: ignore[assignment]  # those that wait are

    def recv_into(self, buffer: Buffer) -> int:
        """Receive into *buffer*, sending what is pending first; 0 at the end of file."""
        self.receiving = True
        try:
            if self.pending and not self.send_before_receiving():
                received = self.recv_waiting(buffer)
            elif self.kernel_recv_into is not None:
                received = self.kernel_recv_into(buffer)
            elif self.asked is not None:
                received = self.recv_asking(self.asked, buffer)
            else:
                received = self.recv_waiting(buffer)
        except BlockingIOError:  # another holder of the descriptor set O_NONBLOCK
            received = self.recv_waiting(buffer)
        except (OSError, EOFError) as error:
            self.blame(error, "read")
            raise
        finally:
            self.receiving = False
        if not received:
            self.check_end()
        return received

    def recv_waiting(self, buffer: Buffer) -> int:
        """Receive as any stream can: try, wait, try again, sending on meanwhile."""
        view = memoryview(buffer).cast("B")
        while (received := self.stream.try_recv_into(view)) is None:
            self.wait(self.recv_wants())
        return received

    def recv_asking(self, stream: AskedStream, buffer: Buffer) -> int:
        """Receive what has to be asked for."""
        view = memoryview(buffer).cast("B")
        received = stream.recv_here(view)
        if received is None:
            return blocking.run(stream.recv_into(view), idle_timeout=self.idle_timeout)
        return received

    def at_end(self) -> bool:
        """Tell whether the position is known to be at the end of file."""
        stream = self.asked
        return stream is not None and stream.position >= stream.size

    def ask(self, protocol: Protocol[T]) -> T:
        """Return the result of protocol code that reads."""
        self.check_open()
        try:
            return blocking.run(protocol, idle_timeout=self.idle_timeout)
        except (OSError, EOFError) as error:
            self.blame(error, "read")
            raise

    def make_sequential(self) -> None:
        """Go on without positions, for who can receive only what comes by itself."""
        if isinstance(self.stream, AskedStream):
            self.use(self.ask(self.stream.sequential()))

    def write(self, data: Buffer) -> int:
        """Take all of *data*; send once more than `pending_size` bytes are pending."""
        view = memoryview(data).cast("B")
        with self.sending:
            if self.aborted:  # a wrapper flushes its buffer as it closes
                return len(view)
            self.check_open()
            self.check_sendable()
            if len(self.pending) + len(view) < self.pending_size:
                self.pending += view
                return len(view)
            self.send_pending()
            self.send_all(view)
        return len(view)

    def flush(self) -> None:
        """Send all that is pending, waiting as long as the stream takes."""
        if self.pending and not self.aborted:  # a wrapper flushes as it closes
            with self.sending:
                self.send_pending()

    def send_pending(self) -> None:
        """Send all that is pending; the caller holds the lock."""
        while self.pending:
            with memoryview(self.pending) as view:
                sent = self.send(view)
            del self.pending[:sent]

    def send_all(self, view: memoryview) -> None:
        """Send all of *view*; the caller holds the lock."""
        while view:
            view = view[self.send(view) :]

    def send(self, data: Buffer) -> int:
        """Send the beginning of *data*, waiting until some of it is taken."""
        try:
            if self.kernel_send is not None:
                return self.kernel_send(data)
            return self.send_waiting(data)
        except BlockingIOError:  # another holder of the descriptor set O_NONBLOCK
            return self.send_waiting(data)
        except (OSError, EOFError) as error:
            self.blame(error, "write")
            raise

    def send_waiting(self, data: Buffer) -> int:
        """Send as any stream can: try, wait, try again."""
        view = memoryview(data).cast("B")
        while (sent := self.stream.try_send(view)) is None:
            self.wait(self.stream.send_wants())
        return sent

    def wait(self, interest: Interest) -> None:
        """Wait for readiness, no longer than the idle limit."""
        if not blocking.wait(interest, self.idle_timeout):
            self.hear_stall()

    def fileno(self, take_back: Callable[[], bytes] = bytes) -> int:
        """Return a descriptor for exactly this stream's bytes, building a bridge if need be.

        Args:
          take_back: returns the bytes that a buffer above has read ahead; they go
            first over the bridge.
        """
        self.check_open()
        fd = self.stream.fileno()
        if fd < 0:
            from fildes.streams.bridge import build

            self.flush()
            self.make_sequential()
            self.use(build(self.stream, take_back(), self.idle_timeout))
            fd = self.stream.fileno()
        self.stream.borrowed = True
        return fd

    def half_close(self) -> None:
        """Send what is pending, then end our direction."""
        self.check_open()
        self.flush()
        if not self.ended:
            self.ended = True
            self.run(self.stream.half_close())

    def close(self) -> None:
        """Send what is pending, finish in order, release; raise if not all went well."""
        if self.closed:
            return
        try:
            self.flush()
        except BaseException:
            self.abort()
            raise
        self.closed = True
        if self.receiving:  # in another thread, which must not be left waiting for ever
            if self.stream.writable and not self.ended:
                self.run(self.stream.half_close())  # the last chance to say the end
            self.stream.interrupt()
        if self.stream.here is not None:
            self.stream.abort()  # nothing has to be finished, so nothing is awaited
        else:
            self.run(self.stream.close())

    def abort(self) -> None:
        """Drop what is pending, let the peer see that this is no end, release."""
        self.closed = self.aborted = True
        if self.receiving:
            self.stream.interrupt()
        self.stream.abort()

    def run(self, protocol: Protocol[None]) -> None:
        """Run the protocol code that ends the stream or a direction of it."""
        try:
            blocking.run(protocol, self.end_by())
        except (OSError, EOFError) as error:
            add_context(error, "close", self.address)
            raise
