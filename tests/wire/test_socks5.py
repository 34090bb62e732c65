"""SOCKS5: RFC 1928 and RFC 1929."""

from __future__ import annotations

import errno

import pytest

from fildes.errors import AddressError, ProtocolError
from fildes.wire import socks5

REQUESTS = [
    ("127.0.0.1", 80, b"\5\1\0\1\x7f\0\0\1\0\x50"),
    ("::1", 443, b"\5\1\0\4" + bytes(15) + b"\1\1\xbb"),
    ("example.com", 65535, b"\5\1\0\3\x0bexample.com\xff\xff"),
    ("a" * 255, 1, b"\5\1\0\3\xff" + b"a" * 255 + b"\0\1"),
    ("127.1", 1, b"\5\1\0\3\x05127.1\0\1"),
]


@pytest.mark.parametrize(("host", "port", "request_"), REQUESTS)
def test_request_names_the_host_by_its_own_address_type(
    host: str, port: int, request_: bytes
) -> None:
    """Literals go as addresses, everything else as a name for the proxy to resolve."""
    assert socks5.connect_request(host, port) == request_


@pytest.mark.parametrize(
    "host",
    ["", "a" * 256, "a\0", "127.0.0.1\0", "a\r\nb", "a b", "straße.de", "fe80::1%eth0", "[::1]"],
)
def test_request_refuses_a_host_that_it_cannot_carry(host: str) -> None:
    """A host that is no name and no address never reaches the wire."""
    with pytest.raises(AddressError, match="cannot carry the host name"):
        socks5.connect_request(host, 80)


def test_greeting_offers_a_password_only_when_there_is_one() -> None:
    """Without a password only "no authentication required" is offered."""
    assert socks5.greeting(with_password=False) == b"\5\1\0"
    assert socks5.greeting(with_password=True) == b"\5\2\0\2"


@pytest.mark.parametrize(("reply", "wanted"), [(b"\5\0", False), (b"\5\2", True)])
def test_the_proxy_chooses_the_method(reply: bytes, wanted: bool) -> None:
    """The proxy says whether it wants the password that was offered."""
    assert socks5.check_method(reply, with_password=True) is wanted


@pytest.mark.parametrize(
    ("with_password", "words"), [(False, "wants a password"), (True, "accepts neither")]
)
def test_no_acceptable_method_is_a_permission_error(with_password: bool, words: str) -> None:
    """A proxy that accepts nothing we have denies permission, and the error says what to give."""
    with pytest.raises(PermissionError, match=words):
        socks5.check_method(b"\5\xff", with_password=with_password)


@pytest.mark.parametrize("reply", [b"\5\1", b"\5\2", b"\4\0", b"HT"])
def test_a_method_that_was_not_offered_breaks_the_protocol(reply: bytes) -> None:
    """GSSAPI, an unasked password, another version or protocol is a ProtocolError."""
    with pytest.raises(ProtocolError):
        socks5.check_method(reply, with_password=False)


def test_password_request_is_that_of_rfc_1929() -> None:
    """Both texts go in UTF-8, each behind its length."""
    assert socks5.password_request("me", "pä") == b"\1\2me\3p\xc3\xa4"


@pytest.mark.parametrize(("username", "password"), [("", "p"), ("u", ""), ("u", "secret" * 50)])
def test_a_password_that_does_not_fit_is_not_repeated(username: str, password: str) -> None:
    """The error for an unusable password does not show it."""
    with pytest.raises(ValueError, match="must have 1 to 255 bytes") as caught:
        socks5.password_request(username, password)
    assert "secret" not in str(caught.value)


def test_a_refused_password_is_a_permission_error() -> None:
    """Status 0 is success, every other is EACCES."""
    socks5.check_password(b"\1\0")
    with pytest.raises(PermissionError, match="user name or password"):
        socks5.check_password(b"\1\1")
    with pytest.raises(ProtocolError):
        socks5.check_password(b"\5\0")


@pytest.mark.parametrize(
    "reply",
    [b"\5\0\0\1" + bytes(6), b"\5\0\0\4" + bytes(18), b"\5\0\0\3\2ab\0\1", b"\5\0\0\3\0\0\0"],
)
def test_reply_says_how_much_of_it_follows(reply: bytes) -> None:
    """Head and announced rest are the whole reply: no byte of the tunnel is taken."""
    assert socks5.REPLY_HEAD_SIZE + socks5.check_reply(reply[:5]) == len(reply)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, OSError),
        (2, PermissionError),
        (3, OSError),
        (4, OSError),
        (5, ConnectionRefusedError),
        (6, TimeoutError),
        (7, OSError),
        (8, OSError),
        (9, OSError),
    ],
)
def test_reply_codes_are_the_errors_of_a_direct_connection(code: int, error: type[OSError]) -> None:
    """Callers need nothing new: a refusal behind the proxy is a refusal."""
    with pytest.raises(error, match=f"SOCKS5 reply {code}") as caught:
        socks5.check_reply(bytes([5, code, 0, 1, 0]))
    assert caught.value.errno == socks5.ERRNO_OF_REPLY.get(code, errno.EPROTO)


@pytest.mark.parametrize("head", [b"\4\0\0\1\0", b"\5\0\1\1\0", b"\5\0\0\2\0"])
def test_malformed_reply_breaks_the_protocol(head: bytes) -> None:
    """Another version, a reserved byte in use or an unknown address type is refused."""
    with pytest.raises(ProtocolError):
        socks5.check_reply(head)
