"""The fields of partial answers say exactly what RFC 9110 section 14 lets them say."""

from __future__ import annotations

import pytest

import fildes
from fildes.wire.content_range import (
    ContentRange,
    parse_content_range,
    parse_unsatisfied,
    range_field,
)

SOUND = {
    "bytes 0-0/1": ContentRange(0, 1, 1),
    "bytes 5-9/10": ContentRange(5, 10, 10),
    "BYTES 5-9/*": ContentRange(5, 10, None),
    "bytes 999999999999999998-999999999999999998/999999999999999999": ContentRange(
        10**18 - 2, 10**18 - 1, 10**18 - 1
    ),
}

BROKEN = (
    "",
    "bytes",
    "bytes 5-9",
    "bytes 9-5/10",
    "bytes 5-10/10",
    "bytes */10",
    "bytes 5-9/10, bytes 0-1/10",
    "bytes  5-9/10",
    "bytes 5 - 9/10",
    "bytes +5-9/10",
    "bytes -5-9/10",
    "bytes 0x5-9/10",
    "bytes 5-9/1_0",
    "bytes ٥-9/10",
    "bytes 0-1/10000000000000000000",
    "items 5-9/10",
)


@pytest.mark.parametrize("value", SOUND)
def test_range_of_an_answer(value: str) -> None:
    """A sound Content-Range is start, stop and total."""
    assert parse_content_range(value) == SOUND[value]


@pytest.mark.parametrize("value", BROKEN)
def test_range_that_is_none(value: str) -> None:
    """What is no range, is empty, or leaves the document, is refused."""
    with pytest.raises(fildes.ProtocolError):
        parse_content_range(value)


def test_unsatisfied_range() -> None:
    """A refusal may tell the size of the document."""
    assert parse_unsatisfied("bytes */10") == 10
    assert parse_unsatisfied("bytes 0-1/10") is None


def test_request_of_a_range() -> None:
    """A range is asked for by its first and last byte, an open one without, a tail by its size."""
    assert range_field(5, 10) == ("Range", "bytes=5-9")
    assert range_field(5, None) == ("Range", "bytes=5-")
    assert range_field(-10, None) == ("Range", "bytes=-10")
