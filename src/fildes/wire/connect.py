"""The CONNECT request to an HTTP proxy (RFC 9110 section 9.3.6), and its answer.

`fildes.wire.http1.HeadReader` reads the answer; what follows its head is the tunnel.
"""

from __future__ import annotations

import binascii
import errno
import os
import re
from typing import Final

from fildes.errors import AddressError
from fildes.wire.http1 import ResponseHead, request_head

#: Status to errno, as proxies use it when they do not connect.
ERRNO_OF_STATUS: Final = {
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.EHOSTUNREACH,
    405: errno.EOPNOTSUPP,  # a server, not a proxy
    407: errno.EACCES,
    429: errno.EBUSY,
    501: errno.EOPNOTSUPP,
    502: errno.EHOSTUNREACH,
    503: errno.EHOSTUNREACH,  # Squid's, for a refused connection and an unknown name alike
    504: errno.ETIMEDOUT,
}

# A host that cannot run into the port or out of the request line.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}|[0-9A-Fa-f:.]{2,45}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def connect_request(
    host: str, port: int, *, username: str | None = None, password: str = ""
) -> bytes:
    """Return the request for a tunnel to *host*, a name or an address literal.

    Raises:
      AddressError: *host* is neither.
      ValueError: *username* or *password* cannot be sent; RFC 7617 section 2.
    """
    if not _HOST.fullmatch(host):
        raise AddressError(f"CONNECT cannot carry the host name {host[:40]!r}")
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    fields = [("Host", authority)]
    if username is not None:
        fields.append(("Proxy-Authorization", _basic(username, password)))
    return request_head("CONNECT", authority, fields)


def check_response(head: ResponseHead) -> None:
    """Raise the OSError that the proxy's answer stands for; 2xx is success."""
    if 200 <= head.status < 300:
        return
    number = ERRNO_OF_STATUS.get(head.status, errno.EIO)
    words = os.strerror(number)
    if head.status == 407:
        words = "proxy wants another user name and password"
    # The reason is the peer's text: repr() keeps it from driving a terminal.
    raise OSError(number, f"{words} (proxy answered {head.status} {head.reason[:80]!r})")


def _basic(username: str, password: str) -> str:
    if ":" in username or _CONTROL.search(username + password):
        raise ValueError("proxy user name holds a colon, or it or the password a control character")
    token = binascii.b2a_base64(f"{username}:{password}".encode(), newline=False)
    return f"Basic {token.decode('ascii')}"
