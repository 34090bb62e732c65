"""Tells what becomes of connections: failures always, the rest if it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.cli.reporting import message_of, shortage_of
from fildes.relaying.connection import Observer
from fildes.streams.kernel import NEVER_RESET, SocketStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.cli.relaying.reporter import Reporter
    from fildes.relaying.connection import Connection
    from fildes.streams.stream import Stream


class Teller(Observer):
    """Tells *reporter*, and whoever wants to know that something was counted."""

    def __init__(self, reporter: Reporter, changed: Callable[[], None], *, verbose: bool) -> None:
        self.reporter, self.changed, self.verbose = reporter, changed, verbose

    def say(self, text: str) -> None:
        """Tell one line."""
        self.reporter.tell(text)

    def accepted(self, connection: Connection) -> None:
        self.changed()
        if self.verbose:
            peer = connection.near.peer or "nobody known"
            self.say(f"{connection.number}: connected from {peer}")

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.changed()
        if error is not None:
            self.say(f"{connection.number}: {text_of(error)}")
        elif self.verbose:
            self.say(f"{connection.number}: closed")

    def refused(self, peer: str | None, reason: Exception) -> None:
        self.changed()
        self.say(f"refused {peer or 'a client'}: {text_of(reason)}")

    def scarce(self, error: OSError) -> None:
        self.say(shortage_of(error))

    def ended(self, connection: Connection, status: int) -> None:
        """Tell of a program that has failed, or of any."""
        if status > 0 or (status == 0 and self.verbose):
            self.say(f"{connection.number}: the program ended with status {status}")
        elif status < 0:
            silently = "" if can_be_reset(connection.near) else ", which its client cannot be told"
            self.say(f"{connection.number}: the program was killed by signal {-status}{silently}")


def can_be_reset(near: Stream) -> bool:
    """Tell whether an end can be told from a break at *near*."""
    return not near.messages and not (
        isinstance(near, SocketStream) and near.sock.family in NEVER_RESET
    )


def text_of(error: Exception) -> str:
    """Return what *error* says."""
    return message_of(error) if isinstance(error, OSError | EOFError) else str(error)
