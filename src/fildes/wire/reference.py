"""References to other documents: RFC 3986 section 5.2, strictly.

A reference is kept in its five components, None for one that is not there: a
query that is empty and one that is missing mean different things.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fildes.patterns import pattern

# RFC 3986 appendix B; it matches any text.
_REFERENCE = pattern(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)


class Reference(NamedTuple):
    """The components of a URI or of a relative reference, as written."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None


def split(text: str) -> Reference:
    """Return the components of *text*; RFC 3986 appendix B."""
    match = _REFERENCE.fullmatch(text)
    assert match is not None  # it matches anything
    return Reference(*match.groups())


def resolve(base: Reference, reference: Reference) -> Reference:
    """Return what *reference*, found in the document *base*, refers to.

    RFC 3986 section 5.2.2. *base* is a URI with an authority.
    """
    if reference.scheme is not None:
        return reference._replace(path=remove_dot_segments(reference.path))
    if reference.authority is not None:
        path = remove_dot_segments(reference.path)
        return reference._replace(scheme=base.scheme, path=path)
    reference = reference._replace(scheme=base.scheme, authority=base.authority)
    if not reference.path:
        query = base.query if reference.query is None else reference.query
        return reference._replace(path=base.path, query=query)
    return reference._replace(path=remove_dot_segments(merge(base.path, reference.path)))


def merge(base: str, path: str) -> str:
    """Return *path* seen from the path *base*; RFC 3986 section 5.2.3."""
    return path if path.startswith("/") else f"{base[: base.rfind('/') + 1] or '/'}{path}"


def remove_dot_segments(path: str) -> str:
    """Return *path* with its ``.`` and ``..`` carried out; RFC 3986 section 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            # The empty text before the first "/" is no segment.
            del kept[max(len(kept) - 1, 1) :]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")  # they name a directory
    return "/".join(kept)
