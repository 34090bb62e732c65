"""The contract that everything opened keeps, and the part of it written once.

The data path of a stream never waits and is no coroutine: `try_recv_into` and
`try_send` do what can be done now, or return None; `recv_wants` and `send_wants`
then say which descriptors to wait for. Whoever calls them chooses how to wait:
a blocking file with poll(2), the asyncio and trio files with their loops, a relay
with epoll(7). What happens once per stream (handshake, half-close, close) is
protocol code, and may await.
"""

from __future__ import annotations

import abc
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from fildes.waiting import Interest, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BytesIO

    from typing_extensions import Buffer

#: Enough for one read to empty a default socket buffer, small enough to stay in cache.
RECV_SIZE = 65536

#: Room for any datagram: 65,507 bytes over udp(7); over unix(7) what the sender's
#: buffer holds, 212,992 bytes unless net.core.wmem_default was raised.
MAX_DATAGRAM = 262144


class Direct(NamedTuple):
    """Where the kernel has the next bytes of a stream, so that they can be moved past it.

    Attributes:
      stream: the kernel's, which carries the one that was asked.
      size: how many of the next bytes are the same in both.
    """

    stream: KernelStream
    size: int

    def at_most(self, size: int) -> Direct:
        """Return the same, of no more than *size* bytes."""
        return Direct(self.stream, min(self.size, size))


