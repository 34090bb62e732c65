"""References are resolved as RFC 3986 section 5 has it."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.wire.reference import Reference, resolve, split

BASE = "http://a/b/c/d;p?q"

#: RFC 3986 sections 5.4.1 and 5.4.2, in the strict reading.
EXAMPLES = {
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q#s",
    "g#s": "http://a/b/c/g#s",
    "g?y#s": "http://a/b/c/g?y#s",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y#s",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
    "../../../g": "http://a/g",
    "../../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    ".g": "http://a/b/c/.g",
    "g..": "http://a/b/c/g..",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/./y": "http://a/b/c/g;x=1/y",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/./x": "http://a/b/c/g?y/./x",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/./x": "http://a/b/c/g#s/./x",
    "g#s/../x": "http://a/b/c/g#s/../x",
    "http:g": "http:g",
}


def joined(reference: Reference) -> str:
    """Return the text of *reference*; RFC 3986 section 5.3."""
    scheme, authority, path, query, fragment = reference
    text = "" if scheme is None else f"{scheme}:"
    text += "" if authority is None else f"//{authority}"
    text += path + ("" if query is None else f"?{query}")
    return text + ("" if fragment is None else f"#{fragment}")


@pytest.mark.parametrize("reference", EXAMPLES)
def test_examples_of_the_rfc(reference: str) -> None:
    """Every example of RFC 3986 section 5.4 comes out as it says."""
    assert joined(resolve(split(BASE), split(reference))) == EXAMPLES[reference]


@given(st.text())
def test_splitting_loses_nothing(text: str) -> None:
    """The components of any text make up that text."""
    assert joined(split(text)) == text


segments = st.lists(st.sampled_from(["a", "b;c", ".", "..", "x.y", "%2e"]), max_size=6)
queries = st.sampled_from(["", "?q", "?a/../b"])
fragments = st.sampled_from(["", "#f"])


@given(segments, segments, st.sampled_from(["", "/"]), queries, fragments)
def test_as_the_standard_library_joins(
    base: list[str], path: list[str], slash: str, query: str, fragment: str
) -> None:
    """Where urllib follows the RFC, it finds the same."""
    here = f"http://host/{'/'.join(part for part in base if part not in {'.', '..'})}?old"
    reference = f"{slash}{'/'.join(path)}{query}{fragment}"
    assert joined(resolve(split(here), split(reference))) == urljoin(here, reference)


@given(segments, segments, st.booleans())
def test_result_has_no_dots(base: list[str], path: list[str], trailing: bool) -> None:
    """No dot segment is left of a reference that has a path."""
    here, text = split(f"http://h/{'/'.join(base)}"), "/".join(path) + "/" * trailing
    found = resolve(here, split(text))
    if text:
        assert found.path.startswith("/")
        assert not {".", ".."} & set(found.path.split("/"))
