"""The data: URI of RFC 2397."""

from __future__ import annotations

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import AddressError
from fildes.wire.data_uri import parse_data_uri

US_ASCII = "text/plain;charset=US-ASCII"

URIS = [
    (",", US_ASCII, b""),
    (",hello", US_ASCII, b"hello"),
    (",A%20brief%20note", US_ASCII, b"A brief note"),
    (",a,b;base64,c", US_ASCII, b"a,b;base64,c"),
    (",%00%ff%2C", US_ASCII, b"\0\xff,"),
    ("text/html,x?y/z", "text/html", b"x?y/z"),
    (";charset=utf-8,%c3%a4", "text/plain;charset=utf-8", b"\xc3\xa4"),
    ("text/plain;a=%22b%22;c=d,x", "text/plain;a=%22b%22;c=d", b"x"),
    (";base64,aGVsbG8=", US_ASCII, b"hello"),
    ("image/png;BASE64,iVBORw0KGgo%3D", "image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/svg+xml;charset=x;base64,", "image/svg+xml;charset=x", b""),
]


@pytest.mark.parametrize(("text", "media_type", "data"), URIS)
def test_uri_is_a_media_type_and_data(text: str, media_type: str, data: bytes) -> None:
    """The examples and defaults of RFC 2397."""
    assert parse_data_uri(text) == (media_type, data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no comma"),
        ("hello", "no comma"),
        ("text,x", "media type"),
        ("text/,x", "media type"),
        ("text/plain;base64;x,x", "media type"),
        ("text/plain;charset,x", "media type"),
        ("text/plain ;base64,x", "media type"),
        ("tëxt/plain,x", "media type"),
        *[(f",a{character}b", "percent-encoded") for character in ' "<>\\^`{|}#[]ä\0\r\n\x7f%'],
        (",%4", "percent-encoded"),
        (",%4g", "percent-encoded"),
        (";base64,Q", "base64"),
        (";base64,QQ", "base64"),
        (";base64,QQ=", "base64"),
        (";base64,QQ==QQ==", "base64"),
        (";base64,====", "base64"),
        (";base64,QUJ-", "base64"),
        (";base64,QUJD%0A", "base64"),
    ],
)
def test_what_rfc_2397_does_not_allow_is_refused(text: str, words: str) -> None:
    """Data that two readers could read in two ways is no address."""
    with pytest.raises(AddressError, match=words):
        parse_data_uri(text)


@given(st.binary(max_size=50))
def test_any_bytes_can_be_written_in_both_ways(data: bytes) -> None:
    """Percent-encoding and base64 give back what went in."""
    encoded = quote_from_bytes(base64.b64encode(data))
    assert parse_data_uri("," + quote_from_bytes(data)) == (US_ASCII, data)
    assert parse_data_uri("a/b;base64," + encoded) == ("a/b", data)
