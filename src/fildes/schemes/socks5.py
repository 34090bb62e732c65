"""socks5: a proxy that connects in our stead; RFC 1928, with passwords RFC 1929."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.opening.proxying import tunnel
from fildes.scheme import Example, Scheme, Shape
from fildes.wire import socks5

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="socks5",
    shape=Shape.ENDPOINT,
    summary="through a SOCKS 5 proxy, which also resolves the name",
    default_port=1080,  # IANA service name "socks"
    carried_by="transport",
    tunnels=True,
    userinfo=True,
    examples=(
        Example("tcp://host:80::socks5://localhost", "through the proxy of `ssh -D 1080`"),
        Example("https://host/x::socks5://me:secret@proxy:1080", "with a user and password"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Have the proxy connect to *target*."""
    assert target is not None, "the parser lets a proxy only stand below another layer"
    request = socks5.connect_request(target.host, target.port)
    credentials = b""
    if address.user is not None:
        credentials = socks5.password_request(address.user, address.password or "")

    async def ask(stream: Stream) -> None:
        await authenticate(stream, credentials)
        await stream.send_all(request)
        head = await stream.recv_exactly(socks5.REPLY_HEAD_SIZE)
        await stream.recv_exactly(socks5.check_reply(head))

    return await tunnel(opening, address, target, ask)


async def authenticate(stream: Stream, credentials: bytes) -> None:
    """Agree on a method; send the *credentials* if the proxy wants them."""
    with_password = bool(credentials)
    await stream.send_all(socks5.greeting(with_password=with_password))
    reply = await stream.recv_exactly(socks5.METHOD_REPLY_SIZE)
    if socks5.check_method(reply, with_password=with_password):
        await stream.send_all(credentials)
        socks5.check_password(await stream.recv_exactly(socks5.PASSWORD_REPLY_SIZE))
