"""The options of tcp and udp addresses, as the kernel and the peer see them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest
from authority import Authority
from peers import StartPeer, echo
from programs import free_port, need, serving

import fildes
from fildes.opening.socket_options import SETTINGS, Setting, explained

TCP, SOCKET, IP, IPV6 = (
    socket.IPPROTO_TCP,
    socket.SOL_SOCKET,
    socket.IPPROTO_IP,
    socket.IPPROTO_IPV6,
)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def value_of(f: fildes.RawFile | fildes.BufferedFile, level: int, name: int) -> int:
    with socket.socket(fileno=os.dup(f.fileno())) as sock:
        return sock.getsockopt(level, name)


@pytest.mark.parametrize(
    ("option", "level", "name", "value"),
    [
        ("keepidle=7", TCP, socket.TCP_KEEPIDLE, 7),
        ("keepidle=7", SOCKET, socket.SO_KEEPALIVE, 1),
        ("keepintvl=8", TCP, socket.TCP_KEEPINTVL, 8),
        ("keepcnt=3", TCP, socket.TCP_KEEPCNT, 3),
        ("user-timeout=1.5", TCP, socket.TCP_USER_TIMEOUT, 1500),
        ("reuseaddr=on", SOCKET, socket.SO_REUSEADDR, 1),
        ("sndbuf=20000", SOCKET, socket.SO_SNDBUF, 40000),  # the kernel doubles it, socket(7)
        ("rcvbuf=20000", SOCKET, socket.SO_RCVBUF, 40000),
        ("tos=16", IP, socket.IP_TOS, 16),
        ("ttl=9", IP, socket.IP_TTL, 9),
        ("nodelay=off", TCP, socket.TCP_NODELAY, 0),
    ],
)
def test_option_is_the_kernel_s(
    option: str, level: int, name: int, value: int, peer: StartPeer
) -> None:
    """An option of a tcp address is set on its socket."""
    with fildes.open(peer(echo).address(path=f"?{option}")) as f:
        assert value_of(f, level, name) == value


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [("tos=16", socket.IPV6_TCLASS, 16), ("ttl=9", socket.IPV6_UNICAST_HOPS, 9)],
)
def test_option_over_ipv6(option: str, name: int, value: int, peer: StartPeer) -> None:
    """What IPv6 calls otherwise is set there, too."""
    server = peer(echo, family=socket.AF_INET6)
    with fildes.open(f"tcp://[::1]:{server.port}?{option}") as f:
        assert value_of(f, IPV6, name) == value


def test_local_address_and_port(peer: StartPeer) -> None:
    """Bind says the address and the port that the peer sees."""
    server, port = peer(echo), free_port()
    with fildes.open(server.address(path=f"?bind=127.0.0.2:{port}&reuseaddr=on")) as f:
        assert f.local == f"tcp://127.0.0.2:{port}"


def test_local_port_alone(peer: StartPeer) -> None:
    """Sourceport says the port and leaves the address, also where a name has two families."""
    server, port = peer(echo), free_port()
    with fildes.open(f"tcp://localhost:{server.port}?sourceport={port}&reuseaddr=on") as f:
        assert f.local == f"tcp://127.0.0.1:{port}"


def test_local_address_decides_the_family(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up and reached over the family of the local address."""
    server = peer(echo, family=socket.AF_INET6)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, family, kind: [(family, kind, 0, "", ("::1", port, 0, 0))],
    )
    with fildes.open(f"tcp://both.test:{server.port}?bind=%5B%3A%3A1%5D:0") as f:
        assert f.local is not None
        assert f.local.startswith("tcp://[::1]:")


def test_interface(peer: StartPeer) -> None:
    """Loopback reaches loopback; an interface that is not there is said."""
    server = peer(echo)
    with (
        fildes.open(server.address(path="?interface=lo")) as f,
        socket.socket(fileno=os.dup(f.fileno())) as sock,
    ):
        assert sock.getsockopt(SOCKET, socket.SO_BINDTODEVICE, 16) == b"lo\0"
    with pytest.raises(OSError, match="no-such-one") as caught:
        fildes.open(server.address(path="?interface=no-such-one"))
    assert caught.value.errno == errno.ENODEV


def test_what_carries_tls_has_options(peer: StartPeer, tls_ca: Authority) -> None:
    """The options of the tcp below tls come from its layer, or from the call."""
    server = peer(echo, tls=tls_ca.server_context(), repeat=True)
    layered = f"tls://localhost:{server.port}::tcp://127.0.0.1:{server.port}?bind=127.0.0.3"
    with fildes.open(layered, tls={"ca": tls_ca.ca_file}) as f:
        assert f.local is not None
        assert f.local.startswith("tcp://127.0.0.3:")
    plain = f"tls://localhost:{server.port}?ca={tls_ca.ca_file}"
    with fildes.open(plain, tcp={"bind": "127.0.0.4"}) as f:
        assert f.local is not None
        assert f.local.startswith("tcp://127.0.0.4:")


