"""The socket options of internet addresses: one table for tcp and udp, connecting or not."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.address.hostname import canonical_host, is_ip
from fildes.address.rules import parse_port
from fildes.errors import AddressError
from fildes.scheme import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.address import Address
    from fildes.opening.opening import Opening

NODELAY = Option(
    "nodelay", "flag", "send small writes at once instead of gathering them", True, confined=True
)

#: What an int holds, as setsockopt(2) takes it.
MOST = (1 << 31) - 1

#: MAX_TCP_KEEPIDLE and its like, of include/net/tcp.h.
MOST_SECONDS = 32767

KEEPALIVE = (
    Option("keepalive", "flag", "probe an idle connection, so that a dead peer is noticed", False,
           confined=True),
    Option("keepidle", "integer", "seconds of silence before the first probe", confined=True,
           least=1, most=MOST_SECONDS),
    Option("keepintvl", "integer", "seconds between two probes", confined=True,
           least=1, most=MOST_SECONDS),
    Option("keepcnt", "integer", "probes without an answer that end it", confined=True,
           least=1, most=127),
    Option("user-timeout", "seconds", "how long what was sent may stay unacknowledged",
           most=MOST // 1000),
)  # fmt: skip

CONGESTION = Option(
    "congestion", "text", "how the kernel finds out how fast it may send: cubic, bbr, ...; tcp(7)"
)

#: Where a socket is, before it connects.
PLACE = (
    Option("bind", "text", "the local address to use, ADDRESS or ADDRESS:PORT"),
    Option("sourceport", "integer", "the local port to use", least=0, most=65535),
    Option("reuseaddr", "flag", "take a local port although old connections linger there", False),
    Option("interface", "text", "the network interface to use, and no other"),
)

BUFFERS = (
    Option("sndbuf", "integer", "bytes that the kernel queues for sending", least=0, most=MOST),
    Option("rcvbuf", "integer", "bytes that the kernel queues for receiving", least=0, most=MOST),
)

HEADER = (
    Option("tos", "integer", "the type of service or traffic class of what is sent; ip(7)",
           least=0, most=255),
    Option("ttl", "integer", "routers that what is sent may pass", least=1, most=255),
)  # fmt: skip


class Setting(NamedTuple):
    """What setsockopt(2) takes; *factor* turns the option's unit into the kernel's."""

    level: int
    name: int
    factor: int = 1


_SOCKET, _TCP = socket.SOL_SOCKET, socket.IPPROTO_TCP
_IP, _IPV6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6

SETTINGS = {
    "nodelay": Setting(_TCP, socket.TCP_NODELAY),
    "keepalive": Setting(_SOCKET, socket.SO_KEEPALIVE),
    "keepidle": Setting(_TCP, socket.TCP_KEEPIDLE),
    "keepintvl": Setting(_TCP, socket.TCP_KEEPINTVL),
    "keepcnt": Setting(_TCP, socket.TCP_KEEPCNT),
    "user-timeout": Setting(_TCP, socket.TCP_USER_TIMEOUT, 1000),
    "congestion": Setting(_TCP, socket.TCP_CONGESTION),
    "reuseaddr": Setting(_SOCKET, socket.SO_REUSEADDR),
    "sndbuf": Setting(_SOCKET, socket.SO_SNDBUF),
    "rcvbuf": Setting(_SOCKET, socket.SO_RCVBUF),
    "tos": Setting(_IP, socket.IP_TOS),
    "ttl": Setting(_IP, socket.IP_TTL),
    "broadcast": Setting(_SOCKET, socket.SO_BROADCAST),
    "multicast-ttl": Setting(_IP, socket.IP_MULTICAST_TTL),
    "multicast-loop": Setting(_IP, socket.IP_MULTICAST_LOOP),
}

#: What is called otherwise over IPv6; ipv6(7).
SETTINGS_IPV6 = {
    "tos": Setting(_IPV6, socket.IPV6_TCLASS),
    "ttl": Setting(_IPV6, socket.IPV6_UNICAST_HOPS),
    "multicast-ttl": Setting(_IPV6, socket.IPV6_MULTICAST_HOPS),
    "multicast-loop": Setting(_IPV6, socket.IPV6_MULTICAST_LOOP),
}

#: What its errors say, and what lists those that it knows, or lets this user have; tcp(7).
CONGESTION_ERRORS = {
    errno.ENOENT: ("no such congestion control", "available"),
    errno.EPERM: ("not for this user", "allowed"),
}

#: Set only if it is on: the kernel's own default is off.
OFF_UNLESS_ASKED = frozenset({"nodelay", "keepalive", "reuseaddr", "broadcast"})


def preparation(
    opening: Opening, address: Address, *, hold_ack: bool = False
) -> Callable[[socket.SocketType], None]:
    """Return what sets the options of *address* on a socket, connected or not yet.

    Args:
      hold_ack: bytes are going to be sent at once. They are to end the handshake, in the
        place of an empty packet; TCP_QUICKACK of tcp(7).
    """
    given = [
        (name, value)
        for name, value in opening.given(address).items()
        if name in SETTINGS and (value or name not in OFF_UNLESS_ASKED)
    ]
    if any(name.startswith("keep") for name, _ in given):
        given.append(("keepalive", True))  # what else would the times of its probes be for?
    settings = [
        (*SETTINGS[name][:2], SETTINGS_IPV6.get(name), name, as_the_kernel_takes(name, value))
        for name, value in given
    ]
    if hold_ack:
        settings.append((_TCP, socket.TCP_QUICKACK, None, "quickack", 0))

    def prepare(sock: socket.SocketType) -> None:
        for level, number, over_ipv6, name, value in settings:
            if over_ipv6 is not None and sock.family == socket.AF_INET6:
                level, number, _ = over_ipv6
            try:
                sock.setsockopt(level, number, value)
            except OSError as error:
                error.strerror = explained(name, error)
                raise

    return prepare


def as_the_kernel_takes(name: str, value: Any) -> int | bytes:
    """Return the *value* of the option called *name* in the kernel's unit."""
    if isinstance(value, str):
        return value.encode()
    number: int = round(value * SETTINGS[name].factor)
    return number


