"""What a relay is to do: its two sides, and how it goes about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from fildes.cli.relaying.side import Side
from fildes.cli.values import (
    read_count,
    read_eof,
    read_limit,
    read_seconds,
    read_size,
    read_tries,
)
from fildes.errors import AddressError

#: Which directions there are: both, left to right, right to left.
Directions = Literal["both", "there", "back"]


class Manner(NamedTuple):
    """How a relay copies, and its limits; times in seconds, None for no limit.

    Attributes:
      eof: what an end of file does: ``propagate``, ``first``, ``ignore``, or
        ``linger:SECONDS``.
      timeout: for each open.
      max_bytes: of one connection, in each direction.
      drain_timeout: for what is open when the relay is asked to end.
      retry: how often a failed open is tried again; -1 for ever.
      block: bytes of a stream that are one datagram at most; None for the usual number.
    """

    eof: str = "propagate"
    idle_timeout: float | None = None
    timeout: float | None = 30.0
    max_bytes: int | None = None
    max_connections: int | None = None
    drain_timeout: float | None = 30.0
    retry: int = 0
    interval: float = 1.0
    block: int | None = None


class Plan(NamedTuple):
    """One relay.

    Attributes:
      name: empty for the only one, that of the command line.
    """

    name: str
    left: Side
    right: Side
    manner: Manner = Manner()
    directions: Directions = "both"

    @property
    def left_is_front(self) -> bool:
        """Whether the left side is the one that serves many."""
        return self.left.listening and self.left.settings.fork

    @property
    def front(self) -> Side:
        """The side at which connections are accepted."""
        return self.left if self.left_is_front else self.right

    def tries(self, side: Side) -> tuple[int, float]:
        """Return how often to try again to open *side*, -1 for ever, and how far between."""
        if side.settings.retry:
            return side.settings.retry, side.settings.interval
        return self.manner.retry, self.manner.interval


class Key(NamedTuple):
    """One field of `Manner`, as the command line and the configuration file have it.

    Attributes:
      read: returns the value that a text or a number stands for; raises ValueError.
    """

    name: str
    read: Callable[[Any], Any]
    metavar: str
    meaning: str

    @property
    def field(self) -> str:
        """The name of the field."""
        return self.name.replace("-", "_")


KEYS = (
    Key("eof", read_eof, "POLICY",
        "what an end of file does: propagate it and wait for the other (the default),"
        " end at the first, ignore it, or linger:SECONDS without a byte"),
    Key("idle-timeout", read_limit, "S", "end a connection after S seconds without a byte"),
    Key("timeout", read_limit, "S", "seconds for all steps of an open together; default 30"),
    Key("max-bytes", read_size, "N", "end a connection after N bytes in one direction"),
    Key("max-connections", read_count, "N", "accept N at once; more wait in the backlog"),
    Key("drain-timeout", read_limit, "S",
        "seconds that open connections have once SIGTERM came; default 30"),
    Key("retry", read_tries, "N", "try a failed open N times more, or `forever`"),
    Key("interval", read_seconds, "S", "seconds between two tries; default 1"),
)  # fmt: skip


def settled(plan: Plan) -> Plan:
    """Return *plan* with its limits where they are kept, if its sides make sense.

    Raises:
      AddressError: they do not.
    """
    left, right = plan.left, plan.right
    if left.settings.fork and right.settings.fork and right.listening:
        raise AddressError("one side only can serve many connections: the other one is opened")
    if any(serves_one_way(side) for side in (left, right)):
        raise AddressError("A!!B reads one connection and writes another: leave out fork")
    most = plan.manner.max_connections
    if most is None:
        return plan
    return plan._replace(left=limited(left, most), right=limited(right, most))


def serves_one_way(side: Side) -> bool:
    """Tell whether one half of ``A!!B`` is a listener that serves many."""
    halves = () if side.sink is None else (side, side.sink)
    return any(half.listening and half.settings.fork for half in halves)


def limited(side: Side, most: int) -> Side:
    """Return *side*, accepting at most so many connections at once if it is a listener."""
    address = side.address
    options = dict(address.options)
    if not side.listening or "max-connections" in options:
        return side
    options["max-connections"] = most
    return side._replace(address=address.replace(options=tuple(sorted(options.items()))))
