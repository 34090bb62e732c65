"""tls: a byte stream that is private and comes from whom it says; RFC 8446."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fildes.address import Address
from fildes.address.hostname import canonical_host, is_ip
from fildes.opening.announcing import ANNOUNCING, announce
from fildes.opening.opening import Target
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.tls.context import Settings
    from fildes.tls.stream import TlsStream

OPTIONS = (
    Option("ca", "text", "the file or directory of trusted CAs, in PEM, instead of the system's"),
    Option("cert", "text", "the file with our certificate chain, in PEM"),
    Option("key", "text", "the file with its key, if cert does not hold it"),
    Option("key-password", "text", "the password of the key", secret=True),
    Option("alpn", "list", "a protocol to offer, RFC 7301", confined=True),
    Option("name", "text", "the name to expect in the certificate, instead of the host"),
    Option("sni", "flag", "tell the server which name is wanted", True, confined=True),
    Option("verify", "flag", "refuse a certificate that does not prove the name", True),
    Option(
        "min-version",
        "text",
        "the lowest TLS version",
        "1.2",
        choices=("1.2", "1.3"),
        confined=True,
    ),
    ANNOUNCING,
)

SCHEME = Scheme(
    name="tls",
    shape=Shape.ENDPOINT,
    summary="a byte stream under TLS, the peer's certificate verified",
    carried_by="transport",
    confined=True,
    options=OPTIONS,
    examples=(
        Example("tls://example.com:443", "a conversation with a host that proves its name"),
        Example("tls://db.internal:5433?ca=/etc/ours.pem", "a host that our own CA vouches for"),
        Example("tls://example.com:443::socks5://localhost:1080", "the same through a proxy"),
    ),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> TlsStream:
    """Open what carries the address and do the handshake over it."""
    inner = await opening.open_transport(address, Target(address.host, opening.port_of(address)))
    await announce(opening, address, inner)
    return await start(opening, inner, address.host, address)


async def start(
    opening: Opening,
    inner: Stream,
    name: str,
    address: Address | None = None,
    alpn: Sequence[str] = (),
) -> TlsStream:
    """Do a client's handshake over *inner*, which is aborted if that fails.

    Args:
      name: the host that the peer has to prove to be, unless the options say another.
      address: where the options are; else those are taken that `fildes.open` was
        given for tls.
      alpn: the protocols to offer, unless the options say others.
    """
    try:
        with handshaking(opening, name) as facts:
            stream = await connect(opening, inner, name, address or Address("tls"), alpn)
            engine = stream.engine
            facts += filter(None, (engine.version, engine.cipher, engine.alpn))
            return stream
    except BaseException:
        inner.abort()
        raise


@contextlib.contextmanager
def handshaking(opening: Opening, name: str) -> Iterator[list[str]]:
    """Record the body as a handshake, with the facts that it adds to the list."""
    facts = [name]
    since = time.monotonic()
    with opening.blame("handshake"):
        try:
            yield facts
        except BaseException as error:
            opening.trace.record("handshake", ", ".join(facts), since, error)
            raise
        opening.trace.record("handshake", ", ".join(facts), since)


async def connect(
    opening: Opening, inner: Stream, name: str, address: Address, alpn: Sequence[str]
) -> TlsStream:
    """Return a stream over *inner* whose peer is proved to be the one wanted."""
    from fildes.tls.context import check_name, client_context
    from fildes.tls.stream import TlsStream

    wanted = canonical_host(opening.option(address, "name") or name)
    # Neither the dot that ends a complete name nor a zone is in a certificate.
    wanted = wanted.removesuffix(".").partition("%")[0]
    # An IP address is never sent as a name (RFC 6066 section 3), so sni does not matter.
    named = opening.option(address, "sni") or is_ip(wanted)
    context = client_context(settings_of(opening, address, alpn, by_name=named))
    stream = TlsStream(inner, context, server_name=wanted if named else None)
    await stream.handshake()
    if not named and opening.option(address, "verify"):
        check_name(stream.engine.certificate, wanted)
    return stream


def settings_of(
    opening: Opening, address: Address, alpn: Sequence[str], *, by_name: bool
) -> Settings:
    """Return what makes the context."""
    from fildes.address.model import Secret
    from fildes.tls.context import Settings

    def path(option: str) -> str:
        return os.fspath(opening.option(address, option) or "")

    return Settings(
        ca=path("ca"),
        cert=path("cert"),
        key=path("key"),
        key_password=Secret(opening.option(address, "key-password") or ""),
        alpn=tuple(opening.option(address, "alpn") or alpn),
        verify=bool(opening.option(address, "verify")),
        by_name=by_name,
        min_version=opening.option(address, "min-version"),
    )
