"""SOCKS version 5 (RFC 1928) with its user name and password method (RFC 1929).

send    greeting(...)            receive METHOD_REPLY_SIZE bytes -> check_method
[ send  password_request(...)    receive PASSWORD_REPLY_SIZE     -> check_password ]
send    connect_request(...)     receive REPLY_HEAD_SIZE         -> check_reply
                                 receive as many bytes as it returned
"""

from __future__ import annotations

import errno
import os
import re
import socket
from typing import Final

from fildes.errors import AddressError, ProtocolError

VERSION: Final = 5
PASSWORD_VERSION: Final = 1  # RFC 1929 section 2

NO_AUTHENTICATION_REQUIRED: Final = 0
USERNAME_PASSWORD: Final = 2
NO_ACCEPTABLE_METHODS: Final = 0xFF

CONNECT: Final = 1

METHOD_REPLY_SIZE: Final = 2
PASSWORD_REPLY_SIZE: Final = 2
REPLY_HEAD_SIZE: Final = 5  # VER REP RSV ATYP, and the first byte of BND.ADDR

ATYP_IPV4: Final = 1
ATYP_DOMAINNAME: Final = 3
ATYP_IPV6: Final = 4

#: REP field to errno; RFC 1928 section 6.
ERRNO_OF_REPLY: Final = {
    1: errno.EIO,  # general SOCKS server failure
    2: errno.EACCES,  # connection not allowed by ruleset
    3: errno.ENETUNREACH,
    4: errno.EHOSTUNREACH,
    5: errno.ECONNREFUSED,
    6: errno.ETIMEDOUT,  # TTL expired
    7: errno.EOPNOTSUPP,
    8: errno.EAFNOSUPPORT,
}

_HOST_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]{1,255}")  # visible ASCII but ":"


def greeting(*, with_password: bool) -> bytes:
    """Return the list of methods that we can authenticate by."""
    methods = [NO_AUTHENTICATION_REQUIRED]
    if with_password:
        methods.append(USERNAME_PASSWORD)
    return bytes([VERSION, len(methods), *methods])


def check_method(reply: bytes, *, with_password: bool) -> bool:
    """Return whether the proxy wants the password.

    Raises:
      PermissionError: it accepts no method that we offered.
      ProtocolError: it chose one that we did not offer, or is no SOCKS5 proxy.
    """
    version, method = reply
    _check_version(version, VERSION)
    if method == NO_ACCEPTABLE_METHODS:
        advice = "accepts neither none nor a password" if with_password else "wants a password"
        raise PermissionError(errno.EACCES, f"SOCKS5 proxy {advice}")
    if method == NO_AUTHENTICATION_REQUIRED:
        return False
    if method == USERNAME_PASSWORD and with_password:
        return True
    raise ProtocolError(f"SOCKS5 proxy chose method {method}, which was not offered")


def password_request(username: str, password: str) -> bytes:
    """Return the request that proves who we are; RFC 1929 section 2.

    Raises:
      ValueError: either is empty or longer than 255 bytes in UTF-8.
    """
    parts = [PASSWORD_VERSION.to_bytes(1, "big")]
    for what, text in (("user name", username), ("password", password)):
        data = text.encode()
        if not 1 <= len(data) <= 255:
            raise ValueError(f"SOCKS5 {what} must have 1 to 255 bytes, not {len(data)}")
        parts += len(data).to_bytes(1, "big"), data
    return b"".join(parts)


def check_password(reply: bytes) -> None:
    """Raise PermissionError unless the proxy took the password."""
    version, status = reply
    _check_version(version, PASSWORD_VERSION)
    if status:
        raise PermissionError(errno.EACCES, "SOCKS5 proxy refused the user name or password")


def connect_request(host: str, port: int) -> bytes:
    """Return the request to connect to *host*, a name or an address literal.

    Raises:
      AddressError: *host* is neither, or a name of more than 255 bytes.
    """
    return bytes([VERSION, CONNECT, 0]) + _destination(host) + port.to_bytes(2, "big")


def check_reply(head: bytes) -> int:
    """Return how many bytes of a good reply follow its *head*.

    They are the rest of the address that the proxy connected from.

    Raises:
      OSError: the one that the reply code stands for.
      ProtocolError: the reply is malformed.
    """
    version, code, reserved, address_type, first = head
    _check_version(version, VERSION)
    if code:
        number = ERRNO_OF_REPLY.get(code, errno.EPROTO)
        raise OSError(number, f"{os.strerror(number)} (SOCKS5 reply {code})")
    sizes = {ATYP_IPV4: 4, ATYP_IPV6: 16, ATYP_DOMAINNAME: 1 + first}
    if reserved or address_type not in sizes:
        raise ProtocolError(f"malformed SOCKS5 reply: {head!r}")
    return sizes[address_type] - 1 + 2  # the first byte is in the head; a port of two follows


def _destination(host: str) -> bytes:
    """Return ATYP and DST.ADDR; RFC 1928 section 5."""
    for address_type, family in ((ATYP_IPV4, socket.AF_INET), (ATYP_IPV6, socket.AF_INET6)):
        try:
            return bytes([address_type]) + socket.inet_pton(family, host)
        except (OSError, ValueError):  # ValueError: a NUL in it
            continue
    if not _HOST_NAME.fullmatch(host):
        raise AddressError(f"SOCKS5 cannot carry the host name {host[:40]!r}")
    return bytes([ATYP_DOMAINNAME, len(host)]) + host.encode("ascii")


def _check_version(version: int, expected: int) -> None:
    if version != expected:
        raise ProtocolError(f"peer is no SOCKS5 proxy: version {version} instead of {expected}")
