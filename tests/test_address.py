"""Text to addresses: what is understood, and what is refused."""

from __future__ import annotations

import pickle

import pytest
from scheme_table import find_scheme

from fildes.address import Address, parse
from fildes.address.model import MAX_LAYERS
from fildes.address.syntax import MAX_TEXT
from fildes.errors import AddressError


def read(text: str) -> Address:
    return parse(text, find_scheme)


HTTP = Address("http", "h", path="/x")

UNDERSTOOD = [
    ("tcp://h:80", Address("tcp", "h", 80)),
    ("TCP://H:80", Address("tcp", "h", 80)),
    ("tcp://127.0.0.1:1", Address("tcp", "127.0.0.1", 1)),
    ("tcp://[::1]:65535", Address("tcp", "::1", 65535)),
    ("tcp://h:80?", Address("tcp", "h", 80)),
    ("tls://h", Address("tls", "h")),
    ("tls://h:443", Address("tls", "h")),
    ("tls://h:444", Address("tls", "h", 444)),
    ("http://h", Address("http", "h", path="/")),
    ("http://h/a%20b?x=%00&y", Address("http", "h", path="/a%20b", query="x=%00&y")),
    ("http://h?q", Address("http", "h", path="/", query="q")),
    ("http://h/?", Address("http", "h", path="/", query="")),
    ("http://h/x#part", HTTP),
    ("http://u@h/x", Address("http", "h", path="/x", user="u")),
    ("http://u:@h/x", Address("http", "h", path="/x", user="u", password="")),
    ("http://:p@h/x", Address("http", "h", path="/x", user="", password="p")),
    (
        "http://m%40h:a%3Ab%2Fc:d@h/x",
        Address("http", "h", path="/x", user="m@h", password="a:b/c:d"),
    ),
    ("unix:/run/x", Address("unix", path="/run/x")),
    ("unix:///run/x", Address("unix", path="/run/x")),
    ("unix://@abstract", Address("unix", path="@abstract")),
    ("unix:a%3Fb%3A%3Ac%FF", Address("unix", path="a?b::c\udcff")),
    ("fd:3", Address("fd", path="3")),
    ("fd://3", Address("fd", path="3")),
    ("stdio:", Address("stdio")),
    ("-", Address("stdio")),
    ("data:,a%00b?c", Address("data", path=",a%00b?c", opaque=True)),
    ("file:///a", Address("file", path="/a")),
    ("file://localhost/a", Address("file", path="/a")),
    ("file:/a", Address("file", path="/a")),
    ("file:////a", Address("file", path="//a")),
    ("file:a", Address("file", path="./a")),
    ("file:../a", Address("file", path="../a")),
    ("/a b%20c?é#:", Address("file", path="/a b%20c?é#:")),
    ("./a", Address("file", path="./a")),
    ("../a\udcff", Address("file", path="../a\udcff")),
    ("/\udcc3\udca9", Address("file", path="/é")),
    (
        "exec:/bin/ls?arg=-l&arg=a%26b",
        Address("exec", path="/bin/ls", options=(("arg", ("-l", "a&b")),)),
    ),
    ("gzip::/a?b", Address("gzip", inner=Address("file", path="/a?b"))),
    ("gzip::-", Address("gzip", inner=Address("stdio"))),
    ("png::http://h/x", Address("png", inner=HTTP)),
    ("png:?::http://h/x", Address("png", inner=HTTP)),
    ("png:2::http://h/x", Address("png", path="2", inner=HTTP)),
    ("png://2::http://h/x", Address("png", path="2", inner=HTTP)),
    ("zip://a/b::http://h/x", Address("zip", path="a/b", inner=HTTP)),
    ("zip:/a::http://h/x", Address("zip", path="/a", inner=HTTP)),
    ("zip::http://h/x", Address("zip", inner=HTTP)),
    ("http://h/x::unix:/s", Address("http", "h", path="/x", inner=Address("unix", path="/s"))),
    ("tls://[::1]::tcp://[::2]:1", Address("tls", "::1", inner=Address("tcp", "::2", 1))),
    ("tls://h:443::socks5://p:1080", Address("tls", "h", inner=Address("socks5", "p"))),
]


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD)
def test_text_becomes_an_address(text: str, expected: Address) -> None:
    """Each accepted spelling gives exactly one address."""
    assert read(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in UNDERSTOOD])
