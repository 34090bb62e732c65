"""The PROXY protocol's header, both versions, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import ProtocolError
from fildes.wire.proxy_header import SIGNATURE, ProxyHeader, encode, missing, parse

V4 = ProxyHeader(("192.0.2.1", 50000), ("198.51.100.2", 443))
V6 = ProxyHeader(("2001:db8::1", 1), ("::1", 65535))
NOBODY = ProxyHeader()

#: What is said, the version, and the bytes that say it.
CASES = [
    (V4, 1, b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n"),
    (V6, 1, b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"),
    (NOBODY, 1, b"PROXY UNKNOWN\r\n"),
    (
        V4,
        2,
        SIGNATURE
        + bytes.fromhex("21 11 000c  c0 00 02 01  c6 33 64 02  c350 01bb".replace(" ", "")),
    ),
    (
        V6,
        2,
        SIGNATURE
        + bytes.fromhex("21210024" + "20010db8" + "00" * 11 + "01" + "00" * 15 + "01" + "0001ffff"),
    ),
    (NOBODY, 2, SIGNATURE + bytes.fromhex("20000000")),
]

#: What others may write, and what it says.
LENIENT = [
    (NOBODY, b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"),
    (NOBODY, SIGNATURE + bytes.fromhex("20110000")),  # LOCAL: a health check
    (NOBODY, SIGNATURE + bytes.fromhex("20110003") + b"abc"),
    (NOBODY, SIGNATURE + bytes.fromhex("21000002") + b"ab"),  # PROXY for an unknown family
    (NOBODY, SIGNATURE + bytes.fromhex("213100d8") + bytes(216)),  # unix sockets
    (V4, CASES[3][2][:14] + b"\x00\x10" + CASES[3][2][16:] + b"\x04\x00\x01\x00"),  # with a TLV
    (V4, CASES[3][2][:13] + b"\x12" + CASES[3][2][14:]),  # datagrams
]

BAD = [
    b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 65536\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 050 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 +50 443\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.2 50 443\r\n",
    b"PROXY TCP4  192.0.2.1 198.51.100.2 50 443\r\n",
    b"PROXY TCP4 ::1 ::1 50 443\r\n",
    b"PROXY TCP6 192.0.2.1 198.51.100.2 50 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 50\r\n",
    b"PROXY TCP5 192.0.2.1 198.51.100.2 50 443\r\n",
    b"PROXY UNKNOWN\x00\r\n      ",
    b"PROXY " + b"x" * 200,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01" + bytes(50),
    SIGNATURE[:-1] + bytes(20),
    SIGNATURE + bytes.fromhex("1111000c") + bytes(12),
    SIGNATURE + bytes.fromhex("2211000c") + bytes(12),
    SIGNATURE + bytes.fromhex("2141000c") + bytes(12),
    SIGNATURE + bytes.fromhex("2113000c") + bytes(12),
    SIGNATURE + bytes.fromhex("2111000b") + bytes(11),
    SIGNATURE + bytes.fromhex("21210023") + bytes(35),
]


def read(data: bytes) -> tuple[ProxyHeader, bytes]:
    """Read a header as from a stream; return it, and what was left."""
    size = 0
    while more := missing(data[:size]):
        if size + more > len(data):
            raise EOFError
        size += more
    return parse(data[:size]), data[size:]


@pytest.mark.parametrize(("header", "version", "data"), CASES)
def test_both_directions(header: ProxyHeader, version: int, data: bytes) -> None:
    """Each header is written as these bytes, and read from them; what follows is left."""
    assert encode(version, header) == data
    for rest in (b"", b"\r\n", SIGNATURE, b"GET / HTTP/1.1\r\n"):
        assert read(data + rest) == (header, rest)


@pytest.mark.parametrize(("header", "data"), LENIENT)
def test_what_others_may_write(header: ProxyHeader, data: bytes) -> None:
    """Forms that we do not write are read, and nothing behind them."""
    assert read(data + b"rest") == (header, b"rest")


@pytest.mark.parametrize("data", [data for *_, data in CASES])
def test_every_cut_is_noticed(data: bytes) -> None:
    """At every size that is not all of it something is missing, and never too much."""
    for size in range(len(data)):
        assert 0 < missing(data[:size]) <= len(data) - size
    assert missing(data) == 0


@pytest.mark.parametrize("data", BAD)
def test_what_is_no_header(data: bytes) -> None:
    """Whatever is not exactly a header is an error."""
    with pytest.raises(ProtocolError):
        read(data + b"rest")


@pytest.mark.parametrize("data", [b"hello", b"PRY", b"\r\n\r\n\x00\r\nQUIET", b"GET /"])
def test_other_beginning_is_noticed_at_once(data: bytes) -> None:
    """Who begins otherwise is refused by the first byte that no header has there."""
    assert missing(data[:0]) > 0
    with pytest.raises(ProtocolError, match="no PROXY header"):
        missing(data)


def test_one_of_each_family() -> None:
    """An IPv4 address beside an IPv6 one is written in the form that IPv6 has for it."""
    mixed = ProxyHeader(("192.0.2.1", 1), ("2001:db8::1", 2))
    line = b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n"
    assert encode(1, mixed) == line
    assert parse(encode(2, mixed)) == parse(line)


def test_a_zone_stays_here() -> None:
    """A zone is of this machine, and told to nobody."""
    local = ProxyHeader(("fe80::1%eth0", 1), ("fe80::2%eth0", 2))
    assert encode(1, local) == b"PROXY TCP6 fe80::1 fe80::2 1 2\r\n"


IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)
PORT = st.integers(0, 65535)
HEADERS = st.one_of(
    *(st.builds(ProxyHeader, st.tuples(ip, PORT), st.tuples(ip, PORT)) for ip in (IPV4, IPV6))
)


@given(HEADERS, st.sampled_from([1, 2]), st.binary(max_size=20))
def test_round_trip(header: ProxyHeader, version: int, rest: bytes) -> None:
    """What is written is read again, and nothing of what follows."""
    (source, destination), left = read(encode(version, header) + rest)
    assert left == rest
    assert encode(2, ProxyHeader(source, destination)) == encode(2, header)


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_a_header_or_an_error(data: bytes, binary: bool) -> None:
    """Whatever comes is read, refused or found too short, and nothing else happens."""
    try:
        header, _ = read((SIGNATURE if binary else b"PROXY ") + data)
    except (ProtocolError, EOFError):
        return
    assert isinstance(header, ProxyHeader)
