"""wss-listen: a WebSocket over TLS that a client, or a page in a browser, opens; RFC 6455."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.listening.options import HANDSHAKE_TIMEOUT, TCP
from fildes.scheme import Example
from fildes.schemes import tls_listen, ws_listen

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

OPTIONS = (*ws_listen.OPTIONS, *tls_listen.OPTIONS)

SCHEME = ws_listen.SCHEME._replace(
    name="wss-listen",
    summary="a conversation by WebSocket over TLS with whoever connects to a port of ours",
    options=(*OPTIONS, *TCP),
    examples=(
        Example("wss-listen://:8443?cert=chain.pem&key=key.pem", "for programs of this machine"),
        Example("wss-listen://[::]:443/chat?cert=/etc/ours/certs", "for all, at one path"),
        Example("wss-listen:?cert=ours.pem::systemd-listen:", "at sockets that systemd passes"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, do both handshakes, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at every address of the host, on loopback if it names none, or inside."""
    from fildes.tls.serving import Contexts
    from fildes.tls.stream import TlsStream
    from fildes.websocket.answering import answering

    contexts = Contexts(tls_listen.settings_of(opening, address))
    answer = answering(opening, address)

    async def handshake(inner: Stream) -> Stream:
        stream = TlsStream(inner, contexts.first, server_side=True)
        await stream.handshake()
        return await answer(stream)

    own = (*OPTIONS, HANDSHAKE_TIMEOUT)
    acceptor = await ws_listen.listen_with(opening, address, own, handshake, contexts.host)
    acceptor.reload = contexts.load
    return acceptor