def test_canonical_text_parses_to_an_equal_address(text: str) -> None:
    """What reveal() writes is read back as the same address."""
    address = read(text)
    assert read(address.reveal()) == address


#: Text, its str() and its display().
WRITTEN = [
    ("TLS://H:443", "tls://h", "tls://h"),
    ("unix:/x", "unix:///x", "unix:///x"),
    ("fd:3", "fd://3", "fd://3"),
    ("-", "stdio:", "stdio:"),
    ("./a b", "file:./a%20b", "file:./a%20b"),
    ("/a:b", "file:///a%3Ab", "file:///a%3Ab"),
    ("gzip::/a", "gzip::file:///a", "gzip::file:///a"),
    ("zip:%C3%A9::/a", "zip://%C3%A9::file:///a", "zip://%C3%A9::file:///a"),
    ("tcp://[fe80::1%25e]:1", "tcp://[fe80::1%25e]:1", "tcp://[fe80::1%25e]:1"),
    (
        "tcp://h:1?nodelay=no&idle=5.0",
        "tcp://h:1?idle=5&nodelay=off",
        "tcp://h:1?idle=5&nodelay=off",
    ),
    (
        "tcp://h:1?idle=1e-7&backlog=007",
        "tcp://h:1?backlog=7&idle=1e-07",
        "tcp://h:1?backlog=7&idle=1e-07",
    ),
    ("tls://h?password=x", "tls://h?password=***", "tls://h?password=***"),
    ("tls://h?pins=x&pins=y", "tls://h?pins=***&pins=***", "tls://h?pins=***&pins=***"),
    ("http://u:p@h/", "http://u:***@h/", "http://u:***@h/"),
    ("http://t@h/", "http://t@h/", "http://***@h/"),
    ("http://t:@h/", "http://t:***@h/", "http://***:***@h/"),
    ("http://h/?a=1&TOKEN=s&b", "http://h/?a=1&TOKEN=s&b", "http://h/?a=1&TOKEN=***&b"),
    ("http://h/?to%6ben=s&sig=", "http://h/?to%6ben=s&sig=", "http://h/?to%6ben=***&sig=***"),
    ("png::http://h/?key=s", "png::http://h/?key=s", "png::http://h/?key=***"),
]


@pytest.mark.parametrize(("text", "canonical", "shown"), WRITTEN)
def test_addresses_are_written_canonically(text: str, canonical: str, shown: str) -> None:
    """str() is canonical and hides declared secrets, display() likely ones too."""
    address = read(text)
    assert (str(address), address.display()) == (canonical, shown)


SECRET_QUERIES = [
    "access_token", "api_key", "apikey", "auth", "AWSAccessKeyId", "client_secret", "code",
    "credential", "key", "passwd", "password", "sig", "Signature", "token", "X-Amz-Credential",
    "X-Amz-Security-Token", "X-Goog-Signature",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_QUERIES)
def test_display_masks_what_is_probably_a_credential(name: str) -> None:
    """Query values that well-known services authenticate by are not displayed."""
    assert read(f"http://h/?{name}=S3CRET").display() == f"http://h/?{name}=***"


