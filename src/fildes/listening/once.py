"""Listening for a single connection: what opening an address ``...-listen`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.listening.accepting import Acceptor
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.waiting import Protocol


async def accept_one(opening: Opening, listening: Protocol[Acceptor]) -> Stream:
    """Listen, accept one connection, listen no more, and return the connection."""
    with opening.blame("listen"):
        acceptor = await listening
    try:
        with opening.step("listen", str(acceptor.address)):
            return await acceptor.accept_stream()
    finally:
        acceptor.close()
