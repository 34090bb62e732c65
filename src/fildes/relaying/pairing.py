"""Which callbacks copy between two streams, if there are some that are made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fildes.relaying.pair import Pair, is_socket
from fildes.streams.kernel import SocketStream

if TYPE_CHECKING:
    from fildes.streams.stream import Stream


#: What `pair_of` has found, by the classes that it was asked for.
KINDS: dict[tuple[type, ...], type[Pair[Any]] | None] = {}


def pair_for(near: Stream, far: Stream) -> type[Pair[Any]] | None:
    """Return what copies between *near* and *far*; None: only protocol code can."""
    if type(near) is SocketStream is type(far):  # as nearly always
        return Pair
    classes = (*map(type, near.layers()), *map(type, far.layers()))
    try:
        return KINDS[classes]
    except KeyError:
        kind = KINDS[classes] = pair_of(near, far)
        return kind


def pair_of(near: Stream, far: Stream) -> type[Pair[Any]] | None:
    """Return what `pair_for` does, which is the same for all streams of their classes."""
    if is_socket(near) and is_socket(far):
        return Pair
    if near.messages and far.messages:
        from fildes.relaying.datagrams import DatagramPair, keeps_datagrams

        return DatagramPair if keeps_datagrams(near) and keeps_datagrams(far) else None
    if near.inner is not None or far.inner is not None:
        from fildes.relaying.coded import CodedPair, is_over_socket

        return CodedPair if is_over_socket(near) and is_over_socket(far) else None
    return None
