"""Bytes from a peer cannot drive a terminal."""

from __future__ import annotations

import io
import os
import pty
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.terminal import Sanitizer, cells, colours_of, columns_of, fit, one_line, speaks_utf8

CASES = [
    pytest.param(b"plain text\n\tand tab", b"plain text\n\tand tab", id="text"),
    pytest.param("Grüße 東京 🎉".encode(), "Grüße 東京 🎉".encode(), id="utf-8"),
    pytest.param(b"\x1b[31mred\x1b[0m", b"^[[31mred^[[0m", id="csi"),
    pytest.param(b"\x1b]52;c;aGk=\x07", b"^[]52;c;aGk=^G", id="osc 52"),
    pytest.param(b"\x9b31m", b"\\x9b31m", id="c1, raw"),
    pytest.param(b"\xc2\x9b31m", b"\\u009b31m", id="c1, as utf-8"),
    pytest.param(b"a\x7f\x00b", b"a^?^@b", id="del and nul"),
    pytest.param(b"\x08\x0b\x0c\x0e\x0f", b"^H^K^L^N^O", id="other c0"),
    pytest.param(b"one\r\ntwo", b"one\r\ntwo", id="crlf"),
    pytest.param(b"real\rfake", b"real^Mfake", id="lone cr"),
    pytest.param(b"end\r", b"end^M", id="cr at the end"),
    pytest.param(b"\r\r\n", b"^M\r\n", id="cr before crlf"),
    pytest.param("\u202egnp.exe\u2066".encode(), b"\\u202egnp.exe\\u2066", id="bidi"),
    pytest.param(b"\xc0\x9b\xe2\x80", b"\\xc0\\x9b\\xe2\\x80", id="overlong, cut short"),
    pytest.param(b"\xed\xa0\x80", b"\\xed\\xa0\\x80", id="surrogate"),
]


def shown(pieces: list[bytes]) -> bytes:
    sanitizer = Sanitizer()
    return b"".join([*map(sanitizer.feed, pieces), sanitizer.finish()])


@pytest.mark.parametrize(("data", "expected"), CASES)
def test_controls_are_made_visible(data: bytes, expected: bytes) -> None:
    """Every control shows as cat -v would show it; text stays as it is."""
    assert shown([data]) == expected


@pytest.mark.parametrize(("data", "expected"), CASES)
def test_segmentation_makes_no_difference(data: bytes, expected: bytes) -> None:
    """Byte by byte the same is shown as in one piece."""
    assert shown([bytes([byte]) for byte in data]) == expected


@given(st.lists(st.binary(max_size=8)))
def test_whatever_comes_is_safe_text(pieces: list[bytes]) -> None:
    """What is shown is UTF-8 with no control but newline, tab and CR before newline."""
    text = shown(pieces).decode()
    controls = {c for c in text.replace("\r\n", "\n") if unicodedata.category(c) == "Cc"}
    assert controls <= {"\n", "\t"}


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"])))
def test_text_without_controls_is_unchanged(text: str) -> None:
    """No letter of any script is touched."""
    assert shown([text.encode()]) == text.encode()


def test_eight_bit_terminal_gets_ascii() -> None:
    """Where UTF-8 is not read, its bytes would be C1 controls; they are made visible."""
    sanitizer = Sanitizer(utf8=False)
    assert sanitizer.feed("é\u201b".encode(), final=True) == b"\\xe9\\u201b"


def test_label_is_one_line() -> None:
    """A name from a peer can neither break the line nor drive the terminal."""
    assert one_line("a\nb\tc\u2028d\x1b\ud800") == "a b c d^[\\ud800"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abcdefgh", 5, "abc.."),
        ("東京都庁", 6, "東京.."),
        ("東京都庁", 5, "東.. "),
        ("e\u0301a", 2, "e\u0301a"),
        ("abc", 1, "."),
        ("abc", 0, ""),
    ],
)
def test_fit_counts_columns(text: str, width: int, expected: str) -> None:
    """A fitted text takes exactly the columns it was given, wide letters included."""
    assert fit(text, width) == expected
    assert cells(fit(text, width)) == width


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal has colours as COLORTERM says, and none with NO_COLOR or TERM=dumb."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLORTERM", "truecolor")
    controller, terminal = pty.openpty()
    with open(controller, "rb", buffering=0), open(terminal, "w") as out:
        assert colours_of(out) == "24bit"
        monkeypatch.delenv("COLORTERM")
        assert colours_of(out) == "256"
        monkeypatch.setenv("NO_COLOR", "1")
        assert colours_of(out) == "none"
        monkeypatch.delenv("NO_COLOR")
        monkeypatch.setenv("TERM", "dumb")
        assert colours_of(out) == "none"
    assert colours_of(io.StringIO()) == "none"


def test_width_is_eighty_without_a_terminal() -> None:
    """Where no terminal says its width, lines are drawn for eighty columns."""
    assert columns_of(io.StringIO()) == 80
    with open(os.devnull, "w") as out:
        assert columns_of(out) == 80


@pytest.mark.parametrize(
    ("lc_all", "lang", "expected"),
    [("", "en_GB.UTF-8", True), ("", "de_DE.utf8", True), ("C", "en_GB.UTF-8", False)],
)
def test_locale_says_whether_utf8_is_read(
    monkeypatch: pytest.MonkeyPatch, lc_all: str, lang: str, expected: bool
) -> None:
    """LC_ALL goes before LANG, as in locale(7)."""
    monkeypatch.setenv("LC_ALL", lc_all)
    monkeypatch.delenv("LC_CTYPE", raising=False)
    monkeypatch.setenv("LANG", lang)
    assert speaks_utf8() is expected
