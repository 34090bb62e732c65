"""From a listener to an address: the form of `fildes.relay` that serves many clients."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from fildes.drivers.loop import Loop
from fildes.opening.announcing import header_of
from fildes.opening.connecting import Candidate, connect_one, numeric
from fildes.opening.opening import Opening, Target
from fildes.opening.socket_options import place_of, preparation
from fildes.relaying.service import Service
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fildes.address import Address
    from fildes.listener import Listener
    from fildes.policy.policy import Policy
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol


def opener_of(
    address: Address, policy: Policy, options: Mapping[str, Mapping[str, Any]]
) -> Callable[[Stream], Protocol[Stream]]:
    """Return what opens *address* anew for each client."""
    first = Opening(address, "r+b", policy, options)
    announced = any(first.given(layer).get("proxy-protocol") for layer in address.layers())

    place = None if announced else only_place(first)
    if place is not None:
        prepare = preparation(first, address)
        return lambda near: connect_to(first, place, prepare)

    def open_far(near: Stream) -> Protocol[Stream]:
        opening = Opening(address, "r+b", policy, options)
        if announced:
            opening.on_behalf_of = header_of(near)
        return opening.run()

    return open_far


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


async def connect_to(
    opening: Opening, place: Candidate, prepare: Callable[[socket.socket], None]
) -> Stream:
    """Connect to *place*: what is left of opening a plain tcp address with a number for a host."""
    stream = SocketStream(await connect_one(opening, place, prepare))
    stream.was_reset = stream.peer_name is None
    return stream


def forward(
    listener: Listener[Any], open_far: Callable[[Stream], Protocol[Stream]], **how: Any
) -> tuple[int, int]:
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
