"""How clients come into a service: as streams, or straight from accept(2) to copying.

Most relays lead from plain tcp to plain tcp and change nothing. Of their connections the
operating system does nearly all, so whatever is made for one that nobody needs is felt.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from fildes.listening.accepting import Acceptor
from fildes.relaying.brief import Brief
from fildes.relaying.dialing import ShortWay
from fildes.streams.buffers import buffers_here
from fildes.streams.datagrams import socket_stream
from fildes.streams.delivering import INTERNET
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.listening.taking import Taken
    from fildes.relaying.service import Service


class Straight:
    """Connects clients of plain tcp, which nobody wants to look at, to a plain tcp address.

    Attributes:
      fresh: connections of this round, whose far side has not heard of them: what the client
        says is to end that handshake. It has a round to say something.
    """

    def __init__(self, service: Service, way: ShortWay) -> None:
        self.service, self.way = service, way
        self.fresh: list[Brief] = []
        buffers_here()  # those who grow need it, however late that is

    def begin(self, client: Taken) -> None:
        """Make a client a connection, as `Service.begin`; a brief one if it is open at once."""
        service, way = self.service, self.way
        try:
            far = way.dial()
        except OSError as error:
            if service.not_opened(service.enter(SocketStream(*client)), error):
                raise
            return
        if not isinstance(far, socket.SocketType):
            service.open(service.enter(SocketStream(*client)), far)
            return
        connection = Brief(next(service.numbers), service.loop.now)
        service.accepted += 1
        service.connections.add(connection)
        connection.take(service, client, (far, way.place.sockaddr))
        observer = service.observer
        if observer.sees_all:
            observer.accepted(connection)
            observer.opened(connection)
        connection.begin()
        if not self.fresh:
            service.loop.call_soon(self.acknowledge)
        self.fresh.append(connection)

    def acknowledge(self) -> None:
        """End the handshakes of those whose clients have not said anything in a round."""
        fresh, self.fresh = self.fresh, []
        for connection in fresh:
            Brief.acknowledge(connection)  # which may be no brief one any more


def entrance_of(service: Service) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return what takes a client of *service*, and what begins with it."""
    acceptor, way = service.acceptor, service.open_far
    if (
        service.plain
        and service.prepare is None
        and isinstance(way, ShortWay)
        and type(acceptor) is Acceptor
        and acceptor.handshake is None
        and acceptor.to_stream in (SocketStream, socket_stream)
        and all(sock.family in INTERNET for sock in acceptor.sockets)
        and all(sock.type == socket.SOCK_STREAM for sock in acceptor.sockets)
    ):
        return acceptor.try_take, Straight(service, way).begin
    return acceptor.try_accept, service.begin
