"""A pair of sockets of datagrams in a loop, for tests."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from peers import LIMIT
from until import run_until

from fildes.drivers.loop import Loop
from fildes.relaying.datagrams import DatagramPair
from fildes.streams.datagrams import DatagramStream

#: A pair, and how it ended, if it has.
Paired = tuple[DatagramPair[None], list[Exception | None]]


class Watched(socket.socket):
    """A socket that notes what it is asked for, and may refuse to cut datagrams.

    Attributes:
      sends: how many bytes went to the kernel at once.
      looks: how often somebody tried to receive.
      refusal: the errno of what is to be cut.
    """

    sends: list[int]
    looks = 0
    refusal: int | None = None

    def recv_into(self, *rest: Any) -> int:
        self.looks += 1
        return super().recv_into(*rest)

    def send(self, data: Any, flags: int = 0) -> int:
        self.sends.append(len(data))
        return super().send(data, flags)

    def sendmsg(self, buffers: Any, *rest: Any) -> int:
        if self.refusal is not None:
            raise OSError(self.refusal, os.strerror(self.refusal))
        self.sends.append(sum(map(len, buffers)))
        return super().sendmsg(buffers, *rest)


class Between(NamedTuple):
    """A pair in a loop, and those whom its two sockets are connected to."""

    loop: Loop
    left: socket.socket
    right: socket.socket
    source: Watched
    sink: Watched
    ended: list[Exception | None]
    pair: DatagramPair[None]

    def run(self, until: Callable[[], bool]) -> None:
        """Run the loop until something is so."""
        run_until(self.loop, until)

    def passed(self, datagrams: list[bytes]) -> list[bytes]:
        """Return what comes out on the right of *datagrams* that go in on the left."""
        for datagram in datagrams:
            self.left.send(datagram)
        before = self.pair.there.count
        self.run(lambda: self.pair.there.count == before + len(datagrams))
        return [self.right.recv(70_000) for _ in datagrams]


def connected_pair(kind: type[socket.socket]) -> tuple[socket.socket, Any]:
    """Return two sockets of udp that are connected to each other, the second one a *kind*."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other = kind(socket.AF_INET, socket.SOCK_DGRAM)
    for sock in (one, other):
        sock.bind(("127.0.0.1", 0))
    one.settimeout(LIMIT)
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    return one, other


def pair_between(loop: Loop, near: socket.socket, far: socket.socket) -> Paired:
    """Return a pair that copies between two sockets once it starts, and how it ended."""
    ended: list[Exception | None] = []
    ends = DatagramStream(near), DatagramStream(far)
    return DatagramPair(loop, *ends, lambda _, error: ended.append(error), None), ended


@pytest.fixture
def between(nothing_left_behind: None) -> Iterator[Between]:
    left, near = connected_pair(Watched)
    right, far = connected_pair(Watched)
    near.sends, far.sends = [], []
    with Loop() as loop, left, near, right, far:
        pair, ended = pair_between(loop, near, far)
        pair.start()
        yield Between(loop, left, right, near, far, ended, pair)
        if not ended:
            pair.stop()
