"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import pickle
import re

import pytest

from fildes.patterns import pattern


def test_later_is_as_good() -> None:
    """A pattern that is compiled later does what one does that is compiled at once."""
    later, now = pattern("a(b+)", re.IGNORECASE), re.compile("a(b+)", re.IGNORECASE)
    match = later.fullmatch("ABB")
    assert match is not None
    assert match[1] == "BB"
    assert (later.pattern, later.flags, later.groups) == (now.pattern, now.flags, now.groups)
    assert later.sub("x", "ab ABBB") == now.sub("x", "ab ABBB")


def test_copies() -> None:
    """It can be pickled, used or not."""
    later = pattern(b"ab+")
    assert pickle.loads(pickle.dumps(later)).findall(b"abb ab") == [b"abb", b"ab"]


def test_what_is_wrong_shows_at_the_first_use() -> None:
    """A pattern that is none is an error as soon as something is matched."""
    with pytest.raises(re.error):
        pattern("(").match("")