#: Text, and a part of the message: what was wrong, or what to write.
REFUSED = [
    ("", "empty"),
    (" tcp://h:1", "blank"),
    ("tcp://h:1 ", "blank"),
    ("/a ", "blank"),
    ("/a\0b", "U+0000"),
    ("x" * (MAX_TEXT + 1), "65536"),
    # no scheme
    ("example.com", "./example.com"),
    ("example.com", "tcp://example.com:PORT"),
    ("example.com/a", "https://example.com/a"),
    ("localhost:80", "tcp://localhost:80"),
    ("localhost:80/a", "https://localhost:80/a"),
    ("a@b", "no scheme: a file is written ./NAME"),
    ("~/x", "no scheme"),
    (":80", ":80 has no scheme: write tcp-listen://:80 to listen there, tcp://localhost:80 to co"),
    ("stdio", "has no scheme"),
    ("nope://h", "unknown scheme 'nope'"),
    ("png::nope://h", "unknown scheme 'nope'"),
    # userinfo
    ("http://a@b@c/", "second '@'"),
    ("http://good.com\\@evil.com/", "%XX"),
    ("http://good.com%2f@evil/", "a user has no '/'"),
    ("http://good.com%5c@evil/", "a user has no"),
    ("http://@h/", "user before the '@' is missing"),
    ("http://:@h/", "user before the '@' is missing"),
    ("http://u:***@h/", "redacted"),
    ("http://***@h/", "redacted"),
    ("http://%ff@h/", "UTF-8"),
    ("http://u:p%0a@h/", "control"),
    ("tcp://u@h:1", "takes no user"),
    # host
    ("http://good.com\\.evil.com/", "host"),
    ("http://exa%00mple.com/", "host"),
    ("http://a%2fb/", "host"),
    ("http:///x", "needs a host"),
    ("tcp://:80", "needs a host"),
    ("tcp://::1:80", "brackets"),
    ("tcp://fe80:1:2", "brackets"),
    ("tcp://[::1", "brackets"),
    ("tcp://[::1]80", "brackets"),
    ("tcp://x[::1]:80", "brackets"),
    ("tcp:h:80", "tcp://HOST"),
    ("tls::tcp://h:1", "tls://HOST"),
    # port
    ("tcp://h", "tcp://HOST:PORT"),
    ("tcp://h:", "1 to 65535"),
    ("http://h:/", "1 to 65535"),
    ("tcp://h:80:90", "unclear"),
    ("tcp://h:٨٠", "1 to 65535"),
    ("tcp://h:+80", "1 to 65535"),
    ("tcp://h: 80", "1 to 65535"),
    ("tcp://h:0", "listening"),
    ("tcp://h:65536", "1 to 65535"),
    ("tcp://h:0x50", "1 to 65535"),
    ("tcp://h:8_0", "1 to 65535"),
    ("tcp-listen://:x", "0 to 65535"),
    ("tcp-listen://:65536", "0 to 65535"),
    # path and query
    ("tcp://h:1/", "no path"),
    ("tcp://h:1/a", "no path"),
    ("tcp://h:1#a", "%23"),
    ("http://h/a b", "%20"),
    ("http://h/\xa0x", "%C2%A0"),
    ("http://h/é", "%C3%A9"),
    ("http://h/\udcff", "%FF"),
    ("http://h/\\x", "%5C"),
    ("http://h/%", "%25"),
    ("http://h/%4", "%25"),
    ("http://h/%zz", "%25"),
    ("http://h/{x}", "%7B"),
    ("http://h/[x]", "%5B"),
    ("tcp://h:1?bind=[::1]:2", "'[' in the option bind is written %5B, and :: %3A%3A"),
    ("http://h/%00", "NUL"),
    ("http://h/?é", "%C3%A9"),
    ("http://h/#a#b", "%23"),
    ("http://h/?%4#1", "%25"),
    ("unix:", "needs a path"),
    ("unix:/a%00b", "control"),
    ("unix:/a%0ab", "control"),
    ("unix:/a%C2%85b", "control"),
    ("unix:/é", "%C3%A9"),
    ("unix:/a#b", "%23"),
    ("zip://a%00b::/c", "control"),
    ("fd:3/4", "one word"),
    ("file://etc/motd", "file:///PATH"),
    ("data:,a#b", "%23"),
    ("data:,a b", "%20"),
    # layers
    ("/a::b", "file:PATH with %3A%3A"),
    ("gzip::/a::b", "file:PATH with %3A%3A"),
    ("http://h/std::vector", "%3A%3A"),
    ("http://h/a:::tcp://h:1", "three colons"),
    ("http://h/a::", "%3A%3A"),
    ("::http://h/", "no scheme"),
    ("tcp::tcp://h:1", "carried by nothing"),
    ("fd:3::/a", "carried by nothing"),
    ("tcp://h:1::tcp://i:1", "carried by nothing"),
    ("png", "png::./FILE"),
    ("gzip:", "gzip::./FILE"),
    ("socks5://p", "in front"),
    ("png::socks5://p", "png::https://HOST/::socks5://"),
    ("tls://h::https://h/", "two-way layer"),
    ("tls://h::gzip::tcp://h:1", "two-way layer"),
    ("gzip::" * (MAX_LAYERS + 5) + "/a", "at most"),
    ("gzip::" * MAX_LAYERS + "/a", "at most"),
    # options
    ("fd:3?a=b", "fd has no options"),
    ("tcp://h:1?nodely=on", "did you mean nodelay?"),
    ("tcp://h:1?x=on", "backlog, bind, family, idle, marks, nodelay"),
    ("tcp://h:1?nodelay", "nodelay=VALUE"),
    ("tcp://h:1?&", "no option ''"),
    ("tcp://h:1?bind=a&bind=b", "more than once"),
    ("tcp://h:1?nodelay=maybe", "on or off, not 'maybe'"),
    ("tcp://h:1?backlog=1.5", "a whole number"),
    ("tcp://h:1?backlog=٣", "%D9%A3"),
    ("tcp://h:1?backlog=+3", "a whole number"),
    ("tcp://h:1?idle=-1", "a number of seconds"),
    ("tcp://h:1?idle=nan", "a number of seconds"),
    ("tcp://h:1?idle=1e999", "a number of seconds"),
    ("tcp://h:1?marks=5", "given in Python only"),
    ("tcp://h:1?family=5", "4 or 6"),
    ("tcp://h:1?bind=%ff", "UTF-8"),
    ("tcp://h:1?bind=%00", "control"),
    ("tls://h?alpn=h3", "h2 or http/1.1"),
    ("tls://h?password=***", "redacted"),
    ("tls://h?pins=a&pins=***", "redacted"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hint"), REFUSED)
def test_ambiguous_or_unsafe_text_is_refused(text: str, hint: str) -> None:
    """What is no address, or could be read in two ways, says what to write instead."""
    with pytest.raises(AddressError) as caught:
        read(text)
    assert hint in str(caught.value)


PLACES = ["tcp://{}h:1", "tcp://h{}:1", "tcp://h:1{}", "tcp://h:1?bind={}", "http://{}@h/",
          "http://h/{}", "http://h/?{}", "http://h/#{}", "unix:{}", "/a{}b", "fd:{}", "data:{}",
          "zip:{}::/a", "gzip::{}/a", "gzip::/a{}b"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("character", ["\0", "\t", "\r", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_refused_everywhere(place: str, character: str) -> None:
    """No part of any address may hold a control character."""
    with pytest.raises(AddressError, match="control character"):
        read(place.format(character))


OPTION_VALUES = [
    ("nodelay=on", ("nodelay", True)),
    ("nodelay=yes", ("nodelay", True)),
    ("nodelay=true", ("nodelay", True)),
    ("nodelay=1", ("nodelay", True)),
    ("nodelay=off", ("nodelay", False)),
    ("nodelay=no", ("nodelay", False)),
    ("nodelay=false", ("nodelay", False)),
    ("nodelay=0", ("nodelay", False)),
    ("backlog=-1", ("backlog", -1)),
    ("idle=0", ("idle", 0.0)),
    ("idle=2.50", ("idle", 2.5)),
    ("bind=a+b%2B%C3%A9=", ("bind", "a+b+é=")),
    ("bind=", ("bind", "")),
    ("family=6", ("family", "6")),
]


@pytest.mark.parametrize(("query", "option"), OPTION_VALUES)
def test_options_have_types(query: str, option: tuple[str, object]) -> None:
    """An option's text becomes a value of its declared type, and back."""
    address = read(f"tcp://h:1?{query}")
    assert address.options == (option,)
    assert type(address.options[0][1]) is type(option[1])
    assert read(str(address)) == address


def test_options_are_looked_up_by_name() -> None:
    """option() returns the value, or the default that the caller names."""
    address = read("tcp://h:1?idle=3")
    assert (address.option("idle"), address.option("bind", "any")) == (3.0, "any")


def test_listening_allows_port_zero_and_no_host() -> None:
    """Where to listen, the kernel may choose the port, and no host is loopback."""
    assert parse("tcp://:0", find_scheme, allow_port_zero=True) == Address("tcp", port=0)


def test_a_listening_scheme_allows_port_zero() -> None:
    """A scheme called -listen is a place to listen wherever it stands."""
    address = read("tcp-listen://:0")
    assert (address, str(address)) == (Address("tcp-listen", port=0), "tcp-listen://:0")


@pytest.mark.parametrize("text", ["tls://:0::tcp://h:0", "tls://h::tcp://:1", "tls://"])
def test_only_the_outermost_layer_listens(text: str) -> None:
    """Permission to listen is not one for the layers that carry the first."""
    with pytest.raises(AddressError, match=r"port 0|needs a host"):
        parse(text, find_scheme, allow_port_zero=True)


def test_layers_come_outermost_first() -> None:
    """layers() yields each layer, as the text reads."""
    names = [layer.scheme for layer in read("zip:a::gzip::http://h/::unix:/s").layers()]
    assert names == ["zip", "gzip", "http", "unix"]


def test_addresses_are_values() -> None:
    """Equal addresses hash alike, and pickling changes nothing."""
    text = "tls://h?password=x::socks5://u:p@h"
    address = read(text)
    assert hash(address) == hash(read(text))
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize("show", [repr, str, Address.display])
def test_secrets_are_not_shown(show: object) -> None:
    """No face of an address shows a password, a secret option, or one below."""
    address = read("tls://h?password=S3CRET&pins=S3CRET::socks5://u:S3CRET@p")
    assert callable(show)
    assert "S3CRET" not in show(address)
    assert "S3CRET" not in show(pickle.loads(pickle.dumps(address)))


def test_reveal_has_the_secrets() -> None:
    """reveal() is the one text that can be opened again."""
    text = "tls://h?password=S3CRET::socks5://u:S3CRET@p"
    assert read(text).reveal() == text


LEAKS = [
    "tcp://u:S3CRET@h:1",
    "tcp://u:S3CRET@h",
    "http://u:S3CRET@x@h/",
    "http://u:S3CRET é@h/",
    "http://u:S3CRET%@h/",
    "http://u:/S3CRET@h/",
    "http://u:S3CRET/x@h/",
    "http://u:S3CRET#x@h/",
    "http://u:a::S3CRET@h/",
    "http://u:a::S3CRET:80/@h/",
    "http://u:S3CRET@h:99999/",
    "http://u:S3CRET@[h/",
    "http://u:S3CRET@h/é",
    "http://h/?token=S3CRET&x=é",
    "http://h/?token=a::S3CRET",
    "nope://u:S3CRET@h/",
    "u:S3CRET@h",
    "u:S3CRET@h:80/x",
    "tls://h?password=S3CRET&nope=1",
    "tls://h?password=a&S3CRET",
    "tls://h?password=a&S3CRET=1",
    "tls://h?password=a::S3CRET",
    "tls://h?password=S3CRETé",
    "tls://h?password=S3CRET&password=S3CRET",
    "tls://h?password=S3CRET%00",
]


@pytest.mark.parametrize("text", LEAKS)
def test_errors_hold_no_secret(text: str) -> None:
    """A mistake in or beside a password does not put it into the message."""
    with pytest.raises(AddressError) as caught:
        read(text)
    assert "S3CRET" not in str(caught.value)


UNSAFE_PARTS = [
    {"scheme": "TCP"},
    {"scheme": ""},
    {"scheme": "tcp", "host": "H"},
    {"scheme": "tcp", "host": "a b"},
    {"scheme": "tcp", "host": "h", "port": -1},
    {"scheme": "tcp", "host": "h", "port": 65536},
    {"scheme": "unix", "path": "/a\0b"},
    {"scheme": "unix", "path": "\ud800"},
    {"scheme": "http", "host": "h", "path": "x"},
    {"scheme": "http", "host": "h", "path": "/a b"},
    {"scheme": "http", "host": "h", "path": "/", "query": "a b"},
    {"scheme": "http", "host": "h", "user": "a\n"},
    {"scheme": "http", "host": "h", "user": "a", "password": "\r"},
    {"scheme": "data", "path": ",a b", "opaque": True},
    {"scheme": "tcp", "host": "h", "port": 1, "options": (("bind", "\n"),)},
    {"scheme": "exec", "path": "x", "options": (("arg", ("a", "\0")),)},
]


@pytest.mark.parametrize("parts", UNSAFE_PARTS)
def test_no_unsafe_address_can_exist(parts: dict[str, object]) -> None:
    """Constructing an address directly checks its characters and ranges too."""
    with pytest.raises(AddressError):
        Address(**parts)


def test_layers_are_bounded_for_constructed_addresses() -> None:
    """Nobody can build an address too deep to be written."""
    address = Address("file", path="/a")
    for _ in range(MAX_LAYERS - 1):
        address = Address("gzip", inner=address)
    with pytest.raises(AddressError, match="at most"):
        Address("gzip", inner=address)


def test_joints_in_wire_text_are_written_escaped() -> None:
    """A path that a server named, "::" in it, does not become a layer when written."""
    address = Address("http", "h", path="/a::b:", query="c::", inner=Address("unix", path="/s"))
    assert str(address) == "http://h/a%3A%3Ab:?c%3A%3A::unix:///s"
    trailing = Address("http", "h", path="/a:", inner=Address("unix", path="/s"))
    assert str(trailing) == "http://h/a%3A::unix:///s"
