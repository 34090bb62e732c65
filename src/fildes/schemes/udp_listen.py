"""udp-listen: datagrams from whoever sends some to a port of ours; udp(7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.listening.options import (
    BRIEFEST,
    CLIENTS,
    INTERFACE,
    IPV4,
    MAX_CONNECTIONS,
    REUSEPORT,
)
from fildes.opening.groups import GROUPS, is_group
from fildes.opening.socket_options import BUFFERS, HEADER
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="udp-listen",
    shape=Shape.ENDPOINT,
    summary="datagrams from whoever sends some to a port of ours, each sender by itself",
    options=(
        Option(
            "idle-timeout", "seconds", "silence after which a sender has gone", 60.0, least=BRIEFEST
        ),
        Option("each", "flag", "take each datagram by itself: after it comes its end", False),
        # Whoever forges senders shall not use up the descriptors.
        MAX_CONNECTIONS._replace(default=512),
        *(IPV4, *CLIENTS, REUSEPORT, INTERFACE, *BUFFERS, *HEADER, *GROUPS),
    ),
    examples=(
        Example("udp-listen://:5300", "at port 5300, for programs of this machine only"),
        Example("udp-listen://[::]:5300?ipv4=on&idle-timeout=5", "for everybody, and short talks"),
        Example("udp-listen://:5300?each=on", "a question, its end, and our answers to its sender"),
        Example("udp-listen://239.1.2.3:5004?multicast-if=eth0", "what a multicast group gets"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Receive at the port, take the first sender, and listen to no others."""
    from fildes.listening.once import accept_one

    if is_group(address.host) or opening.given(address).get("join"):
        raise AddressError(
            "in a group udp-listen is for many: relay, serve and listen; to open one say"
            " udp://GROUP:PORT?join=GROUP&bind=:PORT&others=on"
        )
    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Receive at every address of the host; on loopback if it names none."""
    from fildes.listening.udp import listen

    return await listen(opening, address)
