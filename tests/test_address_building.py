"""Addresses from parts that are data."""

from __future__ import annotations

from typing import Any

import pytest
from scheme_table import find_scheme

from fildes.address import Address, build, parse
from fildes.errors import AddressError

FILE = Address("file", path="/a")

BUILT = [
    ("tcp", {"host": "H", "port": 80}, "tcp://h:80"),
    ("TCP", {"host": "::1", "port": 80}, "tcp://[::1]:80"),
    ("tcp", {"host": "fe80::1%eth0", "port": 1}, "tcp://[fe80::1%25eth0]:1"),
    ("tcp", {"host": "straße.de", "port": 1}, "tcp://xn--strae-oqa.de:1"),
    ("tls", {"host": "h", "port": 443}, "tls://h"),
    ("tcp", {"host": "h", "port": 1, "nodelay": False, "idle": 5}, "tcp://h:1?idle=5&nodelay=off"),
    ("tcp", {"host": "h", "port": 1, "nodelay": "off", "idle": 2.5, "backlog": 3},
     "tcp://h:1?backlog=3&idle=2.5&nodelay=off"),
    ("tcp", {"host": "h", "port": 1, "bind": None}, "tcp://h:1"),
    ("tcp", {"host": "h", "port": 1, "bind": "a&b=c?d::e é"},
     "tcp://h:1?bind=a%26b=c%3Fd%3A%3Ae%20%C3%A9"),
    ("tls", {"host": "h", "password": None, "alpn": "h2"}, "tls://h?alpn=h2"),
    ("tls", {"host": "h", "alpn": ["h2", "http/1.1"]}, "tls://h?alpn=h2&alpn=http/1.1"),
    ("http", {"host": "p", "user": "a:b@c", "password": "/?#"}, "http://a%3Ab%40c:%2F%3F%23@p/"),
    ("http", {"host": "h"}, "http://h/"),
    ("http", {"host": "h", "path": "a b/%2F?#é"}, "http://h/a%20b/%252F%3F%23%C3%A9"),
    ("http", {"host": "h", "path": "/std::vector"}, "http://h/std%3A%3Avector"),
    ("http", {"host": "h", "path": ["a/b", "..c", ""]}, "http://h/a%2Fb/..c/"),
    ("http", {"host": "h", "query": {"a": "\r\n"}}, "http://h/?a=%0D%0A"),
    ("http", {"host": "h", "query": "a=%20b"}, "http://h/?a=%20b"),
    ("http", {"host": "h", "query": ""}, "http://h/?"),
    ("http", {"host": "h", "query": {"a b": "c&d=e+f", "n": 1, "l": ["x", 2]}},
     "http://h/?a%20b=c%26d%3De%2Bf&n=1&l=x&l=2"),
    ("http", {"host": "h", "inner": Address("unix", path="/s")}, "http://h/::unix:///s"),
    ("unix", {"path": "/a b?c"}, "unix:///a%20b%3Fc"),
    ("file", {"path": "x"}, "file:./x"),
    ("exec", {"path": "sh", "arg": ("-c", "a b;c$(d)")}, "exec://sh?arg=-c&arg=a%20b;c$(d)"),
    ("exec", {"path": "sh", "arg": ()}, "exec://sh"),
    ("fd", {"path": "3"}, "fd://3"),
    ("data", {"path": ",a%00"}, "data:,a%00"),
    ("png", {"inner": FILE}, "png::file:///a"),
    ("zip", {"path": "a::b", "inner": FILE}, "zip://a%3A%3Ab::file:///a"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "parts", "text"), BUILT)
def test_parts_are_data(scheme: str, parts: dict[str, Any], text: str) -> None:
    """No part is read as syntax, and the text of the result means the same."""
    address = build(find_scheme, scheme, **parts)
    assert address.reveal() == text
    assert parse(text, find_scheme) == address


