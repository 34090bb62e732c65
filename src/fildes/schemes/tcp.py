"""tcp: a byte stream to a host and port; tcp(7)."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from fildes.opening.connecting import connect_host
from fildes.opening.opening import Target
from fildes.scheme import Example, Option, Scheme, Shape
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

OPTIONS = (
    Option(
        "nodelay",
        "flag",
        "send small writes at once instead of gathering them",
        True,
        confined=True,
    ),
    Option(
        "keepalive",
        "flag",
        "probe an idle connection, so that a dead peer is noticed",
        False,
        confined=True,
    ),
    Option("bind", "text", "the local address to connect from"),
)

SCHEME = Scheme(
    name="tcp",
    shape=Shape.ENDPOINT,
    summary="a byte stream to a host and port",
    carried_by="transport",
    confined=True,
    options=OPTIONS,
    examples=(
        Example("tcp://localhost:7", "a conversation with the echo service"),
        Example("tcp://[::1]:8080?nodelay=off", "an IPv6 address, small writes gathered"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Connect to the host and port that the address names, through a proxy if it names one."""
    own = Target(address.host, opening.port_of(address))
    if address.inner is not None:
        return await opening.open_transport(address, own)
    return await connect(opening, address, own)


async def open_target(opening: Opening, target: Target) -> Stream:
    """Connect to what an outer layer wants to reach."""
    from fildes.address import Address

    return await connect(opening, Address("tcp", host=target.host, port=target.port), target)


async def connect(
    opening: Opening, address: Address, target: Target, family: int = socket.AF_UNSPEC
) -> Stream:
    """Connect to *target* with the options of *address*."""
    bind = opening.option(address, "bind")
    set_options = preparation(opening, address)

    def prepare(sock: socket.socket) -> None:
        set_options(sock)
        if bind:
            sock.bind((bind, 0))

    sock = await connect_host(opening, target, prepare if bind else set_options, family=family)
    stream = SocketStream(sock)
    stream.was_reset = stream.peer_name is None
    return stream


def preparation(opening: Opening, address: Address) -> Callable[[socket.socket], None]:
    """Return what sets the options of *address* on a socket."""
    nodelay = opening.option(address, "nodelay")
    keepalive = opening.option(address, "keepalive")

    def prepare(sock: socket.socket) -> None:
        if nodelay:
            # Callers write whole messages: Nagle's wait for an ACK (RFC 896) only adds delay.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if keepalive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    return prepare


async def listen_(opening: Opening, address: Address, family: int = socket.AF_UNSPEC) -> Acceptor:
    """Listen at every address of the host; on loopback if it names none."""
    from fildes.listening.accepting import Acceptor  # for those who listen only
    from fildes.listening.tcp import listen_at

    place = Target(address.host, opening.port_of(address))
    prepare = preparation(opening, address)

    def to_stream(sock: socket.socket) -> Stream:
        prepare(sock)
        return SocketStream(sock)

    with contextlib.ExitStack() as undo:
        sockets = [undo.enter_context(sock) for sock in await listen_at(opening, place, family)]
        host, port = sockets[0].getsockname()[:2]
        real = address.replace(host=address.host or host, port=port)
        acceptor = Acceptor(sockets, real, to_stream)
        undo.pop_all()
    return acceptor
