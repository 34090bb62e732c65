"""SOCKS version 4A: the proxy resolves the name.

https://www.openssh.com/txt/socks4.protocol and socks4a.protocol define it.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from typing import Final

from fildes.errors import AddressError, ProtocolError

CONNECT: Final = 1
REQUEST_GRANTED: Final = 90
REPLY_SIZE: Final = 8

#: CD field to errno; 90 is success.
ERRNO_OF_REPLY: Final = {
    91: errno.ECONNREFUSED,  # rejected or failed
    92: errno.EACCES,  # the proxy cannot reach identd on our host
    93: errno.EACCES,  # identd reports another user
}

_NAME_FOLLOWS: Final = b"\0\0\0\1"  # 0.0.0.x with x not 0 says so
_HOST_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]{1,255}")  # visible ASCII but ":"


def connect_request(host: str, port: int, user: str = "") -> bytes:
    """Return the request to connect to *host*, a name or an IPv4 address.

    Raises:
      AddressError: *host* is neither.
      OSError: EAFNOSUPPORT, *host* is an IPv6 address.
      ValueError: *user* holds a NUL.
    """
    if "\0" in user:
        raise ValueError("SOCKS4 user name holds a NUL")
    head = bytes([4, CONNECT]) + port.to_bytes(2, "big")
    return head + _destination(host, user.encode() + b"\0")


def check_reply(reply: bytes) -> None:
    """Raise the OSError that a SOCKS4 *reply* stands for; 90 is success."""
    version, code = reply[:2]
    if version != 0:
        raise ProtocolError(f"peer is no SOCKS4 proxy: reply version {version} instead of 0")
    if code != REQUEST_GRANTED:
        number = ERRNO_OF_REPLY.get(code, errno.EPROTO)
        raise OSError(number, f"{os.strerror(number)} (SOCKS4 reply {code})")


def _destination(host: str, user: bytes) -> bytes:
    """Return DSTIP, *user*, and the name if there is one."""
    if ":" in host:
        raise OSError(
            errno.EAFNOSUPPORT, f"SOCKS4 cannot carry the IPv6 address {host[:40]!r}: use socks5"
        )
    if not _HOST_NAME.fullmatch(host):
        raise AddressError(f"SOCKS4 cannot carry the host name {host[:40]!r}")
    try:
        packed = socket.inet_pton(socket.AF_INET, host)
    except OSError:
        packed = _NAME_FOLLOWS
    if packed.startswith(b"\0\0\0"):  # 0.0.0.5 too must go as a name, or it would announce one
        return _NAME_FOLLOWS + user + host.encode("ascii") + b"\0"
    return packed + user
