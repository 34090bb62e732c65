"""The CONNECT request and its answer."""

from __future__ import annotations

import errno

import pytest

from fildes.errors import AddressError
from fildes.wire.connect import ERRNO_OF_STATUS, check_response, connect_request
from fildes.wire.http1 import ResponseHead

REQUESTS = [
    ("example.com", 443, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
    ("10.0.0.1", 80, b"CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n"),
    ("::1", 80, b"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
]


@pytest.mark.parametrize(("host", "port", "request_"), REQUESTS)
def test_request_names_the_destination_twice(host: str, port: int, request_: bytes) -> None:
    """Target and Host are the same authority, IPv6 in brackets."""
    assert connect_request(host, port) == request_


def test_password_goes_as_basic_credentials() -> None:
    """User name and password are sent in UTF-8, RFC 7617 section 2."""
    request = connect_request("a", 1, username="Aladdin", password="open sesame")
    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" in request


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a\0", "a/b", "a:80/", "a@b", "[::1]"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    """Nothing in a host can become part of something else."""
    with pytest.raises(AddressError):
        connect_request(host, 80)


@pytest.mark.parametrize(("user", "password"), [("a:b", "secret"), ("a", "secret\n")])
def test_credentials_that_cannot_be_sent_are_not_repeated(user: str, password: str) -> None:
    """A colon in the name or a control character is refused, without showing either."""
    with pytest.raises(ValueError, match="colon") as caught:
        connect_request("a", 80, username=user, password=password)
    assert "secret" not in str(caught.value)


def answer(status: int, reason: str = "") -> ResponseHead:
    """Return the head of an answer without fields."""
    return ResponseHead(status, reason, (1, 1), ())


@pytest.mark.parametrize("status", [200, 204, 299])
def test_every_2xx_is_success(status: int) -> None:
    """RFC 9110 section 9.3.6: any 2xx answer opens the tunnel."""
    check_response(answer(status))


@pytest.mark.parametrize("status", [302, 400, 500, *ERRNO_OF_STATUS])
def test_other_answers_are_the_error_they_stand_for(status: int) -> None:
    """A proxy's refusal has an errno, and shows the status."""
    with pytest.raises(OSError, match=f"proxy answered {status}") as caught:
        check_response(answer(status))
    assert caught.value.errno == ERRNO_OF_STATUS.get(status, errno.EIO)


def test_a_wanted_password_is_a_permission_error() -> None:
    """407 says what to give."""
    with pytest.raises(PermissionError, match="user name and password"):
        check_response(answer(407, "Proxy Authentication Required"))


def test_a_reason_cannot_drive_the_terminal() -> None:
    """The peer's text is escaped."""
    with pytest.raises(OSError, match="answered 500") as caught:
        check_response(answer(500, "\x9b31m"))
    assert "\x9b" not in str(caught.value)
