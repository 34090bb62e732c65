"""udp-recv and unix-recv: what anybody sends to a place of ours, and no answers."""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import ENVIRONMENT, LIMIT, command
from datagram_clients import GROUP, HERE
from programs import need

import fildes


def sending(to: Any, *datagrams: bytes, host: str = "127.0.0.1") -> str:
    """Send *datagrams* from a socket at *host*; return its name as an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        for datagram in datagrams:
            sock.sendto(datagram, to)
        return "udp://{}:{}".format(*sock.getsockname()[:2])


def free_port() -> int:
    """Return a port at which nobody receives."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def place_of(f: Any) -> tuple[str, int]:
    host, _, port = f.local.removeprefix("udp://").rpartition(":")
    return host.strip("[]"), int(port)


def test_everybody_is_heard_in_order() -> None:
    """Each read is one datagram, an empty one too, and says who has sent it."""
    f: Any = fildes.open("udp-recv://127.0.0.1:0")
    with f:
        first = sending(place_of(f), b"one", b"")
        second = sending(place_of(f), b"x" * 60000, host="127.0.0.2")
        assert [f.read(99), f.sender] == [b"one", first]
        assert [f.read(99), f.sender] == [b"", first]
        assert [f.read(65536), f.sender] == [b"x" * 60000, second]
        assert f.peer is None


def test_over_ipv6() -> None:
    """The address may be of IPv6, too."""
    with fildes.open("udp-recv://[::1]:0") as f:
        sending(place_of(f), b"six", host="::1")
        assert f.read(99) == b"six"


def test_nothing_is_sent() -> None:
    """There is nobody to write to, and opening it to write is refused."""
    with fildes.open("udp-recv://127.0.0.1:0") as f:
        assert not f.writable()
        with pytest.raises(io.UnsupportedOperation):
            f.write(b"x")
    with pytest.raises(io.UnsupportedOperation, match="only as rb"):
        fildes.open("udp-recv://127.0.0.1:1", "r+b")


def test_only_networks_that_are_allowed() -> None:
    """allow says whose datagrams are heard; no descriptor would keep the others out."""
    with fildes.open("udp-recv://127.0.0.1:0?allow=127.0.0.2/32") as f:
        sending(place_of(f), b"not this")
        sending(place_of(f), b"this", host="127.0.0.2")
        assert f.read(99) == b"this"
        with pytest.raises(io.UnsupportedOperation, match="keeps out"):
            f.fileno()


def test_descriptor_is_the_socket() -> None:
    """The descriptor is a genuine one, which a program can receive from."""
    with fildes.open("udp-recv://127.0.0.1:0") as f:
        sending(place_of(f), b"hello")
        assert os.read(f.fileno(), 99) == b"hello"


def test_group_is_heard_by_two() -> None:
    """Of a multicast group all who hear it get everything, at one port."""
    address = f"udp-recv://{GROUP}:{free_port()}?{HERE}"
    with fildes.open(address) as f, fildes.open(address) as g:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
            )
            sock.sendto(b"to all", place_of(f))
        assert [f.read(99), g.read(99)] == [b"to all", b"to all"]


def test_taken_port() -> None:
    """A port at which somebody receives already is EADDRINUSE."""
    with fildes.open("udp-recv://127.0.0.1:0") as f:
        with pytest.raises(OSError) as caught:
            fildes.open("udp-recv://{}:{}".format(*place_of(f)))
        assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("udp-recv://:53", "names where"),
        ("udp-recv://localhost:0", "several addresses"),
        ("udp-recv://127.0.0.1:0?allow=x", "network"),
        ("udp-recv://127.0.0.1:0?join=1.2.3.4", "multicast group"),
        ("unix-recv:/tmp/x?mode=9", "octal"),
    ],
)
def test_mistakes(address: str, part: str) -> None:
    """What makes no sense is an error of the address, and says what does."""
    if "localhost" in address and len(socket.getaddrinfo("localhost", 0, type=1)) < 2:
        pytest.skip("localhost has one address here")
    with pytest.raises(fildes.AddressError, match=part):
        fildes.open(address)


def test_unix_path(tmp_path: Path) -> None:
    """At a path: private, whole datagrams of all senders, and gone at the end."""
    path = tmp_path / "s"
    with fildes.open(f"unix-recv:{path}") as f:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for data in (b"one", b"two"):
            with fildes.open(f"unix-dgram:{path}") as g:
                g.write(data)
        assert [f.read(99), f.read(99)] == [b"one", b"two"]
        assert not f.writable()
        with pytest.raises(OSError) as caught:
            fildes.open(f"unix-recv:{path}")
        assert caught.value.errno == errno.EADDRINUSE
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.parametrize("by", ["relay", "socat"])
@pytest.mark.parametrize("spelling", ["UDP4-RECV:{},bind=127.0.0.1", "udp-recv://127.0.0.1:{}"])
def test_relayed(by: str, spelling: str) -> None:
    """A relay one way brings what all of them send, until a signal ends it, as socat does."""
    if by == "socat" and "//" in spelling:
        pytest.skip("an address of ours")
    port = free_port()
    argv = command("relay") if by == "relay" else [need("socat")]
    argv += ["-u", spelling.format(port), "-"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        try:
            while not select.select([process.stdout], [], [], 0.02)[0]:
                assert process.poll() is None
                sending(("127.0.0.1", port), b"one\n")  # lost, as long as nobody receives
            assert process.stdout.readline() == b"one\n"
            sending(("127.0.0.1", port), b"two\n", host="127.0.0.2")
            while (line := process.stdout.readline()) != b"two\n":
                assert line == b"one\n"
        finally:
            process.terminate()
        process.wait(LIMIT)
