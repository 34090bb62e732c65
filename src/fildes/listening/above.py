"""Listening at the place of another listener, whose streams get one handshake more."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from fildes.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol

    Handshake = Callable[[Stream], Protocol[Stream]]


async def listen_above(
    opening: Opening, address: Address, own: set[str], handshake: Handshake
) -> Acceptor:
    """Listen at the layer that carries *address*, and do *handshake* with each stream.

    Args:
      own: the options that say nothing of a place.

    Raises:
      AddressError: another option is given: it belongs to the layer below.
      OSError: EPROTOTYPE, what comes there are no byte streams.
    """
    assert address.inner is not None
    given = {name for name, _ in address.options}
    given.update(opening.options.get(address.scheme.replace("-", "_"), ()))
    if misplaced := sorted(given - own):
        raise AddressError(
            f"option {misplaced[0]} says where to listen: give it to {address.inner.scheme}"
        )
    acceptor = await opening.listen_at(address.inner)
    try:
        if any(sock.type != socket.SOCK_STREAM for sock in acceptor.sockets):
            message = f"{address.scheme} needs a byte stream, and gets datagrams or records"
            raise OSError(errno.EPROTOTYPE, message)
        acceptor.handshake_timeout = opening.option(address, "handshake-timeout")
    except BaseException:
        acceptor.close()
        raise
    acceptor.handshake, acceptor.secure = after(acceptor.handshake, handshake), None
    return acceptor


def after(first: Handshake | None, then: Handshake) -> Handshake:
    """Return the handshake that does *first*, if there is one, and *then* the other."""
    if first is None:
        return then
    before = first

    async def both(stream: Stream) -> Stream:
        return await then(await before(stream))

    return both