def explained(name: str, error: OSError) -> str:
    """Return what *error* says of the option called *name*, and what else there is."""
    if name != CONGESTION.name or error.errno not in CONGESTION_ERRORS:
        return f"{error.strerror} (option {name})"
    message, which = CONGESTION_ERRORS[error.errno]
    try:
        with open(f"/proc/sys/net/ipv4/tcp_{which}_congestion_control") as file:
            names = ", ".join(file.read().split())
    except OSError:  # of a container without /proc
        names = "not to be seen here"
    return f"{message} (option {name}; {which} are: {names})"


def chooses_congestion(opening: Opening, address: Address) -> bool:
    """Tell whether *address* says how fast its connections may send; then nobody else does."""
    return opening.given(address).get(CONGESTION.name) is not None


class Place(NamedTuple):
    """Where a socket shall be before it connects.

    Attributes:
      host: an IP address; empty for any.
      port: 0 for one of the kernel's choice.
      interface: empty for any.
    """

    host: str
    port: int
    interface: str

    @property
    def family(self) -> int:
        """The address family that the host decides; any, if there is none."""
        if not self.host:
            return socket.AF_UNSPEC
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def take(self, sock: socket.SocketType) -> None:
        """Bind *sock* to its interface and its local address."""
        if self.interface:
            self.take_interface(sock)
        if not self.host and not self.port:
            return
        if not self.port:
            # The port is chosen by connect(2), which may share it among destinations.
            with contextlib.suppress(OSError):  # kernels before 4.2
                sock.setsockopt(_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
        if sock.family == socket.AF_INET6 and not self.host:
            # Else the IPv4 attempt of the same open would find the port taken.
            sock.setsockopt(_IPV6, socket.IPV6_V6ONLY, 1)
        address, _, zone = self.host.partition("%")
        scope = (0, socket.if_nametoindex(zone)) if zone else ()
        try:
            sock.bind((address, self.port, *scope))
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} (the local address)") from None

    def take_interface(self, sock: socket.SocketType) -> None:
        """Bind *sock* to its interface; socket(7)."""
        try:
            sock.setsockopt(_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} (interface {self.interface})") from None


def place_of(opening: Opening, address: Address) -> Place | None:
    """Return where the options of *address* put a socket; None for anywhere.

    Raises:
      AddressError: ``bind`` is not what it should be.
    """
    bind, port, interface = (
        opening.option(address, name) for name in ("bind", "sourceport", "interface")
    )
    if not bind and port is None and not interface:
        return None
    host, own_port = parse_bind(bind or "")
    return Place(host, own_port if port is None else port, interface or "")


def placed(
    set_options: Callable[[socket.SocketType], None], place: Place
) -> Callable[[socket.SocketType], None]:
    """Return what sets options on a socket and puts it in its *place*."""

    def prepare(sock: socket.SocketType) -> None:
        set_options(sock)
        place.take(sock)

    return prepare


def parse_bind(text: str) -> tuple[str, int]:
    """Return the IP address and port that *text* spells; empty and 0 for any."""
    host, colon, port = text, "", ""
    if text.startswith("[") or text.count(":") == 1:
        host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
        host = host.removeprefix("[").removesuffix("]")
    host = canonical_host(host) if host else ""
    if host and not is_ip(host):
        raise AddressError("option bind takes an IP address of this machine: ADDRESS:PORT")
    return host, parse_port(port, least=0) if colon and port else 0