@pytest.mark.slow
def test_socat_lets_the_right_place_in() -> None:
    """A socat that takes one source address and port only takes ours."""
    socat, source = need("socat"), free_port()
    only = f"bind=127.0.0.1,range=127.0.0.9/32,sourceport={source}"
    with (
        serving(lambda port: [socat, f"TCP-LISTEN:{port},{only}", "EXEC:cat"]) as port,
        fildes.open(f"tcp://127.0.0.1:{port}?bind=127.0.0.9&sourceport={source}") as f,
    ):
        f.write(b"let in")
        f.half_close()
        assert f.read() == b"let in"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("bind=example.com", "IP address"),
        ("bind=127.0.0.1:99999", "from 0 to 65535"),
        ("bind=127.1", "127.1"),
        ("sourceport=70000", "port"),
        ("ttl=99999999999", "option ttl"),
        ("keepidle=soon", "whole number"),
    ],
)
def test_bad_option_is_an_address_error(option: str, message: str) -> None:
    """A value that no socket takes is said before anything is connected."""
    with pytest.raises(fildes.AddressError, match=message):
        fildes.open(f"tcp://127.0.0.1:1?{option}")


@pytest.mark.parametrize("option", ["congestion=nobody-s", "congestion=x&keepidle=5"])
def test_unknown_congestion_control(option: str, peer: StartPeer) -> None:
    """One that the kernel has not is its error, which names those that there are."""
    with pytest.raises(FileNotFoundError, match=r"no such congestion control.*are: .*reno"):
        fildes.open(peer(echo).address(path=f"?{option}"))
    with pytest.raises(FileNotFoundError, match="no such congestion control"):
        fildes.listen(f"tcp://127.0.0.1:0?{option}")


def test_congestion_control_that_is_not_for_us() -> None:
    """One that this user may not have is an error that names those that he may."""
    refused = OSError(errno.EPERM, os.strerror(errno.EPERM))
    assert "not for this user (option congestion; allowed are: " in explained("congestion", refused)


def test_congestion_control_of_connections() -> None:
    """Connections of ours, and those that are accepted, have the one that was asked for."""
    with (
        fildes.listen("tcp://127.0.0.1:0?congestion=reno") as listener,
        fildes.open(f"{listener.address}?congestion=reno") as ours,
        listener.accept(timeout=20) as theirs,
    ):
        for f in (ours, theirs):
            with socket.socket(fileno=os.dup(f.fileno())) as sock:
                told = sock.getsockopt(TCP, socket.TCP_CONGESTION, 16)
            assert told.rstrip(b"\0") == b"reno"


def test_refused_option_is_named(peer: StartPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel refuses is its error, with the option's name."""
    unknown = Setting(socket.IPPROTO_IP, 1 << 20)
    monkeypatch.setitem(SETTINGS, "ttl", unknown)
    with pytest.raises(OSError, match="option ttl") as caught:
        fildes.open(peer(echo).address(path="?ttl=9"))
    assert caught.value.errno == errno.ENOPROTOOPT


def test_address_that_is_not_ours(peer: StartPeer) -> None:
    """A local address of another machine is the kernel's error, which says whose it is."""
    with pytest.raises(OSError, match="local address") as caught:
        fildes.open(peer(echo).address(path="?bind=192.0.2.1"))
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("option", ["bind=127.0.0.1", "sourceport=1", "interface=lo", "sndbuf=9"])
def test_strangers_choose_no_place(option: str) -> None:
    """Where we connect from, and the kernel's memory, are not for untrusted addresses."""
    with pytest.raises(PermissionError, match="for trusted addresses"):
        fildes.open(f"tcp://192.0.2.1:1?{option}", policy=fildes.Policy.untrusted())


def test_datagrams_from_a_place(receiver: socket.socket) -> None:
    """A udp address has the place and the header options, too."""
    target = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
    with fildes.open(f"{target}?bind=127.0.0.5&tos=16", "r+b") as f:
        f.write(b"x")
        assert receiver.recvfrom(9)[1][0] == "127.0.0.5"
        assert value_of(f, IP, socket.IP_TOS) == 16


def test_broadcast_is_asked_for() -> None:
    """A broadcast address is refused by the kernel unless the option is on."""
    target = "udp://127.255.255.255:9"
    with pytest.raises(PermissionError):
        fildes.open(target)
    with fildes.open(f"{target}?broadcast=on") as f:
        assert value_of(f, SOCKET, socket.SO_BROADCAST) == 1


def test_multicast_options() -> None:
    """A multicast group is reached with the reach that the options say."""
    options = "bind=127.0.0.1&multicast-ttl=3&multicast-loop=off"
    with fildes.open(f"udp://224.0.0.251:5353?{options}&interface=lo") as f:
        assert value_of(f, IP, socket.IP_MULTICAST_TTL) == 3
        assert value_of(f, IP, socket.IP_MULTICAST_LOOP) == 0
