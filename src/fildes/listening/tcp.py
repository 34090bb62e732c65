"""The place of a tcp listener: a port on every address of a name."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
from typing import TYPE_CHECKING, Any

from fildes.address import Address
from fildes.errors import AddressError
from fildes.listening.accepting import Acceptor
from fildes.listening.announcing import announced_before
from fildes.listening.options import backlog_of, limits_of
from fildes.opening.opening import Target
from fildes.opening.resolving import Candidate, resolve
from fildes.opening.socket_options import Place, chooses_congestion, preparation
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol

#: Where a listener without a host is: nobody else's machine reaches it.
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

#: What a machine without one of the two IP families answers.
NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

#: The first port that everybody may listen at; ip_unprivileged_port_start of ip(7).
FIRST_FOR_ALL = 1024
LOW_PORT = "a port below 1024 is for root, or for who has CAP_NET_BIND_SERVICE"

#: A port that is free in one family may be taken in the other; then the kernel is
#: asked for another one, at most this often.  # arbitrary
PORT_CHOICES = 16


async def listen(
    opening: Opening,
    address: Address,
    family: int = socket.AF_UNSPEC,
    scheme: str = "tcp",
    handshake: Callable[[Stream], Protocol[Stream]] | None = None,
) -> Acceptor:
    """Listen where *address* says, with its options.

    Args:
      scheme: with which a client opens what is listened at.
      handshake: as of `Acceptor`.
    """
    limits = limits_of(opening, address)
    announcing = opening.option(address, "proxy-protocol")
    if announcing:
        handshake = announced_before(handshake)
    place = Target(address.host, opening.port_of(address))
    start = starter(opening, address)
    with contextlib.ExitStack() as undo:
        found = await listen_at(
            opening, place, family, start, also_ipv4=also_ipv4(opening, address)
        )
        sockets = [undo.enter_context(sock) for sock in found]
        host, port = sockets[0].getsockname()[:2]
        real = Address(scheme, host=address.host or host, port=port)
        to_stream = as_chosen if chooses_congestion(opening, address) else SocketStream
        acceptor = Acceptor(sockets, real, to_stream, limits=limits, handshake=handshake)
        acceptor.handshake_timeout = opening.option(address, "handshake-timeout")
        if acceptor.admission is not None:
            acceptor.admission.told_later = announcing
        undo.pop_all()
    return acceptor


def as_chosen(sock: socket.SocketType, peer: Any) -> SocketStream:
    """Return the stream over an accepted socket whose congestion control was chosen."""
    stream = SocketStream(sock, peer)
    stream.own_congestion = True
    return stream


def starter(opening: Opening, address: Address) -> Callable[[socket.socket, Any], None]:
    """Return what binds a socket and lets it listen, with the options of *address*.

    Options of connections are set here, too: what is accepted inherits them; tcp(7).
    """
    set_options = preparation(opening, address)
    given = opening.given(address)
    backlog = backlog_of(opening, address) or socket.SOMAXCONN

    def start(sock: socket.socket, sockaddr: Any) -> None:
        set_options(sock)
        # Connections of the last run in TIME-WAIT do not keep a server from starting.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if given.get("reuseport"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if given.get("interface"):
            Place("", 0, given["interface"]).take(sock)
        if sockaddr is not None:
            sock.bind(sockaddr)
        sock.listen(backlog)

    return start


def also_ipv4(opening: Opening, address: Address) -> bool:
    """Tell whether the option ``ipv4`` of *address* is on, and makes sense."""
    wanted = bool(opening.given(address).get("ipv4"))
    if wanted and address.host != "::":
        raise AddressError("option ipv4 is for the host [::], every IPv6 address")
    return wanted


async def listen_at(
    opening: Opening,
    place: Target,
    family: int,
    start: Callable[[socket.socket, Any], None],
    type: int = socket.SOCK_STREAM,
    *,
    also_ipv4: bool = False,
) -> list[socket.socket]:
    """Return sockets on the same port of every address of the host, each started.

    Args:
      start: binds and starts a socket at a sockaddr; None, it is bound already.
      also_ipv4: the host is every IPv6 address, and every IPv4 address is wanted, too.

    Raises:
      OSError: as bind(2). An address that this machine does not have is left out,
        unless it has none of them.
    """
    candidates = await places(opening, place, family, type)
    if also_ipv4:
        candidates.append(Candidate(socket.AF_INET, type, ("0.0.0.0", place.port)))
    for choice in itertools.count(1):
        try:
            return bind_all(candidates, start, opening.leaving)
        except OSError as error:
            if place.port or error.errno != errno.EADDRINUSE or choice == PORT_CHOICES:
                raise
    raise AssertionError("not reached: the last choice returns or raises")


async def places(opening: Opening, place: Target, family: int, type: int) -> list[Candidate]:
    """Return where to bind: the addresses of the host, or loopback."""
    if place.host:
        return await resolve(opening, place, family, type)
    return [
        Candidate(each, type, (host, place.port))
        for each, host in LOOPBACK.items()
        if family in (socket.AF_UNSPEC, each)
    ]


def bind_all(
    candidates: list[Candidate],
    start: Callable[[socket.socket, Any], None],
    leaving: Sequence[Acceptor] = (),
) -> list[socket.socket]:
    """Return sockets that were started; port 0 becomes the port of the first one.

    Args:
      leaving: those whose sockets are taken where they are bound as wanted.
    """
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as undo:
        for candidate in candidates:
            port = sockets[0].getsockname()[1] if sockets else candidate.sockaddr[1]
            try:
                sock = take_over(leaving, candidate, start) or bind_one(candidate, port, start)
                sockets.append(undo.enter_context(sock))
            except OSError as error:
                if error.errno not in NO_SUCH_FAMILY:
                    raise
                absent = error
        if not sockets:
            raise absent or OSError(errno.EADDRNOTAVAIL, "the name has no address")
        undo.pop_all()
    return sockets


def bind_one(
    candidate: Candidate, port: int, start: Callable[[socket.socket, Any], None]
) -> socket.socket:
    """Return a socket that was started on *port* of one address."""
    sock = socket.socket(candidate.family, candidate.type)
    with contextlib.ExitStack() as undo:
        undo.enter_context(sock)
        if candidate.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        host, _, *scope = candidate.sockaddr
        try:
            start(sock, (host, port, *scope))
        except PermissionError as error:
            if 0 < port < FIRST_FOR_ALL:
                error.advice = LOW_PORT  # type: ignore[attr-defined]  # see fildes.advice
            raise
        undo.pop_all()
    return sock


def take_over(
    leaving: Sequence[Acceptor], candidate: Candidate, start: Callable[[socket.socket, Any], None]
) -> socket.socket | None:
    """Return one of *leaving*'s sockets for us to have, too, if one is where we want to be."""
    wanted = candidate.family, candidate.type, (*candidate.sockaddr, 0, 0)[:4]
    for acceptor, sock in ((each, sock) for each in leaving for sock in each.sockets):
        if (sock.family, sock.type, (*sock.getsockname(), 0, 0)[:4]) == wanted:
            ours = sock.dup()
            with contextlib.ExitStack() as undo:
                undo.enter_context(ours)
                start(ours, None)
                undo.pop_all()
            acceptor.outlived = True
            return ours
    return None
