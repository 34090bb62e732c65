"""What a program learns of its connection: variables, as UCSPI names them.

The UNIX Client-Server Program Interface of tcpserver(1): PROTO, and with it as prefix
the two ends. What TLS has agreed on and proved is told in the names that Apache's
mod_ssl has given it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any

from fildes.opening.announcing import header_of
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fildes.streams.stream import Stream
    from fildes.tls.engine import TlsEngine

#: Variables that begin so are ours to set, and nobody else's to leave behind.
PREFIXES = (
    *("TCPREMOTE", "TCPLOCAL", "UDPREMOTE", "UDPLOCAL", "UNIXREMOTE", "UNIXLOCAL"),
    *("VSOCKREMOTE", "VSOCKLOCAL", "SSL_"),
)

#: pid, uid, gid of unix(7), SO_PEERCRED.
CREDENTIALS = struct.Struct("iii")

#: Attributes of a certificate's names by what mod_ssl calls them; RFC 4519 section 2.
ATTRIBUTES = {
    "commonName": "CN",
    "countryName": "C",
    "emailAddress": "Email",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "serialNumber": "serialNumber",
    "stateOrProvinceName": "ST",
    "userId": "UID",
}


def environment(stream: Stream, base: Mapping[str, str]) -> dict[str, str]:
    """Return *base* with the variables that tell of *stream*, and none that told of another."""
    return {**of_no_connection(base), **told_of(stream)}


def of_no_connection(base: Mapping[str, str]) -> dict[str, str]:
    """Return *base* without variables that tell of a connection."""
    return {
        name: value
        for name, value in base.items()
        if name != "PROTO" and not name.startswith(PREFIXES)
    }


def told_of(stream: Stream) -> dict[str, str]:
    """Return the variables that tell of *stream*."""
    return {
        name: value.replace("\0", "")  # which no variable can hold
        for name, value in variables(stream)
    }


def variables(stream: Stream) -> Iterator[tuple[str, str]]:
    """Yield the variables that tell of *stream*."""
    sockets = [layer for layer in stream.layers() if isinstance(layer, SocketStream)]
    if sockets:
        yield from of_socket(sockets[-1])
    engine = next((e for layer in stream.layers() if (e := getattr(layer, "engine", None))), None)
    if engine is not None:
        yield from of_tls(engine)


def of_socket(stream: SocketStream) -> Iterator[tuple[str, str]]:
    """Yield what names the ends of a socket."""
    if stream.sock.family == socket.AF_UNIX:
        yield from of_unix(stream)
        return
    if stream.sock.family == socket.AF_VSOCK:
        yield from of_vsock(stream)
        return
    proto = "UDP" if stream.sock.type == socket.SOCK_DGRAM else "TCP"
    yield "PROTO", proto
    header = header_of(stream)
    for end, place in (("REMOTE", header.source), ("LOCAL", header.destination)):
        if place is not None:
            yield f"{proto}{end}IP", place[0]
            yield f"{proto}{end}PORT", str(place[1])


def of_unix(stream: SocketStream) -> Iterator[tuple[str, str]]:
    """Yield who is at the other end of a unix socket, and where both ends are."""
    sock = stream.sock
    yield "PROTO", "UNIX"
    with contextlib.suppress(OSError):
        packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        for name, value in zip(("PID", "EUID", "EGID"), CREDENTIALS.unpack(packed), strict=True):
            yield f"UNIXREMOTE{name}", str(value)
    names: tuple[tuple[str, Any], ...] = (
        ("LOCAL", sock.getsockname()),
        ("REMOTE", stream.peer_name),
    )
    for end, name in names:
        path = f"@{name[1:].decode(errors='replace')}" if isinstance(name, bytes) and name else name
        if path:
            yield f"UNIX{end}PATH", str(path)


def of_vsock(stream: SocketStream) -> Iterator[tuple[str, str]]:
    """Yield the contexts and ports of both ends of a vsock."""
    yield "PROTO", "VSOCK"
    for end, name in (("REMOTE", stream.peer_name), ("LOCAL", stream.sock.getsockname())):
        if isinstance(name, tuple):
            yield f"VSOCK{end}CID", str(name[0])
            yield f"VSOCK{end}PORT", str(name[1])


def of_tls(engine: TlsEngine) -> Iterator[tuple[str, str]]:
    """Yield what TLS has agreed on, and what the client has proved."""
    facts = {
        "SSL_PROTOCOL": engine.version,
        "SSL_CIPHER": engine.cipher,
        "SSL_ALPN_PROTOCOL": engine.alpn,
        "SSL_TLS_SNI": engine.asked_name,  # as of mod_ssl, and of s6-networking below
        "SSL_TLS_SNI_SERVERNAME": engine.asked_name,
    }
    yield from ((name, value) for name, value in facts.items() if value)
    certificate = engine.certificate
    yield "SSL_CLIENT_VERIFY", "SUCCESS" if certificate else "NONE"
    if certificate:
        yield "SSL_CLIENT_M_SERIAL", certificate["serialNumber"]
        yield "SSL_CLIENT_V_START", certificate["notBefore"]
        yield "SSL_CLIENT_V_END", certificate["notAfter"]
        yield from of_name("SSL_CLIENT_S_DN", certificate["subject"])
        yield from of_name("SSL_CLIENT_I_DN", certificate["issuer"])
        for at, (kind, value) in enumerate(certificate.get("subjectAltName", ())):
            yield f"SSL_CLIENT_SAN_{kind.replace(' ', '_')}_{at}", str(value)


def of_name(variable: str, name: Any) -> Iterator[tuple[str, str]]:
    """Yield a certificate's distinguished name, whole and in its parts."""
    pairs = [(ATTRIBUTES.get(key, key), value) for part in name for key, value in part]
    yield variable, ",".join(f"{key}={escaped(value)}" for key, value in reversed(pairs))
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    yield from ((f"{variable}_{key}", value) for key, value in first.items())


def escaped(value: str) -> str:
    """Return *value* with its commas and their like escaped; RFC 4514 section 2.4."""
    return "".join(f"\\{char}" if char in ',+"\\<>;=' else char for char in value)
