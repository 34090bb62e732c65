"""The open file description of the asynchronous faces.

As `fildes.files.description`, but its waits let other tasks run. All between two waits is
done at once, so there are no locks: several tasks may read and write.

A cancellation loses nothing. A receive returns what it received without waiting
again, and a write takes all its data before it waits for the first time.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, TypeVar

from fildes.errors import add_context
from fildes.files.base_description import BaseDescription
from fildes.streams.random import AskedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fildes.drivers.tasks import TaskDriver
    from fildes.streams.stream import Stream
    from fildes.waiting import Interest, Protocol

T = TypeVar("T")

#: Calls that may succeed at once before other tasks get their turn, so that a peer
#: which never pauses starves nobody.
FAIR_CALLS = 16  # arbitrary


class AsyncDescription(BaseDescription):
    """An open file that is waited for in tasks.

    Attributes:
      driver: how to wait.
      taken: bytes that `write` has taken so far.
      calls: calls since other tasks had their turn.
      closing: a task is in `close`.
    """

    def __init__(self, driver: TaskDriver, stream: Stream, *args: Any, **how: Any) -> None:
        self.driver = driver
        self.taken = 0
        self.calls = 0
        self.closing = False
        super().__init__(stream, *args, **how)

    async def recv_into(self, buffer: Buffer) -> int:
        """Receive into *buffer*, sending what is pending first; 0 at the end of file."""
        await self.take_turns()
        view = memoryview(buffer).cast("B")
        if self.stream.waits:
            return await self.recv_asking(view)
        try:
            self.send_before_receiving()
            while (received := self.stream.try_recv_into(view)) is None:
                await self.wait(self.recv_wants())
        except (OSError, EOFError) as error:
            self.blame(error, "read")
            raise
        if not received:
            self.check_end()
        return received

    async def recv_asking(self, view: memoryview) -> int:
        """Receive what has to be asked for."""
        assert isinstance(self.stream, AskedStream), "no other stream waits"
        try:
            received = self.stream.recv_here(view)
        except (OSError, EOFError) as error:
            self.blame(error, "read")
            raise
        if received is not None:
            return received
        return await self.ask(self.stream.recv_into(view))

    async def ask(self, protocol: Protocol[T]) -> T:
        """Return the result of protocol code that reads."""
        self.check_open()
        try:
            return await self.driver.run(protocol, idle_timeout=self.idle_timeout)
        except (OSError, EOFError) as error:
            self.blame(error, "read")
            raise

    async def make_sequential(self) -> None:
        """Go on without positions, for who can receive only what comes by itself."""
        if isinstance(self.stream, AskedStream):
            self.use(await self.ask(self.stream.sequential()))

    async def write(self, data: Buffer) -> int:
        """Take all of *data*; send once more than `pending_size` bytes are pending.

        All of it is taken even if the wait is cancelled.
        """
        self.check_open()
        self.check_sendable()
        view = memoryview(data).cast("B")
        size = len(view)
        self.taken += size
        if len(self.pending) + size < self.pending_size:
            self.pending += view
            return size
        sent = 0 if self.pending else self.send_now(view)
        self.pending += view[sent:]
        await self.take_turns()
        await self.flush()
        return size

    def send_now(self, view: memoryview) -> int:
        """Send of *view* what is taken at once; return how many bytes."""
        total = 0
        try:
            while total < len(view) and (sent := self.stream.try_send(view[total:])) is not None:
                total += sent
        except (OSError, EOFError) as error:
            self.blame(error, "write")
            raise
        return total

    async def send_message(self, data: Buffer) -> int:
        """Send *data* as one message, waiting until it is taken."""
        await self.take_turns()
        self.check_sendable()
        view = memoryview(data).cast("B")
        try:
            while (sent := self.stream.try_send(view)) is None:
                await self.wait(self.stream.send_wants())
        except (OSError, EOFError) as error:
            self.blame(error, "write")
            raise
        return sent

    async def flush(self) -> None:
        """Send all that is pending now, waiting as long as the stream takes."""
        goal = self.taken
        try:
            while self.taken - len(self.pending) < goal and not self.send_pending_now():
                await self.wait(self.stream.send_wants())
        except (OSError, EOFError) as error:
            self.blame(error, "write")
            raise

    async def take_turns(self) -> None:
        """Let other tasks run now and then, although nothing has to be waited for."""
        self.check_open()
        self.calls += 1
        if self.calls > FAIR_CALLS:
            self.calls = 0
            await self.driver.checkpoint()

    async def wait(self, interest: Interest) -> None:
        """Wait for readiness, no longer than the idle limit."""
        self.calls = 0
        waited_for = self.stream
        try:
            ready = await self.driver.wait(interest, self.idle_timeout)
        except OSError:
            if self.closed or self.stream is waited_for:
                raise
        else:
            if not ready:
                self.hear_stall()

    def fileno(self, take_back: Callable[[], bytes] = bytes) -> int:
        """Return a descriptor for exactly this stream's bytes, building a bridge if need be.

        Args:
          take_back: returns the bytes that a buffer above has read ahead; they go
            first over the bridge.

        Raises:
          BlockingIOError: what was written must be flushed first, which takes time.
        """
        self.check_open()
        fd = self.stream.fileno()
        if fd < 0:
            import errno

            from fildes.streams.bridge import build

            if not self.send_pending_now():
                raise BlockingIOError(errno.EAGAIN, "await flush() before fileno()")
            if self.stream.waits:
                raise io.UnsupportedOperation("open with the hint 'sequential' for a descriptor")
            self.use(build(self.stream, take_back(), self.idle_timeout))
            self.driver.wake()  # who waits for the stream has to wait for the bridge
            fd = self.stream.fileno()
        self.stream.borrowed = True
        return fd

    async def half_close(self) -> None:
        """Send what is pending, then end our direction."""
        self.check_open()
        await self.flush()
        if not self.ended:
            self.ended = True
            await self.run(self.stream.half_close())

    async def close(self) -> None:
        """Send what is pending, finish in order, release; raise if not all went well."""
        if self.closed or self.closing:
            return
        self.closing = True
        if self.stream.here is not None:
            self.abort()  # nothing has to be finished, so nothing is awaited
            return
        try:
            await self.flush()
            self.closed = True
            self.driver.wake()  # other tasks must not be left waiting for ever
            await self.run(self.stream.close())
        except BaseException:
            self.abort()
            raise
        self.driver.release()

    def abort(self) -> None:
        """Drop what is pending, let the peer see that this is no end, release."""
        self.closed = self.aborted = True
        self.driver.wake()
        self.driver.release()
        self.stream.abort()

    async def run(self, protocol: Protocol[None]) -> None:
        """Run the protocol code that ends the stream or a direction of it."""
        try:
            await self.driver.run(protocol, self.end_by())
        except (OSError, EOFError) as error:
            add_context(error, "close", self.address)
            raise
