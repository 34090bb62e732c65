"""What the descriptions of blocking and asynchronous files share."""

from __future__ import annotations

import copy
import errno
import io
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from fildes.errors import add_context
from fildes.waiting import no_byte

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.streams.stream import Stream
    from fildes.trace import Trace
    from fildes.waiting import Interest


class Reducer(Protocol):
    """Tells what pickle stores for a file."""

    def reduce(self, file: Any) -> tuple[Any, ...]: ...


class BaseDescription:
    """A stream with its pending writes; the subclass says how to wait.

    Attributes:
      stream: what is read and written.
      opened: the address that was opened, or the text that is to be shown for it.
      idle_timeout: seconds that a read or write waits for a byte; None for ever.
      pending: bytes written but not yet sent; changed only under `sending`.
      ended: our direction was ended in order (half-close).
      cut: the error that ended the reading, if one did.
      opened_by: what opened it and tells how it is pickled; None where nothing can open it
        again.
    """

    opened_by: Reducer | None = None

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

    def hear_stall(self) -> None:
        """Raise the error of a wait that was longer than the idle limit, unless that goes on."""
        assert self.idle_timeout is not None
        stall = no_byte(self.idle_timeout)
        if not self.stream.stalled(stall):
            raise stall

    def blame(self, error: OSError | EOFError, step: str) -> None:
        """Add context to an error of the data path, unless our own close caused it."""
        self.check_open()
        add_context(error, step, self.address)
        passing = isinstance(error, TimeoutError | io.UnsupportedOperation)
        told = step == "read" or isinstance(error, ConnectionResetError)  # told once, to a send
        if told and not passing and not self.stream.waits:
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
