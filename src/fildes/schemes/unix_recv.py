"""unix-recv: the datagrams that processes of this machine send to a path of ours; unix(7)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from fildes.opening.modes import permissions
from fildes.opening.owners import OWNER, owner_of
from fildes.scheme import Example, Option, Scheme, Shape

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening, Target
    from fildes.streams.stream import Stream

SCHEME = Scheme(
    name="unix-recv",
    shape=Shape.PATH,
    summary="the datagrams that processes of this machine send to a path of ours",
    mode="rb",
    options=(
        Option("mode", "text", "who may send: the permissions of the file, in octal", "600"),
        *OWNER,
    ),
    examples=(Example("unix-recv:///run/ours/log?mode=666", "what any of them has to say"),),
)


async def open_(opening: Opening, address: Address, target: Target | None) -> Stream:
    """Receive at the path, which is removed at the end, or by the abstract name."""
    from fildes.listening.unix import NamedSocket
    from fildes.streams.everybody import HeardRecords

    mode, owner = permissions(opening.option(address, "mode")), owner_of(opening, address)
    with opening.step("connect", address.path):
        sock = NamedSocket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            await sock.take(address.path, mode, owner)
        except BaseException:
            sock.close()
            raise
        return HeardRecords(sock)
