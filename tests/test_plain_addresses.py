"""Plain addresses of the web, of which only the site is parsed: as if all of it were."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fildes.address import Address, parse
from fildes.errors import AddressError
from fildes.opening import registry
from fildes.opening.spelling import PLAIN, to_address

SITES = ["http://h", "https://H_x.example:80", "http://[::1]:8080", "http://1.2.3", "http://[::x]"]
PIECES = [
    *"/?#:@%&=+;,!$'()*~-._aZ0[]{}\"<>| ",
    *("::", "%41", "%00", "%2f", "%zz", "..", "\x7f", "\xe9", "\u0660", "::tcp://h:1"),
]


def spelled(read: object, text: str) -> Address | str:
    """Return the address that *text* is for *read*, else what is wrong with it."""
    assert callable(read)
    try:
        address: Address = read(text)
    except AddressError as error:
        return str(error)
    return address


@given(st.sampled_from(SITES), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("http://h", "/a?b=%00&c?d=/")
@example("http://h", "/%00")
@example("http://h", "")
def test_plain_addresses_are_parsed_alike(site: str, rest: str) -> None:
    """An address means the same, or is refused alike, by either way."""
    text = site + rest
    whole = spelled(lambda each: parse(each, registry.find_scheme), text)
    assert spelled(to_address, text) == whole


@pytest.mark.parametrize(
    "text",
    ["http://h/", "https://Host:8/a%2Fb?c?d", "http://[::1]/x", "http://a_b/!$&'()*+,;=@~?"],
)
def test_plain(text: str) -> None:
    """Most addresses are plain."""
    assert PLAIN.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    ["http://h", "http://u@h/", "http://h/a#b", "http://h/a:b", "http://h/%0", "http://h/%00"],
)
def test_not_plain(text: str) -> None:
    """What could be read in two ways, or is no address, is parsed in full."""
    assert not PLAIN.fullmatch(text)


def test_long() -> None:
    """An address that is too long is refused as any other."""
    text = "http://h/" + "a" * 65536
    with pytest.raises(AddressError, match="at most 65536"):
        to_address(text)
