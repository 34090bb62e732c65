"""What a relay tells: lines for people on standard error, or JSON for programs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fildes.cli.progress import clock_time, size_text
from fildes.cli.reporting import message_of, say

if TYPE_CHECKING:
    from fildes.cli.relaying.side import Side


class Reporter:
    """Tells what happens, as text or as events.

    Attributes:
      as_json: one JSON object a line, for each event.
      statistics: tell the counts of each connection as it ends.
      tell: shows one line to people.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        statistics: bool = False,
        emit: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.as_json = as_json
        self.statistics = statistics
        self.emit = emit or emit_on_stdout
        self.clock = clock
        self.tell: Callable[[str], None] = say

    def metrics(self, address: str) -> None:
        """Tell where metrics are served from now on."""
        self.event("metrics", address=address)
        if not self.as_json:
            self.tell(f"metrics at {metrics_place(address)}")

    def event(self, event: str, relay: str = "", **fields: Any) -> None:
        """Write one event, if events are wanted."""
        if self.as_json:
            named = {"relay": relay} if relay else {}
            record = {"event": event, "time": round(self.clock(), 6), **named, **fields}
            self.emit(json.dumps(record) + "\n")

    def listening(self, address: str, relay: str = "") -> None:
        """Tell where connections are accepted from now on."""
        self.event("listening", relay, address=address)
        if not self.as_json:
            self.tell(f"{named(relay)}listening at {address}")

    def opened(self, connection: int, relay: str = "", **ends: str | None) -> None:
        """Tell that both sides of a connection are open."""
        self.event("opened", relay, connection=connection, **ends)

    def accepted(self, connection: int, peer: str | None, relay: str = "") -> None:
        """Tell who has connected."""
        self.event("connected", relay, connection=connection, peer=peer)

    def refused(self, peer: str | None, reason: Exception, relay: str = "") -> None:
        """Tell that a client was not let in; to programs only, for there may be many."""
        self.event("refused", relay, peer=peer, message=message_of(reason))

    def failed(self, error: BaseException, connection: int = 0, relay: str = "") -> None:
        """Tell what went wrong; the relay may go on."""
        self.complaint(message_of(error), relay, connection)

    def complaint(self, message: str, relay: str = "", connection: int = 0) -> None:
        """Tell what is wrong, with one connection, a relay or all of them."""
        self.event("error", relay, connection=connection, message=message)
        if not self.as_json:
            which = f"#{connection} " if connection else ""
            self.tell(f"{named(relay)}{which}{message}")

    def missed(self, error: OSError, count: int) -> None:
        """Tell that so many datagrams are lost, and that it goes on."""
        which = "a datagram is" if count == 1 else f"{count} datagrams are"
        self.complaint(f"{which} lost, going on: {message_of(error)}")

    def retrying(self, error: BaseException, interval: float, relay: str = "") -> None:
        """Tell that an open failed and will be tried again."""
        message = message_of(error)
        self.event("retry", relay, message=message, interval=interval)
        if not self.as_json:
            self.tell(f"{named(relay)}{message}; trying again in {interval:g} s")

    def closed(
        self, connection: int, there: int, back: int, seconds: float, relay: str = ""
    ) -> None:
        """Tell what passed on a connection that has ended."""
        self.event(
            "closed",
            relay,
            connection=connection,
            left_to_right=there,
            right_to_left=back,
            seconds=round(seconds, 6),
        )
        if self.statistics and not self.as_json:
            self.tell(f"{named(relay)}#{connection} {statistics_line(there, back, seconds)}")


def metrics_place(address: str) -> str:
    """Return what a scraper opens for the listener at *address*."""
    scheme, _, place = address.partition("://")
    return f"http://{place}/metrics" if scheme.startswith("tcp") else address


def named(relay: str) -> str:
    """Return how a line about *relay* begins."""
    return f"{relay}: " if relay else ""


def statistics_line(there: int, back: int, seconds: float) -> str:
    """Return what passed, for people."""
    counts = f"{there} bytes left to right, {back} right to left"
    rate = (there + back) / seconds if seconds > 0 else 0.0
    return f"{counts}, in {clock_time(seconds)} ({size_text(rate)}/s)"


def emit_on_stdout(text: str) -> None:
    """Write one event to standard output, at once."""
    from fildes.cli.output import write_out

    write_out(text.encode())


def emit_on_stderr(text: str) -> None:
    """Write one event to standard error: standard output is a side of the relay."""
    from fildes.cli.reporting import write

    write(text)


def emit_for(*sides: Side) -> Callable[[str], object]:
    """Return where events go: not where a side is."""
    used = any(uses_stdout(side) for side in sides)
    return emit_on_stderr if used or sys.stdout is None else emit_on_stdout


def uses_stdout(side: Side) -> bool:
    """Tell whether *side* is standard output, or a descriptor that is the same."""
    layers = list(side.address.layers())
    own = any(
        layer.scheme == "stdio" or (layer.scheme == "fd" and layer.path == "1") for layer in layers
    )
    return own or (side.sink is not None and uses_stdout(side.sink))


def is_interactive(fd: int) -> bool:
    """Tell whether somebody sits at descriptor *fd*."""
    try:
        return os.isatty(fd)
    except OSError:
        return False
