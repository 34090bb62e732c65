"""Datagrams as a listener receives them: from whom, and to which address of ours."""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

from fildes.streams.kernel import RECV_FLAGS
from fildes.streams.stream import MAX_DATAGRAM

IP_PKTINFO = 8  #: linux/in.h; the socket module knows it from Python 3.14 on

MULTICAST = 0xFF  #: how such IPv6 addresses begin; they are nobody's own; RFC 4291 section 2.7


class Arrival(NamedTuple):
    """One datagram that no conversation has received itself.

    Attributes:
      listener: the socket of the place that it was sent to.
      local: the address that it was sent to, if the listener's is a wildcard; if that is
        everybody's or a group's, the one of ours that it came to.
      to_many: it was sent by broadcast, or to a multicast group.
    """

    data: bytes
    peer: Any
    listener: socket.socket
    local: str
    to_many: bool = False


def tell_destination(sock: socket.socket) -> None:
    """Have each datagram say which address it was sent to; ip(7), ipv6(7)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def receive_from(listener: socket.socket) -> Arrival | None:
    """Receive one datagram; None for one without a place to answer to.

    Raises:
      BlockingIOError: there is none.
    """
    data, told, _, peer = listener.recvmsg(MAX_DATAGRAM, 64, RECV_FLAGS)
    if not peer or not peer[1]:  # port 0 takes no answer; RFC 768
        return None
    local, to_many = listener.getsockname()[0], False
    for level, kind, value in told:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            # struct in_pktinfo: interface, local address, destination.
            _, ours, destination = struct.unpack("i4s4s", value)
            local, to_many = socket.inet_ntop(socket.AF_INET, ours), ours != destination
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            to_many = value[0] == MULTICAST
            local = "::" if to_many else socket.inet_ntop(socket.AF_INET6, value[:16])
    return Arrival(data, peer, listener, local, to_many)
