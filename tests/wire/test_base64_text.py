"""Base64 inside other text."""

from __future__ import annotations

import base64

import pytest
from cutting import STEPS, at, by, cuts
from hypothesis import given
from hypothesis import strategies as st

from fildes.wire.base64_text import Base64Text, skip_base64

DATA = bytes(range(256)) + b"\xff\xef\xbe"  # all letters, "/" and "+" among them
LETTERS = base64.b64encode(DATA)
assert b"/" in LETTERS
assert b"+" in LETTERS

WRITTEN = [
    LETTERS,
    b"\r\n".join(by(76, LETTERS)),
    b"\n\t\f ".join(by(1, LETTERS)),
    LETTERS.replace(b"/", rb"\/"),
    rb"\r\n".join(by(76, LETTERS)) + rb"\t",
    LETTERS.replace(b"+", b"%2B").replace(b"/", b"%2f").replace(b"A", b"%41"),
    b"%0A%20".join(by(10, LETTERS)),
]


def decode(segments: list[bytes]) -> tuple[bytes, Base64Text]:
    """Return what *segments* stand for, and the reader."""
    reader = Base64Text()
    kept, decoded = b"", b""
    for segment in segments:
        data, taken = reader.decode(kept + segment)
        decoded += data
        kept = (kept + segment)[taken:]
        if reader.done:
            break
    return decoded, reader


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("end", [b'"', b"'", b")", b"&", b"\\u", b'\\"', b"%22", b"%zz", b"\0"])
def test_base64_is_read_up_to_what_is_none(written: bytes, end: bytes, step: int) -> None:
    """However it is folded, escaped and cut, the same bytes come out."""
    decoded, reader = decode(by(step, written + end + b"AAAA"))
    assert (decoded, reader.done, reader.broken) == (DATA, True, False)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", [b"QQ==", b"QUI=", b"Q Q\n=\t=", b"QQ%3d%3D"])
def test_padding_ends_base64(text: bytes, step: int) -> None:
    """A padded group is the last one."""
    decoded, reader = decode(by(step, text + b"QUJD"))
    assert (decoded, reader.done, reader.broken) == (
        base64.b64decode(text.replace(b"%3d%3D", b"==")), True, False,
    )  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", [b'QUJDQ"', b'QUJDQQ"', b'QUJDQQ="', b'QUJDQUI"', b"QUJDQ===",
                                  b"QUJD====", b"QUJDQQ=A", b'QUJD="'])  # fmt: skip
def test_wrong_padding_breaks_base64(text: bytes, step: int) -> None:
    """A last group without its padding is an error, after the groups before it."""
    decoded, reader = decode(by(step, text))
    assert (decoded, reader.done, reader.broken) == (b"ABC", True, True)


def test_a_group_that_may_go_on_is_not_broken_yet() -> None:
    """Without anything behind it, an incomplete group may be completed."""
    decoded, reader = decode([b"QUJDQQ"])
    assert (decoded, reader.done, reader.broken) == (b"ABC", False, False)


@given(st.binary(max_size=60), st.data())
def test_base64_is_independent_of_segmentation(data: bytes, draw: st.DataObject) -> None:
    """However the text is cut, the same bytes come out."""
    written = b"%0A".join(by(5, base64.b64encode(data))) + b'"'
    assert decode(at(draw.draw(cuts(written)), written))[0] == data


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"AB=C\n", (5, False)), (b'AB"', (2, True)), (b"AB%2", (2, False)), (b"AB\\", (2, False)),
     (b"AB%2F%22", (5, True)), (b"", (0, False))],
)  # fmt: skip
def test_base64_is_passed_over_to_its_end(text: bytes, expected: tuple[int, bool]) -> None:
    """An escape cut short is left to be looked at with more."""
    assert skip_base64(text) == expected
