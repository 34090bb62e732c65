"""What holds of all addresses, looked for by hypothesis."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheme_table import find_scheme

from fildes.address import Address, build, parse
from fildes.errors import AddressError
from fildes.opening import registry
from fildes.opening.spelling import to_address

SAFE = st.characters(exclude_categories=["Cc", "Cs"])
TEXT = st.text(SAFE, min_size=1, max_size=12).filter(lambda text: text != "***")
BYTES_PATH = st.binary(min_size=1, max_size=12).map(
    lambda data: data.translate(None, bytes(range(32)) + b"\x7f").decode("utf-8", "surrogateescape")
)
PATHS = st.one_of(TEXT, BYTES_PATH).filter(
    lambda path: path != "" and not any("\x7f" <= character <= "\x9f" for character in path)
)
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=3).map(".".join),
    st.ip_addresses().map(str),
)
PORTS = st.integers(1, 65535)
USERS = st.text(SAFE, max_size=8).filter(
    lambda user: user not in ("", "***") and not set(user) & set("/\\?#")
)


def built(scheme: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Address]:
    """Generate addresses of *scheme* from generated parts."""
    return st.fixed_dictionaries(parts).map(lambda given: build(find_scheme, scheme, **given))


TCP = built(
    "tcp",
    host=HOSTS,
    port=PORTS,
    bind=st.none() | TEXT,
    nodelay=st.none() | st.booleans(),
    backlog=st.none() | st.integers(-(10**17), 10**17),
    idle=st.none() | st.floats(0, 1e9),
)
UNIX = built("unix", path=PATHS)
FILE = built("file", path=PATHS)
EXEC = built("exec", path=PATHS, arg=st.lists(TEXT, max_size=3))
SOCKS = built("socks5", host=HOSTS, user=st.none() | USERS, inner=st.none() | TCP)
TLS = built(
    "tls", host=HOSTS, password=st.none(), pins=st.lists(TEXT), inner=st.none() | TCP | UNIX | SOCKS
)
HTTPS = built(
    "https",
    host=HOSTS,
    port=st.none() | PORTS,
    path=TEXT | st.lists(TEXT.filter(lambda text: text not in (".", "..")), max_size=3),
    query=st.none() | st.dictionaries(TEXT, TEXT, max_size=3),
    user=USERS,
    password=st.none() | TEXT,
    inner=st.none() | TLS | UNIX | SOCKS,
)
BYTES = st.one_of(TCP, UNIX, FILE, EXEC, HTTPS)
ADDRESSES = st.recursive(
    BYTES | TLS,
    lambda inner: built("zip", path=PATHS, inner=inner) | built("png", inner=inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(ADDRESSES)
def test_round_trip(address: Address) -> None:
    """Every address is the parsed form of the text it reveals."""
    assert parse(address.reveal(), find_scheme) == address


@pytest.mark.slow
@given(ADDRESSES)
def test_shown_text_is_plain(address: Address) -> None:
    """What is shown in logs and terminals is printable ASCII without blanks."""
    for text in (str(address), address.display(), address.reveal()):
        assert text.isascii()
        assert text.isprintable()
        assert " " not in text


@pytest.mark.slow
@given(ADDRESSES)
def test_pickle(address: Address) -> None:
    """An address can be sent to another process, with its secrets still hidden."""
    copy = pickle.loads(pickle.dumps(address))
    assert (copy, str(copy), repr(copy)) == (address, str(address), repr(address))


FRAGMENTS = st.sampled_from(
    ["tcp", "tls", "http", "unix", "file", "zip", "png", "fd", "data", "socks5", "://", "::", ":",
     "/", "//", "?", "#", "@", "[", "]", "[::1]", "[fe80::1%25e]", "%", "%2f", "%00", "%ff", "é",
     "h", "80", "0", "127.0.0.1", "x.y", "=", "&", "nodelay=on", "password=x", "-", "./", "***",
     "\\", " ", "\x00", "xn--", "\udcff", "+", ",", "arg=a", "localhost"]
)  # fmt: skip
ANY_TEXT = st.one_of(st.lists(FRAGMENTS, max_size=12).map("".join), st.text(max_size=30))


@given(ANY_TEXT)
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    """No text makes the parser fail in another way, and reading is a fixed point."""
    try:
        address = parse(text, find_scheme)
    except AddressError:
        return
    again = parse(address.reveal(), find_scheme)
    assert again == address
    assert again.reveal() == address.reveal()


SECRET = "S3CRET"


@given(st.lists(FRAGMENTS, max_size=8).map("".join), st.lists(FRAGMENTS, max_size=4).map("".join))
def test_a_password_is_never_shown(before: str, after: str) -> None:
    """Whatever surrounds a password in its place, no text or error repeats it."""
    text = f"http://u:{SECRET}{after.replace('/', '')}@h/::unix:/s"
    for attempt in (
        text,
        f"{before}::{text}",
        f"tls://h?password={SECRET}{after}",
        f"{before}{text}",
    ):
        try:
            address = parse(attempt, find_scheme)
        except AddressError as error:
            shown = str(error)
        else:
            shown = f"{address} {address!r} {address.display()}"
        assert SECRET not in shown, attempt


PLAIN = st.from_regex(
    r"https?://[a-z0-9.:-]{0,12}(/[\x21-\x7e]{0,9})?(\?[\x21-\x7e]{0,9})?", fullmatch=True
)


@given(PLAIN)
def test_plain_documents_are_read_as_all_others(text: str) -> None:
    """The short way by which an open reads most addresses reads what the parser reads."""

    def read(reader: Callable[[], Address]) -> Address | str:
        try:
            return reader()
        except AddressError as error:
            return str(error)

    assert read(lambda: to_address(text)) == read(lambda: parse(text, registry.find_scheme))
