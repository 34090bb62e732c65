"""Multicast groups: through which interface they are sent to, and heard; ip(7), ipv6(7)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fildes.address.hostname import canonical_host, is_ip
from fildes.errors import AddressError
from fildes.scheme import Option

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening

#: Of every socket of datagrams.
GROUPS = (
    Option("join", "list", "a multicast group to hear: GROUP or GROUP:INTERFACE; repeat for more"),
    Option("multicast-if", "text", "the interface for multicast, by its name or IPv4 address"),
    Option(
        "multicast-ttl", "integer", "routers that a multicast datagram may pass", least=0, most=255
    ),
    Option("multicast-loop", "flag", "let this machine receive its multicast datagrams, too"),
)

#: linux/in.h, linux/in6.h; the socket module does not know them. Off, a socket hears only
#: the groups that it has joined itself.
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29

#: struct ip_mreqn of ip(7), struct ipv6_mreq of ipv6(7).
MREQN, MREQ6 = struct.Struct("4s4si"), struct.Struct("16sI")


class Membership(NamedTuple):
    """A group, and the interface at which it is heard.

    Attributes:
      interface: a name, an IPv4 address or a number; empty for the kernel's choice.
    """

    group: str
    interface: str

    @property
    def family(self) -> int:
        """The address family of the group."""
        return socket.AF_INET6 if ":" in self.group else socket.AF_INET

    def join(self, sock: socket.SocketType) -> None:
        """Let *sock* hear the group."""
        group, _, _ = self.group.partition("%")
        packed = socket.inet_pton(self.family, group)
        try:
            if self.family == socket.AF_INET6:
                given = MREQ6.pack(packed, number_of(self.interface))
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, given)
            else:
                given = MREQN.pack(packed, *place_of(self.interface))
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, given)
        except OSError as error:
            where = f" at {self.interface}" if self.interface else ""
            told = f"{error.strerror} (group {self.group}{where})"
            raise OSError(error.errno, told) from None


def memberships(opening: Opening, address: Address) -> list[Membership]:
    """Return the groups that the options of *address* name.

    Raises:
      AddressError: one of them is none.
    """
    given = opening.given(address)
    default = given.get("multicast-if") or ""
    return [membership(text, default) for text in given.get("join") or ()]


def membership(text: str, interface: str) -> Membership:
    """Return what *text* spells: a group, and perhaps its interface instead of *interface*."""
    group, own = text, ""
    if text.startswith("["):
        group, _, own = text[1:].partition("]")
        own = own.removeprefix(":")
    elif text.count(":") == 1:
        group, _, own = text.partition(":")
    group = canonical_host(group) if group else ""
    if not is_group(group):
        raise AddressError("option join takes a multicast group: 224.0.0.251, or [ff02::fb]:eth0")
    return Membership(group, own or group.partition("%")[2] or interface)


def is_group(host: str) -> bool:
    """Tell whether *host*, canonical, is the address of a multicast group."""
    if not host or not is_ip(host):
        return False
    if ":" in host:
        return host.lower().startswith("ff")
    return 224 <= int(host.partition(".")[0]) < 240  # RFC 5771


def sending(opening: Opening, address: Address) -> Callable[[socket.SocketType], None]:
    """Return what lets a socket send to groups through the interface of *address*'s options."""
    interface = opening.given(address).get("multicast-if") or ""

    def choose(sock: socket.SocketType) -> None:
        if not interface:
            return
        try:
            if sock.family == socket.AF_INET6:
                index = number_of(interface)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            else:
                given = MREQN.pack(bytes(4), *place_of(interface))
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, given)
        except OSError as error:
            told = f"{error.strerror} (option multicast-if)"
            raise OSError(error.errno, told) from None

    return choose


def join_all(groups: list[Membership], sockets: list[socket.SocketType]) -> None:
    """Let each of *sockets* hear those of *groups* that are of its family.

    Raises:
      AddressError: a group is of no socket's family.
    """
    for each in groups:
        mine = [sock for sock in sockets if sock.family == each.family]
        if not mine:
            raise AddressError(f"group {each.group} is of another address family than the socket")
        for sock in mine:
            each.join(sock)


def hear_no_others(sock: socket.SocketType) -> None:
    """Let *sock* hear no group that another socket has joined."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)


def place_of(interface: str) -> tuple[bytes, int]:
    """Return the address and the number that stand for *interface* in a struct ip_mreqn."""
    try:
        return socket.inet_pton(socket.AF_INET, interface), 0
    except OSError:
        return bytes(4), number_of(interface)


def number_of(interface: str) -> int:
    """Return the number of an interface, which may be named by it; 0 for the kernel's choice.

    Raises:
      OSError: there is none.
    """
    if not interface:
        return 0
    return int(interface) if interface.isdecimal() else socket.if_nametoindex(interface)
