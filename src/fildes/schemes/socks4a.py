"""socks4a: an older proxy, which knows names and IPv4, and users without passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.opening.proxying import tunnel
from fildes.scheme import Example, Scheme, Shape
from fildes.wire import socks4a

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="socks4a",
    shape=Shape.ENDPOINT,
    summary="through a SOCKS 4A proxy, which also resolves the name",
    default_port=1080,  # IANA service name "socks"
    carried_by="transport",
    tunnels=True,
    userinfo=True,
    examples=(Example("tcp://host:80::socks4a://proxy", "through a proxy that knows no SOCKS 5"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Have the proxy connect to *target*."""
    assert target is not None, "the parser lets a proxy only stand below another layer"
    if address.password is not None:
        raise AddressError("socks4a sends a user but no password: use socks5, or leave it out")
    request = socks4a.connect_request(target.host, target.port, address.user or "")

    async def ask(stream: Stream) -> None:
        await stream.send_all(request)
        socks4a.check_reply(await stream.recv_exactly(socks4a.REPLY_SIZE))

    return await tunnel(opening, address, target, ask)