class Stream(abc.ABC):
    """Bytes in one or both directions.

    Implementations MUST

    * return 0 from `try_recv_into` once the end of file is *proved*, and again on
      each later call; raise when the stream is cut short;
    * return None, never 0, when nothing can be received or sent now;
    * leave blocking mode of a descriptor that they hand out as they found it;
    * let one thread receive while another one sends;
    * make `close` and `abort` work in every state, any number of times, and
      release everything even when they raise.

    Attributes:
      inner: the stream that carries this one, if any.
      readable, writable: the directions there are.
      messages: each receive and send is one datagram.
      longest: bytes that a relay from a stream makes one of at most; None for all that come.
      waits: bytes have to be asked for, so a driver runs `recv_into` and nothing else
        is received; see `AskedStream`.
      here: all bytes, where they have come already; what reads there has no need to ask.
      endless: there is no end of file, and a receive of 0 is an empty datagram.
      kept_size: bytes of a message that was longer than the buffer and is kept.
      settled: the peer has answered all that was sent, so closing need not wait
        for it; said by the layer above, which knows what an answer is.
      apart: its two directions lead to different places, so one that fails has nothing more
        to say in the other.
      borrowed: others may hold its open file description, so O_NONBLOCK is not ours to set.
    """

    inner: Stream | None = None
    readable = True
    writable = True
    messages = False
    longest: int | None = None
    waits = False
    endless = False
    kept_size = 0
    here: BytesIO | None = None
    settled = False
    apart = False
    borrowed = False

    #: Why there is no descriptor of messages, if there is none.
    no_descriptor = "datagrams that came before are in no descriptor: read them"

    @abc.abstractmethod
    def try_recv_into(self, buffer: memoryview) -> int | None:
        """Receive into *buffer*, not empty, what is there; 0 at the end of file."""

    @abc.abstractmethod
    def try_send(self, data: memoryview) -> int | None:
        """Send the beginning of *data*, return how many bytes were taken."""

    @abc.abstractmethod
    def recv_wants(self) -> Interest:
        """Return what to wait for after `try_recv_into` returned None."""

    @abc.abstractmethod
    def send_wants(self) -> Interest:
        """Return what to wait for after `try_send` returned None."""

    @abc.abstractmethod
    async def half_close(self) -> None:
        """End the sending direction and keep receiving."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish in order, release everything; raise if not all went well."""

    @property
    def closes_at_once(self) -> bool:
        """Whether `close` need not wait now, so that `close_now` does the same."""
        return False

    def close_now(self) -> None:
        """Finish in order, as `close`; only where it `closes_at_once`."""
        raise NotImplementedError

    @abc.abstractmethod
    def abort(self) -> None:
        """Release everything at once; the peer learns that the end is no end of file."""

    @abc.abstractmethod
    def interrupt(self) -> None:
        """Wake a thread that waits for this stream; nothing is usable afterwards but close."""

    @property
    def half_closes(self) -> bool:
        """Whether the peer sees a half-close; where it does not, a relay has to linger."""
        return True

    def restrict(self, mode: str) -> None:
        """Give up the directions that *mode* does not name."""
        both = "+" in mode
        self.readable = self.readable and (both or "r" in mode)
        self.writable = self.writable and (both or "r" not in mode)

    def stalled(self, error: TimeoutError) -> bool:
        """Hear that no byte came for the idle limit; tell whether to wait for it once more.

        Raises:
          OSError, EOFError: what is to be raised instead of *error*.
        """
        return self.inner is not None and self.inner.stalled(error)

    def fileno(self) -> int:
        """Return the descriptor that carries exactly this stream's bytes, or -1."""
        return -1

    def direct(self) -> Direct | None:
        """Return where the next bytes can be had without this stream; None if they cannot.

        Whoever moves some of them says so by `took`. An end or an error that is met there
        is none before `try_recv_into` has said the same.
        """
        return None

    def took(self, size: int) -> None:
        """Count *size* bytes that were moved past this stream; only after `direct`."""
        raise NotImplementedError

    def direct_sink(self) -> KernelStream | None:
        """Return what takes the same bytes as this stream is sent; None if nothing does."""
        return None

    def blocking_recv_into(self) -> Callable[[Buffer], int] | None:
        """Return a call that receives and waits in the kernel, if there is one."""
        return None

    def blocking_send(self) -> Callable[[Buffer], int] | None:
        """Return a call that sends and waits in the kernel, if there is one."""
        return None

    def seek(self, offset: int, whence: int) -> int | None:
        """Move the position, return the new one; None where there is no position."""
        return None

    @property
    def local(self) -> str | None:
        """Our endpoint, as an address."""
        return self.inner.local if self.inner else None

    @property
    def peer(self) -> str | None:
        """The other endpoint, as an address."""
        return self.inner.peer if self.inner else None

    def layers(self) -> Iterator[Stream]:
        """Yield this stream and all that carry it, outermost first."""
        layer: Stream | None = self
        while layer is not None:
            yield layer
            layer = layer.inner

    async def recv_into(self, buffer: memoryview) -> int:
        """Receive at least one byte into *buffer*; 0 at the end of file."""
        while (received := self.try_recv_into(buffer)) is None:
            await wait_any(self.recv_wants())
        return received

    async def recv(self, size: int = RECV_SIZE) -> bytes:
        """Return between 1 and *size* bytes; empty at the end of file."""
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: await self.recv_into(memoryview(buffer))])

    async def recv_exactly(self, size: int) -> bytes:
        """Return exactly *size* bytes, however many segments they arrive in.

        Raises:
          EOFError: the peer closed after fewer bytes.
        """
        buffer = bytearray(size)
        view = memoryview(buffer)
        have = 0
        while have < size:
            received = await self.recv_into(view[have:])
            if not received:
                raise EOFError(f"the peer closed after {have} of {size} bytes")
            have += received
        return bytes(buffer)

    async def send_all(self, data: Buffer) -> None:
        """Send all of *data*; after an error it is unknown how much was sent."""
        left = memoryview(data).cast("B")
        while left:
            sent = self.try_send(left)
            if sent is None:
                await wait_any(self.send_wants())
            else:
                left = left[sent:]


class KernelStream(Stream):
    """A stream of descriptors of the kernel's, which it owns.

    Attributes:
      told: the error that splice(2) was told of instead of a receive; the kernel tells it once.
    """

    told: OSError | None = None

    @property
    def recv_fd(self) -> int:
        """The descriptor that is read; -1 if none is."""
        return self.fileno()

    @property
    def send_fd(self) -> int:
        """The descriptor that is written; -1 if none is."""
        return self.fileno()

    def direct(self) -> Direct | None:
        return Direct(self, sys.maxsize)

    def took(self, size: int) -> None:
        """Do nothing: the kernel has counted."""

    def direct_sink(self) -> KernelStream | None:
        return self
