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

import copy
import errno
import io
import threading
import time
from typing import TYPE_CHECKING

from fildes.drivers import blocking
from fildes.errors import add_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.address import Address
    from fildes.streams.stream import Stream
    from fildes.trace import Trace
    from fildes.waiting import Interest, Protocol


class BaseDescription:
    """A stream with its pending writes; the subclass says how to wait.

    Attributes:
      stream: what is read and written.
      opened: the address that was opened, or the text that is to be shown for it.
      idle_timeout: seconds that a read or write waits for a byte; None for ever.
      pending: bytes written but not yet sent; changed only under `sending`.
      ended: our direction was ended in order (half-close).
      cut: the error that ended the reading, if one did.
    """

    def __init__(
        self,
        stream: Stream,
        opened: Address | str,
        trace: Trace,
        *,
        idle_timeout: float | None = None,
        pending_size: int = 0,
    ) -> None:
        self.opened = opened
        self.trace = trace
        self.idle_timeout = idle_timeout
        self.pending_size = pending_size
        self.pending = bytearray()
        self.sending = threading.Lock()
        self.cut: OSError | EOFError | None = None
        self.ended = False
        self.closed = False
        self.aborted = False
        self.use(stream)

    @property
    def address(self) -> str:
        """The address that was opened, secrets redacted."""
        # Written when it is wanted: most files are opened and closed without.
        return self.opened if isinstance(self.opened, str) else self.opened.display()

    def use(self, stream: Stream) -> None:
        """Read and write *stream* from now on."""
        self.stream = stream

    def send_pending_now(self) -> bool:
        """Send what is taken at once; True when the rest is not this thread's to send."""
        if not self.pending or not self.sending.acquire(blocking=False):
            return True
        try:
            while self.pending:
                with memoryview(self.pending) as view:  # an error's traceback must not keep it
                    sent = self.stream.try_send(view)
                if sent is None:
                    return False
                del self.pending[:sent]
            return True
        finally:
            self.sending.release()

    def send_before_receiving(self) -> bool:
        """Send what is taken at once; True if a receive need not see to the rest.

        A peer that takes no more may have said why before it closed. So that is
        received first, and the end of file after it raises the error.
        """
        if self.cut is not None:
            return True
        try:
            return self.send_pending_now()
        except (BrokenPipeError, ConnectionResetError) as error:
            self.blame(error, "write")
            self.cut = copy.copy(error)
            return True

    def recv_wants(self) -> Interest:
        """Return what a receive waits for: its data, and room for what is pending."""
        all_sent = self.send_before_receiving()
        interest = dict(self.stream.recv_wants())
        if not all_sent:
            for fd, events in self.stream.send_wants().items():
                interest[fd] = interest.get(fd, 0) | events
        return interest

    def end_by(self) -> float | None:
        """Return the moment by which protocol code that starts now must be through."""
        return None if self.idle_timeout is None else time.monotonic() + self.idle_timeout

    def no_byte(self) -> TimeoutError:
        """Return the error of a wait that was longer than the idle limit."""
        return TimeoutError(errno.ETIMEDOUT, f"no byte for {self.idle_timeout:g} s")

    def blame(self, error: OSError | EOFError, step: str) -> None:
        """Add context to an error of the data path, unless our own close caused it."""
        self.check_open()
        add_context(error, step, self.address)
        if step == "read" and not isinstance(error, TimeoutError | io.UnsupportedOperation):
            self.cut = copy.copy(error)  # a copy has no traceback, which holds buffers

    def check_open(self) -> None:
        """Raise what the io module raises for a closed file."""
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def check_sendable(self) -> None:
        """Raise if our direction was ended: what cannot be sent must not become pending."""
        if self.ended:
            error = BrokenPipeError(errno.EPIPE, "nothing can be written after half_close")
            add_context(error, "write", self.address)
            raise error

    def check_end(self) -> None:
        """Raise if a receive of 0 is no end of file: our own close, or an earlier error.

        The kernel tells a reset once, and calls what follows the end.
        """
        self.check_open()
        if self.cut is not None and not self.stream.messages:
            raise copy.copy(self.cut)


class Description(BaseDescription):
    """An open file that is waited for in the calling thread."""

    receiving = False

    def use(self, stream: Stream) -> None:
        super().use(stream)
        direct = self.idle_timeout is None  # else the kernel would wait for ever
        self.direct_recv_into = (direct and stream.blocking_recv_into()) or self.recv_waiting
        self.direct_send = (direct and stream.blocking_send()) or self.send_waiting

    def recv_into(self, buffer: Buffer) -> int:
        """Receive into *buffer*, sending what is pending first; 0 at the end of file."""
        self.receiving = True
        try:
            if self.pending and not self.send_before_receiving():
                received = self.recv_waiting(buffer)
            else:
                received = self.direct_recv_into(buffer)
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
            return self.direct_send(data)
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
            raise self.no_byte()

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
            self.use(build(self.stream, take_back(), self.idle_timeout))
            fd = self.stream.fileno()
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
