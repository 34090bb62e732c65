"""tls-listen: a connection that somebody else makes, under TLS; RFC 8446."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.address import Address
from fildes.errors import AddressError
from fildes.listening.options import HANDSHAKE_TIMEOUT, TCP
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream
    from fildes.tls.serving import Settings

OPTIONS = (
    Option(
        "cert",
        "list",
        "a file with a certificate chain, in PEM, or a directory of .pem files; "
        "of several the client gets the one for the name that it asks for",
    ),
    Option("key", "list", "the file with the key of each cert, if that does not hold it"),
    Option("key-password", "text", "the password of the keys", secret=True),
    Option("ca", "text", "the file or directory of CAs whose certificates clients need, in PEM"),
    Option("verify", "flag", "with ca, on unless said: refuse clients without a good certificate"),
    Option("optional", "flag", "with ca: let clients without a certificate in, too", False),
    Option("client-name", "list", "with ca: a name that a client's certificate has to be for"),
    Option("alpn", "list", "a protocol to agree on, the best one first; RFC 7301"),
    Option("min-version", "text", "the lowest TLS version", "1.2", choices=("1.2", "1.3")),
)

SCHEME = Scheme(
    name="tls-listen",
    shape=Shape.ENDPOINT,
    summary="a byte stream under TLS from whoever connects to a port of ours",
    carried_by="listener",
    options=(*OPTIONS, *TCP),
    examples=(
        Example("tls-listen://:8443?cert=chain.pem&key=key.pem", "for programs of this machine"),
        Example(
            "tls-listen://[::]:443?ipv4=on&cert=/etc/ours/certs", "one certificate for each name"
        ),
        Example("tls-listen://:8443?cert=ours.pem&ca=clients.pem", "for clients that prove who"),
        Example("tls-listen:?cert=ours.pem::unix-listen:/run/ours", "at another place: a path"),
        Example("tls-listen:?cert=ours.pem::systemd-listen:", "at sockets that systemd passes"),
    ),
)


#: Stands in addresses that need one for the look of it; RFC 9110 section 4.2.2.
HTTPS_PORT = 443


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Listen at the port, accept one connection, do the handshake, and listen no more."""
    from fildes.listening.once import accept_one

    return await accept_one(opening, listen_(opening, address))


async def listen_(opening: Opening, address: Address) -> Acceptor:
    """Listen at every address of the host, on loopback if it names none, or inside."""
    from fildes.listening.above import listen_above
    from fildes.listening.tcp import listen
    from fildes.tls.serving import Contexts
    from fildes.tls.stream import TlsStream

    contexts = Contexts(settings_of(opening, address))

    def secure(inner: Stream) -> TlsStream:
        return TlsStream(inner, contexts.first, server_side=True)

    async def handshake(inner: Stream) -> Stream:
        stream = secure(inner)
        await stream.handshake()
        return stream

    if address.inner is None:
        acceptor = await listen(opening, address, scheme="tls", handshake=handshake)
        if acceptor.handshake is handshake:  # without the PROXY protocol's header before it
            acceptor.secure = secure
    else:
        own = {option.name for option in (*OPTIONS, HANDSHAKE_TIMEOUT)}
        acceptor = await listen_above(opening, address, own, handshake)
        # A client says what the certificate is for; the port then leads nowhere.
        port = acceptor.address.port or HTTPS_PORT
        acceptor.address = Address("tls", contexts.host, port, inner=acceptor.address)
    acceptor.reload = contexts.load
    return acceptor


def settings_of(opening: Opening, address: Address) -> Settings:
    """Return what makes the contexts.

    Raises:
      AddressError: clients are to be verified, and nobody vouches for them.
    """
    from fildes.address.model import Secret
    from fildes.tls.serving import Settings

    def value(name: str) -> Any:
        return opening.option(address, name)

    if value("verify") and not value("ca"):  # it would let everybody in
        raise AddressError("verify needs ca (cafile): the CAs whose certificates are believed")
    return Settings(
        certs=tuple(value("cert") or ()),
        keys=tuple(value("key") or ()),
        key_password=Secret(value("key-password") or ""),
        ca=value("ca") or "",
        verify=value("verify") is not False,
        optional=bool(value("optional")),
        client_names=tuple(value("client-name") or ()),
        alpn=tuple(value("alpn") or ()),
        min_version=value("min-version"),
    )
