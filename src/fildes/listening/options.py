"""What may be said of any place to listen at: the options of the schemes ``...-listen``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.admission import Limits
from fildes.opening.socket_options import BUFFERS, CONGESTION, HEADER, KEEPALIVE, MOST, NODELAY
from fildes.scheme import Option

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening

BACKLOG = Option(
    "backlog", "integer", "connections that may wait to be accepted", least=1, most=MOST
)
REUSEPORT = Option(
    "reuseport", "flag", "let other processes of this user listen at the same port, too", False
)
IPV4 = Option("ipv4", "flag", "with the host [::]: at every IPv4 address, too", False)
MAX_CONNECTIONS = Option(
    "max-connections", "integer", "connections at once; more have to wait", least=1
)

#: Seconds: so little is meant to be something, other than 0.
BRIEFEST = 0.001  # arbitrary

#: Who is let in, where clients have addresses.
CLIENTS = (
    Option("max-per-peer", "integer", "connections at once from one address; more are refused",
           least=1),
    Option("allow", "list", "a network whose clients are let in, as 10.0.0.0/8; no others are"),
)  # fmt: skip

INTERFACE = Option("interface", "text", "the network interface to listen at, and no other")
HANDSHAKE_TIMEOUT = Option(
    "handshake-timeout", "seconds", "how long a client may take until it is ready", 10.0,
    least=BRIEFEST,
)  # fmt: skip
PROXY_PROTOCOL = Option(
    "proxy-protocol", "flag", "each connection begins by saying from whom it was passed on", False
)

#: Of every place that has a port.
TCP = (
    *(IPV4, NODELAY, *KEEPALIVE, CONGESTION, INTERFACE, *BUFFERS, *HEADER),
    *(BACKLOG, REUSEPORT, MAX_CONNECTIONS, *CLIENTS, HANDSHAKE_TIMEOUT, PROXY_PROTOCOL),
)


def limits_of(opening: Opening, address: Address) -> Limits:
    """Return the limits that the options of *address* set.

    Raises:
      AddressError: ``allow`` holds what is no network.
    """
    given = opening.given(address)
    allow = tuple(given.get("allow", ()))
    if allow:
        from fildes.policy import networks

        networks.check(allow)
    return Limits(given.get("max-connections"), given.get("max-per-peer"), allow)


def backlog_of(opening: Opening, address: Address) -> int | None:
    """Return the length of the queue of connections; None for the longest there may be."""
    length: int | None = opening.given(address).get("backlog")
    return length
