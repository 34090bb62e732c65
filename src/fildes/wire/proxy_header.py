"""The header of the PROXY protocol, versions 1 and 2: from whom a connection was passed on.

HAProxy's "The PROXY protocol", of 2020, sections 2.1 and 2.2. It stands before all
else in a connection; version 1 is a line of text, version 2 binary. Whoever reads has
to take no byte of what follows: `missing` says how many are certainly still of it.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from fildes.errors import ProtocolError
from fildes.patterns import pattern

#: IP address and port.
Endpoint = tuple[str, int]

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
#: Of version 2: signature, command, family and length.
FIXED_SIZE = 16
#: Of version 1: ``PROXY UNKNOWN`` and its line end; the longest line with its end.
SHORTEST_LINE, LONGEST_LINE = 15, 107
WORD = b"PROXY "

_LINE = pattern(
    rb"PROXY (TCP4|TCP6) ([0-9.]{7,15}|[0-9A-Fa-f:.]{2,45}) ([0-9.]{7,15}|[0-9A-Fa-f:.]{2,45})"
    rb" (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n"
)
_UNKNOWN = pattern(rb"PROXY UNKNOWN(?: [ -~]*)?\r\n")

FAMILY_OF_WORD = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}
FAMILY_OF_NIBBLE = {1: socket.AF_INET, 2: socket.AF_INET6}
ADDRESS_SIZE = {socket.AF_INET: 4, socket.AF_INET6: 16}
UNIX_SIZE = 216  #: two paths of 108 bytes
LOCAL, PROXY = 0x20, 0x21  #: version and command
STREAM, DATAGRAM = 1, 2


class ProxyHeader(NamedTuple):
    """What a header says; None for an endpoint that it does not tell.

    Attributes:
      source: the client that the passer-on has accepted.
      destination: what that client has connected to.
    """

    source: Endpoint | None = None
    destination: Endpoint | None = None


def missing(head: bytes) -> int:
    """Return how many bytes of the header are certainly still to come; 0 if none.

    Raises:
      ProtocolError: *head* begins no header.
    """
    if not any(head.startswith(each[: len(head)]) for each in (SIGNATURE, WORD)):
        raise ProtocolError("no PROXY header, which the listener's options ask for")
    if len(head) < SHORTEST_LINE:
        return SHORTEST_LINE - len(head)
    if head.startswith(SIGNATURE):
        if len(head) < FIXED_SIZE:
            return FIXED_SIZE - len(head)
        return FIXED_SIZE + int.from_bytes(head[14:16], "big") - len(head)
    if head.endswith(b"\r\n"):
        return 0
    if len(head) >= LONGEST_LINE or b"\n" in head:
        raise ProtocolError("the line of the PROXY header does not end as it has to")
    return 1 if head.endswith(b"\r") else 2


def parse(head: bytes) -> ProxyHeader:
    """Return what a complete header says.

    Raises:
      ProtocolError: it is none.
    """
    return parse_binary(head) if head.startswith(SIGNATURE) else parse_line(head)


def parse_line(line: bytes) -> ProxyHeader:
    """Return what a header of version 1 says."""
    match = _LINE.fullmatch(line)
    if match is None:
        if _UNKNOWN.fullmatch(line):
            return ProxyHeader()
        raise ProtocolError("the PROXY header is no line of version 1")
    word, *hosts, source_port, port = match.groups()
    ports = int(source_port), int(port)
    if max(ports) > 65535:
        raise ProtocolError("a port in the PROXY header is more than 65535")
    try:
        source, host = (canonical(FAMILY_OF_WORD[word], each.decode()) for each in hosts)
    except OSError:
        raise ProtocolError("an address in the PROXY header is none") from None
    return ProxyHeader((source, ports[0]), (host, ports[1]))


def canonical(family: int, host: str) -> str:
    """Return *host* as the kernel writes it."""
    return socket.inet_ntop(family, socket.inet_pton(family, host))


def parse_binary(head: bytes) -> ProxyHeader:
    """Return what a header of version 2 says; what follows the addresses is left aside."""
    command, kind, body = head[12], head[13], head[FIXED_SIZE:]
    if len(head) < FIXED_SIZE or len(body) != int.from_bytes(head[14:16], "big"):
        raise ProtocolError("the PROXY header is not as long as it says")
    if command not in (LOCAL, PROXY) or kind >> 4 > 3 or kind & 15 > 2:
        raise ProtocolError("the PROXY header has a version, command or family that is none")
    family = FAMILY_OF_NIBBLE.get(kind >> 4)
    size = UNIX_SIZE if kind >> 4 == 3 else 0
    if family is not None:
        size = 2 * ADDRESS_SIZE[family] + 4
    if command == PROXY and len(body) < size:
        raise ProtocolError("the addresses of the PROXY header are cut short")
    if command == LOCAL or family is None:
        return ProxyHeader()
    return endpoints(family, body)


def endpoints(family: int, body: bytes) -> ProxyHeader:
    """Return the endpoints that *body* begins with."""
    size = ADDRESS_SIZE[socket.AddressFamily(family)]
    source, host = (
        socket.inet_ntop(family, body[:size]),
        socket.inet_ntop(family, body[size : 2 * size]),
    )
    ports = body[2 * size : 2 * size + 4]
    return ProxyHeader(
        (source, int.from_bytes(ports[:2], "big")), (host, int.from_bytes(ports[2:], "big"))
    )


def encode(version: int, header: ProxyHeader, *, datagrams: bool = False) -> bytes:
    """Return *header* in a version of the protocol, 1 or 2.

    Args:
      datagrams: what is passed on is no stream; version 2 says so.
    """
    if header.source is None or header.destination is None:
        return b"PROXY UNKNOWN\r\n" if version == 1 else SIGNATURE + bytes([LOCAL, 0, 0, 0])
    (source, source_port), (host, port) = header.source, header.destination
    family, packed = same_family(source, host)
    if version == 1:
        word = "TCP4" if family == socket.AF_INET else "TCP6"
        source, host = (socket.inet_ntop(family, each) for each in packed)
        return f"PROXY {word} {source} {host} {source_port} {port}\r\n".encode()
    nibble = 1 if family == socket.AF_INET else 2
    ports = source_port.to_bytes(2, "big") + port.to_bytes(2, "big")
    body = b"".join((*packed, ports))
    kind = nibble << 4 | (DATAGRAM if datagrams else STREAM)
    return SIGNATURE + bytes([PROXY, kind]) + len(body).to_bytes(2, "big") + body


def same_family(*hosts: str) -> tuple[int, list[bytes]]:
    """Return the address family of all *hosts*, and each of them in it.

    One of each family: the IPv4 address as IPv6 has it; RFC 4291 section 2.5.5.2.
    """
    packed = [pack(host) for host in hosts]
    if len({len(each) for each in packed}) == 1:
        return (socket.AF_INET if len(packed[0]) == 4 else socket.AF_INET6), packed
    mapped = bytes(10) + b"\xff\xff"
    return socket.AF_INET6, [each if len(each) == 16 else mapped + each for each in packed]


def pack(host: str) -> bytes:
    """Return the bytes of an IP address, whose zone nobody else could know."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host.partition("%")[0])