def test_a_proxy_is_built_before_what_it_reaches() -> None:
    """A proxy alone can be built, to be the inner of something."""
    proxy = build(find_scheme, "socks5", host="p")
    assert str(build(find_scheme, "tls", host="h", inner=proxy)) == "tls://h::socks5://p"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("nope", {}, "unknown scheme"),
    ("tcp", {"host": "h"}, "needs a port"),
    ("tcp", {"host": "h", "port": 0}, "listening"),
    ("tcp", {"host": "h", "port": 65536}, "not between"),
    ("tcp", {"port": 1}, "host is missing"),
    ("tcp", {"host": "h/", "port": 1}, "not a name"),
    ("tcp", {"host": "h:1", "port": 1}, "not an IPv6"),
    ("tcp", {"host": "h", "port": 1, "path": "/"}, "no path"),
    ("tcp", {"host": "h", "port": 1, "query": ""}, "no path or query"),
    ("tcp", {"host": "h", "port": 1, "user": "u"}, "takes no user"),
    ("tcp", {"host": "h", "port": 1, "nope": 1}, "no option"),
    ("tcp", {"host": "h", "port": 1, "backlog": True}, "whole number"),
    ("tcp", {"host": "h", "port": 1, "backlog": 1.5}, "whole number"),
    ("tcp", {"host": "h", "port": 1, "idle": -1}, "seconds"),
    ("tcp", {"host": "h", "port": 1, "idle": float("inf")}, "seconds"),
    ("tcp", {"host": "h", "port": 1, "nodelay": 1}, "on or off"),
    ("tcp", {"host": "h", "port": 1, "bind": 1}, "text"),
    ("tcp", {"host": "h", "port": 1, "bind": b"a"}, "text"),
    ("tcp", {"host": "h", "port": 1, "bind": "a\n"}, "control"),
    ("tcp", {"host": "h", "port": 1, "marks": {"a": 1}}, "Python only"),
    ("tls", {"host": "h", "alpn": ["h2", 3]}, "h2 or http/1.1"),
    ("tls", {"host": "h", "pins": ["***"]}, "redacted"),
    ("tcp", {"host": "h", "port": 1, "inner": FILE}, "carried by nothing"),
    ("http", {"host": "h", "path": ["a", "..", "b"]}, "no segment"),
    ("http", {"host": "h", "path": ["a\0"]}, "NUL"),
    ("http", {"host": "h", "path": "a\0b"}, "NUL"),
    ("http", {"host": "h", "path": "\ud800"}, "surrogate"),
    ("http", {"host": "h", "query": "a b"}, "%20"),
    ("http", {"host": "h", "query": {"a": "\ud800"}}, "surrogate"),
    ("http", {"host": "h", "user": "u", "password": "\n"}, "control"),
    ("http", {"host": "h", "user": "\udcff"}, "no text"),
    ("http", {"host": "h", "password": "p"}, "user before"),
    ("http", {"host": "h", "bind": "x"}, "has no options"),
    ("http", {"host": "h", "inner": FILE}, "two-way"),
    ("unix", {}, "needs a path"),
    ("unix", {"path": "/a", "host": "h"}, "takes no host"),
    ("unix", {"path": ["a"]}, "one text"),
    ("fd", {"path": "a/b"}, "one word"),
    ("data", {"path": ",a b"}, "%20"),
    ("png", {}, "reads from another address"),
    ("png", {"inner": Address("socks5", "p")}, "is a proxy"),
]


@pytest.mark.parametrize(("scheme", "parts", "hint"), REFUSED)
def test_parts_are_checked(scheme: str, parts: dict[str, Any], hint: str) -> None:
    """A part that the scheme does not take is an AddressError that says so."""
    with pytest.raises(AddressError) as caught:
        build(find_scheme, scheme, **parts)
    assert hint in str(caught.value)


def test_bad_secrets_are_not_shown() -> None:
    """The message about a secret option does not repeat its value."""
    with pytest.raises(AddressError) as caught:
        build(find_scheme, "tls", host="h", pins=["S3CRET\n"])
    assert "S3CRET" not in str(caught.value)
