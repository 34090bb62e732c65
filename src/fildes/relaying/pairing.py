"""Which callbacks copy between two streams, if there are some that are made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.relaying.pair import Pair, is_socket

if TYPE_CHECKING:
    from fildes.streams.stream import Stream


def pair_for(near: Stream, far: Stream) -> type[Pair[Any]] | None:
    """Return what copies between *near* and *far*; None: only protocol code can."""
    if is_socket(near) and is_socket(far):
        return Pair
    if near.messages and far.messages:
        from fildes.relaying.datagrams import DatagramPair, keeps_datagrams

        if keeps_datagrams(near) and keeps_datagrams(far):
            return DatagramPair
    if near.inner is not None or far.inner is not None:
        from fildes.relaying.secured import SecuredPair, is_over_socket

        if is_over_socket(near) and is_over_socket(far):
            return SecuredPair
    return None
