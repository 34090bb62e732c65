"""What a client of a service has to say before it is connected: its handshake."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fildes.listening.blaming import blame_client
from fildes.relaying.room import Room
from fildes.relaying.shaking import Shaking

if TYPE_CHECKING:
    from fildes.relaying.connection import Connection
    from fildes.relaying.service import Service
    from fildes.streams.stream import Stream
    from fildes.tls.stream import TlsStream


class Greeter:
    """Does the handshakes of a service; goes on with it, or ends it, for each connection."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.room = Room(service)

    def greet(self, connection: Connection) -> None:
        """Do what the acceptor's clients begin with."""
        acceptor, near = self.service.acceptor, connection.near
        assert acceptor.handshake is not None  # else nobody would be greeted
        self.room.enter(connection)
        deadline = time.monotonic() + acceptor.handshake_timeout
        if acceptor.secure is not None:
            self.shake(connection, acceptor.secure(near), deadline)
            return

        def ended(stream: Stream | None, error: Exception | None) -> None:
            if stream is not None:
                connection.near = stream
            self.ended(connection, error)

        self.service.run(connection, acceptor.handshake(near), ended, deadline)

    def shake(self, connection: Connection, near: TlsStream, deadline: float) -> None:
        """Do the handshake of *near*."""
        connection.near = near

        def ended(shaking: Shaking, error: Exception | None) -> None:
            self.ended(connection, error)
            shaking.forget()

        connection.task = shaking = Shaking(self.service.loop, near, ended)
        shaking.start(deadline)

    def ended(self, connection: Connection, error: Exception | None) -> None:
        """Go on after a handshake."""
        connection.task = None
        self.leave(connection)
        if error is None:
            self.service.connect(connection)
        else:
            blame_client(error, connection.near.peer)
            self.service.finish(connection, error)

    def leave(self, connection: Connection) -> None:
        """Note that nothing is to be said any more."""
        self.room.leave(connection)

    def close(self) -> None:
        """Make room for nobody any more."""
        self.room.close()
