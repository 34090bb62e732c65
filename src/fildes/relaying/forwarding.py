"""From a listener to an address: the form of `fildes.relay` that serves many clients."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from fildes.drivers.loop import Loop
from fildes.opening.announcing import header_of
from fildes.opening.connecting import (
    connecting,
    only_failure,
    until_connected,
)
from fildes.opening.opening import Opening, Target
from fildes.opening.resolving import Candidate, numeric
from fildes.opening.socket_options import place_of, preparation
from fildes.relaying.service import Service
from fildes.streams.kernel import SocketStream
from fildes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fildes.address import Address
    from fildes.listener import Listener
    from fildes.policy.policy import Policy
    from fildes.relaying.service import Opener
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol


class ShortWay:
    """Connects to a plain tcp address with a number for a host, in one step where it can.

    The sockets stay in non-blocking mode: nobody else will ever have them.
    """

    def __init__(
        self, opening: Opening, place: Candidate, prepare: Callable[[socket.socket], None]
    ) -> None:
        self.opening, self.place, self.prepare = opening, place, prepare

    def __call__(self, near: Stream) -> Stream | Protocol[Stream]:
        """Return the stream if it is connected at once, as on loopback; else the rest."""
        since = time.monotonic()
        try:
            sock = connecting(self.place, self.prepare)
        except OSError as error:
            raise only_failure(self.opening, self.place, since, error) from None
        stream = SocketStream(sock)
        if stream.peer_name is None:
            return self.rest(sock, since)
        if Trace.observer is not None:
            self.opening.trace.record("connect", str(self.place), since)
        return stream

    async def rest(self, sock: socket.socket, since: float) -> Stream:
        """Wait until *sock* is connected, and return its stream."""
        try:
            await until_connected(sock)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            raise only_failure(self.opening, self.place, since, error) from None
        if Trace.observer is not None:
            self.opening.trace.record("connect", str(self.place), since)
        stream = SocketStream(sock)
        stream.was_reset = stream.peer_name is None
        return stream


def opener_of(address: Address, policy: Policy, options: Mapping[str, Mapping[str, Any]]) -> Opener:
    """Return what opens *address* anew for each client."""
    short = short_opener(address, policy, options)
    if short is not None:
        return short
    first = Opening(address, "r+b", policy, options)
    announced = is_announced(first)

    def open_far(near: Stream) -> Protocol[Stream]:
        opening = Opening(address, "r+b", policy, options)
        if announced:
            opening.on_behalf_of = header_of(near)
        return opening.run()

    return open_far


def short_opener(
    address: Address, policy: Policy, options: Mapping[str, Mapping[str, Any]]
) -> ShortWay | None:
    """Return what connects to *address* anew for each client, where that is a single step."""
    opening = Opening(address, "r+b", policy, options)
    place = None if is_announced(opening) else only_place(opening)
    if place is None:
        return None
    return ShortWay(opening, place, preparation(opening, address))


def is_announced(opening: Opening) -> bool:
    """Tell whether a layer is told whom its connection is from; it is another one each time."""
    return any(opening.given(layer).get("proxy-protocol") for layer in opening.address.layers())


def only_place(opening: Opening) -> Candidate | None:
    """Return the one place that is connected to, each time; None if it may be another."""
    address = opening.address
    if address.scheme != "tcp" or address.inner is not None or place_of(opening, address):
        return None
    opening.check_schemes(address)
    place = numeric(Target(address.host, opening.port_of(address)), socket.SOCK_STREAM)
    if place is not None:
        opening.policy.check_ip(place.sockaddr[0])
    return place


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
