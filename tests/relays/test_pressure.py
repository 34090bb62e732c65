"""A slow reader stops a fast writer: what a relay holds meanwhile is bounded."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import termios
from pathlib import Path

from relay_ends import pattern, recv_into, relayed_ends
from relays_under_test import RelayTo

DATA = pattern(1 << 20) * 32

#: Bytes that a relay may hold of one direction.
HELD_BY_RELAY = 1 << 20

#: Milliseconds for which nobody takes anything more: then everything is full.  # arbitrary
FULL = 200


def push(sock: socket.socket, data: bytes) -> int:
    """Send as much of *data* as is taken; return how much that was."""
    sent, poll = 0, select.poll()
    poll.register(sock, select.POLLOUT)
    sock.setblocking(False)
    while sent < len(data) and poll.poll(FULL):
        sent += sock.send(memoryview(data)[sent : sent + 65536])
    return sent


def test_writer_is_stopped(relay_to: RelayTo, tmp_path: Path) -> None:
    """R3: of a direction that nobody reads, what is neither sent nor received is under 1 MiB.

    The sender counts what was taken from it. Of that, as much as its buffer holds may lie
    before the relay (unix(7), SO_SNDBUF), and the kernel tells what lies behind it.
    """
    with relayed_ends(relay_to, "left", "right", directory=tmp_path) as ends:
        sent = push(ends.left, DATA)
        assert select.select([ends.right], [], [], 30)[0]  # it may have had no time so far
        before = ends.left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        (behind,) = struct.unpack("i", fcntl.ioctl(ends.right, termios.FIONREAD, bytes(4)))
        assert behind > 0
        assert sent - before - behind <= HELD_BY_RELAY
        assert sent < len(DATA)
        ends.left.settimeout(30)
        got = bytearray()
        ends.left.shutdown(socket.SHUT_WR)
        ends.right.shutdown(socket.SHUT_WR)
        recv_into(got, ends.right)
        assert bytes(got) == DATA[:sent]
        assert ends.relay.outcome() is None
