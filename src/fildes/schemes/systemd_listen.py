"""systemd-listen: a connection to sockets that systemd has opened; systemd.socket(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.scheme import Example
from fildes.schemes import fd_listen

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = fd_listen.SCHEME._replace(
    name="systemd-listen",
    summary="a connection to sockets that systemd has opened for us",
    examples=(
        Example("systemd-listen:", "all sockets of the .socket units that start us"),
        Example("systemd-listen:http", "those whose FileDescriptorName= is http"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Accept one connection; the sockets go on listening."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at the sockets that were passed, all of them or those of the name."""
    from fildes.listening.inherited import listen, passed

    return listen(opening, address, passed(address.path))
