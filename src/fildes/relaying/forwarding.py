"""From a listener to an address: the form of `fildes.relay` that serves many clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.drivers.loop import Loop
from fildes.relaying.service import Service

if TYPE_CHECKING:
    from fildes.listener import Listener
    from fildes.relaying.service import Opener


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
