"""Which proxy the environment names."""

from __future__ import annotations

import pytest

from fildes.address import parse
from fildes.errors import AddressError
from fildes.http.environment import proxy_for
from fildes.opening.registry import find_scheme

PLAIN, SECURE = "http://example.com/x", "https://example.com/x"


def proxy(text: str, **environ: str) -> str | None:
    """Return the proxy for the address *text* under *environ*."""
    found = proxy_for(parse(text, find_scheme), environ)
    return None if found is None else found.reveal()


KINDS = [
    (PLAIN, "http://proxy:3128", "http://proxy:3128/"),
    (SECURE, "http://proxy:3128", "connect://proxy:3128"),
    (PLAIN, "proxy:3128", "http://proxy:3128/"),
    (SECURE, "HTTP://proxy:3128/", "connect://proxy:3128"),
    (PLAIN, "https://proxy", "https://proxy:443/"),
    (SECURE, "https://proxy", "connect://proxy:443::tls://proxy:443"),
    (PLAIN, "socks5://proxy:1", "socks5://proxy:1"),
    (SECURE, "socks5h://proxy", "socks5://proxy:1080"),
    (SECURE, "socks4a://proxy:2", "socks4a://proxy:2"),
    (SECURE, "http://me:a%40b@proxy:80", "connect://me:a%40b@proxy:80"),
    (SECURE, "http://[::1]:80", "connect://[::1]:80"),
    (PLAIN, "http://proxy", "http://proxy:1080/"),
]


@pytest.mark.parametrize(("address", "value", "found"), KINDS)
def test_kinds_of_proxies(address: str, value: str, found: str) -> None:
    """An HTTP proxy is asked for plain documents and tunnels to the others."""
    found_for_http = found.replace(":443/", "/") if found.startswith("https:") else found
    assert proxy(address, all_proxy=value) in (found, found_for_http)


VARIABLES: list[tuple[str, dict[str, str], str | None]] = [
    (PLAIN, {}, None),
    (PLAIN, {"http_proxy": "a:1", "all_proxy": "b:1"}, "http://a:1/"),
    (PLAIN, {"HTTP_PROXY": "a:1"}, None),
    (PLAIN, {"https_proxy": "a:1"}, None),
    (PLAIN, {"ALL_PROXY": "a:1"}, "http://a:1/"),
    (PLAIN, {"http_proxy": "", "ALL_PROXY": "a:1"}, "http://a:1/"),
    (SECURE, {"HTTPS_PROXY": "a:1"}, "connect://a:1"),
    (SECURE, {"HTTPS_PROXY": "a:1", "https_proxy": "b:1"}, "connect://b:1"),
    (SECURE, {"http_proxy": "a:1"}, None),
]


@pytest.mark.parametrize(("address", "environ", "found"), VARIABLES)
def test_variables(address: str, environ: dict[str, str], found: str | None) -> None:
    """The variable of the scheme comes before that of all; HTTP_PROXY never counts."""
    assert proxy(address, **environ) == found


EXCEPTIONS = [
    ("http://example.com/", "*", True),
    ("http://example.com/", "example.com", True),
    ("http://EXAMPLE.com./", "Example.COM", True),
    ("http://www.example.com/", "example.com", True),
    ("http://www.example.com/", ".example.com", True),
    ("http://www.example.com/", "*.example.com", True),
    ("http://notexample.com/", "example.com", False),
    ("http://example.com.evil/", "example.com", False),
    ("http://example.com/", "a, b ,example.com", True),
    ("http://example.com/", "a b\texample.com", True),
    ("http://example.com/", "", False),
    ("http://example.com/", ",, .", False),
    ("http://example.com:8080/", "example.com:8080", True),
    ("http://example.com/", "example.com:8080", False),
    ("https://example.com/", "example.com:443", True),
    ("http://10.1.2.3/", "10.0.0.0/8", True),
    ("http://11.1.2.3/", "10.0.0.0/8", False),
    ("http://10.1.2.3/", "10.1.2.3", True),
    ("http://10.1.2.3:81/", "10.1.2.3:81", True),
    ("http://10.1.2.3/", "2.3", False),
    ("http://10.1.2.3/", "10.0.0.0/99", False),
    ("http://[::1]/", "::1", True),
    ("http://[::1]/", "[::1]", True),
    ("http://[::1]:81/", "[::1]:81", True),
    ("http://[::1]:82/", "[::1]:81", False),
    ("http://[fe80::1]/", "fe80::/10", True),
    ("http://10.1.2.3/", "fe80::/10", False),
    ("http://example.com/", "10.0.0.0/8", False),
]


@pytest.mark.parametrize(("address", "exceptions", "direct"), EXCEPTIONS)
def test_exceptions(address: str, exceptions: str, direct: bool) -> None:
    """NO_PROXY takes domains with all below, addresses, networks, ports and ``*``."""
    found = proxy(address, all_proxy="proxy:1", NO_PROXY=exceptions)
    assert (found is None) == direct


BROKEN = ["ftp://proxy:1", "socks4://proxy:1", "http://proxy:1/x", "http://a b:1", "http://"]


@pytest.mark.parametrize("value", BROKEN)
def test_no_proxy_at_all(value: str) -> None:
    """What names no proxy is an error that names the variable, before anything is sent."""
    with pytest.raises(AddressError, match="http_proxy"):
        proxy(PLAIN, http_proxy=value)


def test_secrets_of_a_broken_proxy() -> None:
    """The password of a proxy is in no message."""
    with pytest.raises(AddressError) as caught:
        proxy(PLAIN, http_proxy="http://me:canary@proxy:1/path")
    assert "canary" not in str(caught.value)
