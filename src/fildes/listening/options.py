"""What may be said of any place to listen at: the options of the schemes ``...-listen``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.listening.admission import Limits
from fildes.opening.socket_options import BUFFERS, HEADER, KEEPALIVE, NODELAY
from fildes.scheme import Option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fildes.address import Address
    from fildes.opening.opening import Opening

BACKLOG = Option("backlog", "integer", "connections that may wait to be accepted")
REUSEPORT = Option(
    "reuseport", "flag", "let other processes of this user listen at the same port, too", False
)
IPV4 = Option("ipv4", "flag", "with the host [::]: at every IPv4 address, too", False)
MAX_CONNECTIONS = Option("max-connections", "integer", "connections at once; more have to wait")

#: Who is let in, where clients have addresses.
CLIENTS = (
    Option("max-per-peer", "integer", "connections at once from one address; more are refused"),
    Option("allow", "list", "a network whose clients are let in, as 10.0.0.0/8; no others are"),
)

INTERFACE = Option("interface", "text", "the network interface to listen at, and no other")
HANDSHAKE_TIMEOUT = Option(
    "handshake-timeout", "seconds", "how long a client may take until it is ready", 10.0
)
PROXY_PROTOCOL = Option(
    "proxy-protocol", "flag", "each connection begins by saying from whom it was passed on", False
)

#: Of every place that has a port.
TCP = (
    *(IPV4, NODELAY, *KEEPALIVE, INTERFACE, *BUFFERS, *HEADER),
    *(BACKLOG, REUSEPORT, MAX_CONNECTIONS, *CLIENTS, HANDSHAKE_TIMEOUT, PROXY_PROTOCOL),
)


def limits_of(opening: Opening, address: Address) -> Limits:
    """Return the limits that the options of *address* set.

    Raises:
      AddressError: one of them makes no sense.
    """
    given = opening.given(address)
    allow = tuple(given.get("allow", ()))
    if allow:
        from fildes.policy import networks

        networks.check(allow)
    return Limits(positive(given, "max-connections"), positive(given, "max-per-peer"), allow)


def backlog_of(opening: Opening, address: Address) -> int | None:
    """Return the length of the queue of connections; None for the longest there may be."""
    return positive(opening.given(address), "backlog")


def positive(given: Mapping[str, Any], name: str) -> int | None:
    """Return the number that the option called *name* is; None if it is not given."""
    number: int | None = given.get(name)
    if number is not None and number < 1:
        raise AddressError(f"option {name} takes a number from 1, not {number}")
    return number
