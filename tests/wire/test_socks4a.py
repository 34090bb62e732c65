"""SOCKS4 and its extension 4A."""

from __future__ import annotations

import errno

import pytest

from fildes.errors import AddressError, ProtocolError
from fildes.wire import socks4a

REQUESTS = [
    ("127.0.0.1", 80, "", b"\4\1\0\x50\x7f\0\0\1\0"),
    ("127.0.0.1", 80, "me", b"\4\1\0\x50\x7f\0\0\1me\0"),
    ("example.com", 443, "me", b"\4\1\1\xbb\0\0\0\1me\0example.com\0"),
    ("0.0.0.5", 1, "", b"\4\1\0\1\0\0\0\1\x000.0.0.5\0"),
]


@pytest.mark.parametrize(("host", "port", "user", "request_"), REQUESTS)
def test_names_are_left_to_the_proxy(host: str, port: int, user: str, request_: bytes) -> None:
    """An IPv4 literal goes as SOCKS4 has it, everything else as the name of 4A."""
    assert socks4a.connect_request(host, port, user) == request_


@pytest.mark.parametrize("host", ["", "a\0b", "a b", "a\r\n", "straße.de", "a" * 256])
def test_a_host_that_could_end_the_request_early_is_refused(host: str) -> None:
    """A host that is no name never reaches the wire."""
    with pytest.raises(AddressError):
        socks4a.connect_request(host, 80)


def test_ipv6_is_not_supported_by_the_protocol() -> None:
    """An IPv6 address is EAFNOSUPPORT, with the way out."""
    with pytest.raises(OSError, match="use socks5") as caught:
        socks4a.connect_request("::1", 80)
    assert caught.value.errno == errno.EAFNOSUPPORT


def test_a_user_name_cannot_end_early() -> None:
    """A NUL in the user name is refused."""
    with pytest.raises(ValueError, match="NUL"):
        socks4a.connect_request("a", 80, "me\0")


def test_ninety_is_success() -> None:
    """Request granted raises nothing."""
    socks4a.check_reply(b"\0\x5a" + bytes(6))


@pytest.mark.parametrize(
    ("code", "error"),
    [(91, ConnectionRefusedError), (92, PermissionError), (93, PermissionError), (1, OSError)],
)
def test_reply_codes_have_an_errno(code: int, error: type[OSError]) -> None:
    """Every other code is the OSError it stands for."""
    with pytest.raises(error, match=f"SOCKS4 reply {code}"):
        socks4a.check_reply(bytes([0, code]) + bytes(6))


def test_another_protocol_is_named() -> None:
    """A reply of another version is a ProtocolError."""
    with pytest.raises(ProtocolError, match="no SOCKS4 proxy"):
        socks4a.check_reply(b"HTTP/1.1")
