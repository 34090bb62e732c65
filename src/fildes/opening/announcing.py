"""Saying from whom a connection is passed on: the PROXY protocol, as its sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.scheme import Option
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.wire.proxy_header import ProxyHeader

ANNOUNCING = Option(
    "proxy-protocol",
    "text",
    "the version in which to say first from whom the connection is passed on",
    choices=("v1", "v2"),
)


async def announce(opening: Opening, address: Address, stream: Stream) -> None:
    """Send the header that the options of *address* ask for, if they do.

    It names the connection on whose behalf this one is opened; without one, our own.
    """
    version = opening.option(address, "proxy-protocol")
    if version is None:
        return
    from fildes.wire.proxy_header import encode

    header = opening.on_behalf_of or header_of(stream, accepted=False)
    try:
        with opening.step("proxy", f"PROXY header, {version}"):
            await stream.send_all(encode(int(version[1:]), header))
    except BaseException:
        stream.abort()
        raise


def header_of(stream: Stream, *, accepted: bool = True) -> ProxyHeader:
    """Return what is to be said of *stream*, whose source is its peer if it was *accepted*."""
    from fildes.wire.proxy_header import ProxyHeader

    for layer in stream.layers():
        if isinstance(layer, SocketStream):
            peer = endpoint_of(layer.peer_name)
            local = endpoint_of(layer.local_name or layer.sock.getsockname())
            return ProxyHeader(peer, local) if accepted else ProxyHeader(local, peer)
    return ProxyHeader()


def endpoint_of(name: Any) -> tuple[str, int] | None:
    """Return address and port of a sockaddr; None for one of another family."""
    match name:
        case (str(host), int(port), *_):
            return host, port
    return None
