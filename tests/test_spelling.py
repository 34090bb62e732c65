"""Familiar spellings on the command line."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheme_table import find_scheme

from fildes.address import parse
from fildes.cli.spelling import compile_spelling
from fildes.errors import AddressError

COMPILED = [
    ("localhost:80", "tcp://localhost:80"),
    ("10.0.0.1:80", "tcp://10.0.0.1:80"),
    ("[::1]:80", "tcp://[::1]:80"),
    ("[fe80::1%25eth0]:80", "tcp://[fe80::1%25eth0]:80"),
    ("straße.de:80", "tcp://straße.de:80"),
    ("tcp!host!80", "tcp://host:80"),
    ("net!host!80", "tcp://host:80"),
    ("UDP!host!53", "udp://host:53"),
    ("tcp!::1!80", "tcp://[::1]:80"),
    ("tcp![::1]!80", "tcp://[::1]:80"),
]
LEFT_ALONE = [
    "", "-", "/a:80", "./a!b!1", "fd:3", "FD:3", "png:2", "unix:80", "tcp://h:80", "h", "h:", ":80",
    "::1:80", "[::1]", "[::1]:", "a:b:80", "user@h:80", "h:80/x", "http://h/a!b!c", "h:80 ",
    "tcp!h", "tcp!!80", "tcp!h!", "tcp!a!b!c", "data:,a!b", "png::h:80", "h:http",
]  # fmt: skip


@pytest.mark.parametrize(("text", "address"), COMPILED)
def test_familiar_spellings_become_addresses(text: str, address: str) -> None:
    """host:port and Plan 9's network!host!service stand for an address."""
    assert compile_spelling(text, find_scheme) == address


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_everything_else_is_left_alone(text: str) -> None:
    """What is not one of the spellings is for the parser to judge."""
    assert compile_spelling(text, find_scheme) == text


@pytest.mark.parametrize(("network", "protocol"), [("tcp", "tcp"), ("net", "tcp"), ("udp", "udp")])
def test_services_have_names(network: str, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Plan 9 service may be a name, looked up for its protocol."""
    ports = {("echo", protocol): 7}
    monkeypatch.setattr(socket, "getservbyname", lambda *key: ports[key])
    assert compile_spelling(f"{network}!h!echo", find_scheme).endswith("://h:7")


@pytest.mark.parametrize("service", ["no-such-service", "٨٠", "\x00", "\udcff"])
def test_unknown_services_are_refused(service: str) -> None:
    """A service that nobody knows is an error that asks for the port."""
    with pytest.raises(AddressError, match="write its port"):
        compile_spelling(f"tcp!h!{service}", find_scheme)


@given(st.text(alphabet="ab:!/[]@?#.10 é\x00"))
def test_spelling_never_hides_an_error(text: str) -> None:
    """Compiling raises nothing but AddressError, and addresses stay what they are."""
    try:
        before = parse(text, find_scheme)
    except AddressError:
        before = None
    try:
        compiled = compile_spelling(text, find_scheme)
    except AddressError:
        assert before is None
    else:
        assert before is None or compiled == text
