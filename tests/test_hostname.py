"""Hosts: one spelling for each, and none that two programs read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.address.hostname import canonical_host, canonical_name, parse_host
from fildes.errors import AddressError

CANONICAL = [
    ("example.com", "example.com"),
    ("EXAMPLE.com", "example.com"),
    ("example.com.", "example.com."),
    ("_x._tcp.example", "_x._tcp.example"),
    ("a-b.c1", "a-b.c1"),
    ("1a.2b", "1a.2b"),
    ("0xg", "0xg"),
    ("127.0.0.1", "127.0.0.1"),
    ("255.255.255.255", "255.255.255.255"),
    ("straße.de", "xn--strae-oqa.de"),
    ("Bücher.example", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ("_x.bücher.example", "_x.xn--bcher-kva.example"),
    ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
    ("[::1]", "::1"),
    ("[0:0::0:1]", "::1"),
    ("[2001:DB8::A]", "2001:db8::a"),
    ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
    ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ("[fe80::1%25eth0]", "fe80::1%eth0"),
]


@pytest.mark.parametrize(("text", "host"), CANONICAL)
def test_hosts_have_one_spelling(text: str, host: str) -> None:
    """Names are lower-case A-labels, addresses as RFC 5952 writes them."""
    assert parse_host(text) == host


@pytest.mark.parametrize(("text", "host"), CANONICAL)
def test_canonical_hosts_are_left_alone(text: str, host: str) -> None:
    """A canonical host, given as data, stays as it is."""
    assert canonical_host(host) == host


REFUSED = [
    "",
    ".",
    "a..b",
    ".a",
    "a b",
    "a/b",
    "a%41",
    "a\\b",
    "a*",
    "-a",
    "a-",
    "a.-b.c",
    "a" * 64,
    ".".join(["a" * 49] * 6),
    "é" * 254,
    # numbers in notations that inet_aton(3) reads and others do not
    "0x7f.1",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "127.0.0.01",
    "1.2.3.4.5",
    "1.2.3",
    "256.0.0.1",
    "127.0.0.1.",
    "example.1",
    "0x",
    "example.0x7F",
    # characters that only look like others
    "１２７.０.０.１",
    "①②⑦.0.0.1",
    "ⓔxample.com",
    "example。com",
    "ex\u00adample.com",
    "e\u0301.example",
    "\u212aelvin.example",
    "\u200d.example",
    "xn--a",
    "xn--strasse-",
    "xn--BCHER-kv",
    "ab--ü.example",
    "☃.example",
    "\udcff.example",
    "[]",
    "[1.2.3.4]",
    "[::1::]",
    "[::g]",
    "[v1.x]",
    "[::٣]",
    "[::127.1]",
    "[::1%eth0]",
    "[::1%25]",
    "[::1%25a/b]",
    "[::1%25a%20b]",
]


@pytest.mark.parametrize("text", REFUSED)
def test_doubtful_hosts_are_refused(text: str) -> None:
    """A host that could be read in two ways is no host."""
    with pytest.raises(AddressError):
        parse_host(text)


@pytest.mark.parametrize("host", ["[::1]", "::1]", "::1%", "::1%a b", "fe80::1%25/"])
def test_brackets_and_escapes_belong_to_text(host: str) -> None:
    """A host given as data has neither brackets nor escapes."""
    with pytest.raises(AddressError):
        canonical_host(host)


@given(st.text(max_size=40))
def test_every_name_is_canonical_or_refused(text: str) -> None:
    """Whatever is accepted is ASCII and a fixed point; nothing else is raised."""
    try:
        name = canonical_name(text)
    except AddressError:
        return
    assert name.isascii()
    assert canonical_name(name) == name


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_is_a_host(address: object) -> None:
    """Any IPv6 address has a canonical form that reads back as itself."""
    host = parse_host(f"[{address}]")
    assert parse_host(f"[{host}]") == host == canonical_host(str(address))
