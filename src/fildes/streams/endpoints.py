"""The names of sockets, as addresses."""

from __future__ import annotations

import os
import socket

from fildes.address.syntax import PATH_SAFE, quote

#: Socket types by the scheme that opens them; families beside AF_UNIX are internet's.
SCHEME_OF_TYPE: dict[int, str] = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
SCHEME_OF_UNIX_TYPE: dict[int, str] = {
    socket.SOCK_STREAM: "unix",
    socket.SOCK_DGRAM: "unix-dgram",
    socket.SOCK_SEQPACKET: "unix-seqpacket",
}


def endpoint(sock: socket.SocketType, name: object) -> str | None:
    """Return a socket's name as an address; None for one that has no name."""
    match name:
        case (str(host), int(port), *_):
            shown = f"[{host.replace('%', '%25')}]" if ":" in host else host
            return f"{SCHEME_OF_TYPE.get(sock.type, 'tcp')}://{shown}:{port}"
        case str() | bytes() if name and sock.family == socket.AF_UNIX:
            path = f"@{os.fsdecode(name[1:])}" if isinstance(name, bytes) else name
            return f"{SCHEME_OF_UNIX_TYPE[sock.type]}:{quote(path, PATH_SAFE)}"
        case (int(context), int(port)) if sock.family == socket.AF_VSOCK:
            return f"vsock://{context}:{port}"
        case _:
            return None
