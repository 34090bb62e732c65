"""Opening the far side of a relay, again for each client.

Any address can be opened; what most relays lead to, plain tcp, is connected to in as few
steps as there are. A client has mostly said something by then: that ends the handshake, in
the packet that would else be an empty one, which on loopback saves a tenth of the processor
time of a connection. Where there is nothing to be sent, `acknowledge` has to be called.
"""

from __future__ import annotations

import math
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from fildes.opening.announcing import header_of
from fildes.opening.connecting import (
    CONNECTED,
    connect_any,
    connecting,
    only_failure,
    until_connected,
)
from fildes.opening.opening import Opening, Target
from fildes.opening.resolving import Candidate, numeric, permitted, resolve
from fildes.opening.socket_options import chooses_congestion, place_of, preparation
from fildes.relaying.ucspi import environment
from fildes.streams.kernel import SEND_FLAGS, SocketStream
from fildes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fildes.address import Address
    from fildes.policy.policy import Policy
    from fildes.relaying.service import Opener
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol

#: Seconds for which a name goes on standing for the same addresses.
RESOLVED_FOR = 1.0  # arbitrary


class ShortWay:
    """Connects to a plain tcp address with a number for a host, in one step where it can.

    The sockets stay in non-blocking mode: nobody else will ever have them.
    """

    def __init__(
        self, opening: Opening, place: Candidate, prepare: Callable[[socket.SocketType], None]
    ) -> None:
        self.opening, self.place, self.prepare = opening, place, prepare

    def __call__(self, near: Stream) -> Stream | Protocol[Stream]:
        """Return the stream if it is connected at once, as on loopback; else the rest."""
        sock = self.dial()
        if not isinstance(sock, socket.SocketType):
            return sock
        stream = SocketStream(sock, self.place.sockaddr)
        stream.holds_ack = True
        return stream

    def dial(self) -> socket.SocketType | Protocol[Stream]:
        """Return the socket if it is connected at once, else what waits for it."""
        since = time.monotonic() if Trace.observer is not None else 0.0
        try:
            sock = connecting(self.place, self.prepare, socket.SocketType)
        except OSError as error:
            raise only_failure(self.opening, self.place, time.monotonic(), error) from None
        try:
            sock.send(b"", SEND_FLAGS)  # tells as much as getpeername(2), in half the steps
        except OSError as error:
            return self.rest(sock, time.monotonic(), error)
        if Trace.observer is not None:
            self.opening.trace.record("connect", str(self.place), since)
        return sock

    async def rest(self, sock: socket.SocketType, since: float, told: OSError) -> Stream:
        """Wait until *sock* is connected, unless it was *told* what became of it."""
        try:
            if isinstance(told, BlockingIOError):
                await until_connected(sock)
            elif told.errno not in CONNECTED:
                raise told
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            raise only_failure(self.opening, self.place, since, error) from None
        if Trace.observer is not None:
            self.opening.trace.record("connect", str(self.place), since)
        stream = SocketStream(sock)
        stream.was_reset = stream.peer_name is None
        stream.holds_ack = True
        return stream


class NamedWay:
    """Connects to a plain tcp address with a name for a host.

    Where many clients come at once the resolver is not asked for each of them; while it
    is asked again, they go where the last ones went.

    Attributes:
      places: what the name stands for; first, where the last connection went.
      until: the moment at which the resolver is to be asked again.
    """

    def __init__(
        self, opening: Opening, target: Target, prepare: Callable[[socket.SocketType], None]
    ) -> None:
        self.opening, self.target, self.prepare = opening, target, prepare
        self.places: list[Candidate] = []
        self.until = -math.inf

    async def __call__(self, near: Stream) -> Stream:
        """Connect to whichever of the addresses answers."""
        opening = self.opening
        if time.monotonic() >= self.until:
            self.until = time.monotonic() + RESOLVED_FOR if self.places else -math.inf
            with opening.blame("resolve"):
                found = permitted(opening, await resolve(opening, self.target))
            self.places, self.until = found, time.monotonic() + RESOLVED_FOR
        places = self.places
        with opening.blame("connect"):
            sock = await connect_any(opening, places, self.prepare)
        stream = SocketStream(sock)
        stream.was_reset = stream.peer_name is None
        stream.holds_ack = True
        if stream.peer_name != places[0].sockaddr:
            self.places = sorted(places, key=lambda place: place.sockaddr != stream.peer_name)
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
        opening.environment = lambda: environment(near, os.environ)
        return opening.run()

    return open_far


def short_opener(
    address: Address, policy: Policy, options: Mapping[str, Mapping[str, Any]]
) -> Opener | None:
    """Return what opens *address* in fewer steps than `Opening`; None if that cannot be.

    That is so for plain tcp, straight to a host.
    """
    opening = Opening(address, "r+b", policy, options)
    if (
        address.scheme != "tcp"
        or address.inner is not None
        or place_of(opening, address)
        or chooses_congestion(opening, address)
        or is_announced(opening)
    ):
        return None
    opening.check_schemes(address)
    target = Target(address.host, opening.port_of(address))
    prepare = preparation(opening, address, hold_ack=True)
    place = numeric(target, socket.SOCK_STREAM)
    if place is None:
        return NamedWay(opening, target, prepare)
    opening.policy.check_ip(place.sockaddr[0])
    return ShortWay(opening, place, prepare)


def is_announced(opening: Opening) -> bool:
    """Tell whether a layer is told whom its connection is from; it is another one each time."""
    return any(opening.given(layer).get("proxy-protocol") for layer in opening.address.layers())
