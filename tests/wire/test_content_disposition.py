"""Names that Content-Disposition fields suggest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.wire.content_disposition import filename_of


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("attachment; filename=plain.txt", "plain.txt"),
        ('attachment; filename="two words.txt"', "two words.txt"),
        ('attachment; filename="a \\"quote\\""', 'a "quote"'),
        ('inline;FileName="x;y=z.txt"; size=3', "x;y=z.txt"),
        ("attachment; filename*=UTF-8''%e2%82%ac%20rates", "€ rates"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates", "£ rates"),
        ("attachment; filename=EUR; filename*=utf-8''%e2%82%ac", "€"),
        ("attachment; filename*=utf-8''%ff; filename=second", "second"),
        ("attachment; filename*=koi8-r''%c1; filename=second", "second"),
        ("attachment; filename=first; filename=second", "first"),
        ('attachment; filename="caf\xc3\xa9"', "café"),
        ('attachment; filename="caf\xe9"', "café"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\x.txt"', "x.txt"),
        ("attachment; filename*=utf-8''..%2f..%2fevil", "evil"),
        ("attachment; ; filename=x", "x"),
        ("attachment", None),
        ("attachment; filename=", None),
        ('attachment; filename=""', None),
        ('attachment; filename="a/"', ""),
        ('attachment; filename="open', None),
        ("attachment; filename=a b", None),
        ("; filename=x", None),
        ("", None),
    ],
)
def test_names(field: str, name: str | None) -> None:
    """The examples of RFC 6266 section 5, and what servers write instead."""
    assert filename_of(field) == name


@given(st.text(max_size=60))
def test_no_field_breaks_the_parser(text: str) -> None:
    """Whatever comes, there is a name without a slash, or none."""
    for field in (text, f'a; filename="{text}"', f"a; filename*=utf-8''{text}"):
        name = filename_of(field)
        assert name is None or "/" not in name
