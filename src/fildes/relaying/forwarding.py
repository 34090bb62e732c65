"""From a listener to an address: the form of `fildes.relay` that serves many clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.drivers.loop import Loop
from fildes.relaying.service import Service
from fildes.streams.shaped import LimitedStream, OpenEndedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.listener import Listener
    from fildes.relaying.service import Opener
    from fildes.streams.stream import Stream


class Ending(NamedTuple):
    """When a relay is over; the arguments of `fildes.relay` of the same names."""

    eof: str
    max_bytes: int | None
    idle_timeout: float | None

    @property
    def shape(self) -> Callable[[Any, Stream, Stream], tuple[Stream, Stream]] | None:
        """What makes of both streams of a connection those that end so; None if all do."""
        if self.eof != "ignore" and self.max_bytes is None:
            return None
        return lambda connection, near, far: (self.shaped(near), self.shaped(far))

    def shaped(self, stream: Stream) -> Stream:
        """Return *stream* with its limit, and not to be told of ends if they are ignored."""
        limited = stream if self.max_bytes is None else LimitedStream(stream, self.max_bytes)
        return OpenEndedStream(limited) if self.eof == "ignore" else limited


def forward(listener: Listener[Any], open_far: Opener, **how: Any) -> tuple[int, int]:
    """Relay between each client of *listener* and what *open_far* opens.

    Args:
      how: the arguments of `Service`.

    Returns:
      Bytes of all connections, from the clients and to them, once the listener is
      closed and the last connection is over.
    """
    with Loop() as loop, listener.accepting:
        service = Service(loop, listener.acceptor, open_far, **how)
        try:
            loop.run(lambda: service.acceptor.closed)
        except BaseException:
            service.close()
            raise
        service.gate.unwatch()
        # Not under the lock: who closes the listener need not wait for the clients.
        listener.accepting.release()
        try:
            loop.run(lambda: service.ended)
        finally:
            listener.accepting.acquire()
            service.abort()
    return service.totals
