"""An Address from parts that are data, so that data is never pasted into text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fildes.address.hostname import canonical_host
from fildes.address.layering import check_carrier
from fildes.address.model import Address
from fildes.address.options import check_options
from fildes.address.parsing import FindScheme
from fildes.address.rules import (
    RECEIVING,
    canonical_path,
    check_document_path,
    check_endpoint,
    check_user,
    has_authority,
)
from fildes.address.syntax import (
    PATH_SAFE,
    QUERY_SAFE,
    SEGMENT_SAFE,
    check_wire,
    quote,
)
from fildes.errors import AddressError
from fildes.scheme import Scheme, Shape, Value

#: Names and values, a sequence of values for a repeated name; or text as on the wire.
Query = Mapping[str, str | int | Sequence[str | int]] | str


def build(
    find_scheme: FindScheme,
    scheme: str,
    *,
    host: str = "",
    port: int | None = None,
    path: str | Sequence[str] = "",
    query: Query | None = None,
    user: str | None = None,
    password: str | None = None,
    inner: Address | None = None,
    **options: object,
) -> Address:
    """Return the address with these parts; nothing in them is read as syntax.

    Args:
      find_scheme: as for `parse`.
      scheme: its name.
      host: a name, a dotted quad, or an IPv6 address without brackets; a listener
        without one listens on loopback.
      port: None for the scheme's default.
      path: of a document: unescaped, or its segments, in which a ``/`` is data
        too; of ``data:`` and its like: as on the wire; else the text itself.
      query: of a document.
      user, password: unescaped.
      inner: the layer that carries this one. A proxy is built here without what
        it reaches, because it is the *inner* of that.
      options: of any other scheme, as values or as their text; None is not given.

    Raises:
      AddressError: a part is not what the scheme takes.
    """
    found = find_scheme(scheme.lower())
    check_carrier(found, find_scheme(inner.scheme) if inner else None)
    if user is not None and not has_authority(found) and found.option("user"):
        options, user = {**options, "user": user}, None  # of a thing at a path, not of a host
    check_user(found, user, password)
    if not has_authority(found):
        if host or port is not None or query is not None:
            raise AddressError(f"{found.name} takes no host, port or query")
        return _build_path(found, path, options, inner)
    if inner is not None and found.carried_by == "listener":
        if host or port is not None:
            raise AddressError(f"the layer inside says where {found.name} listens")
        text, _, typed = _build_tail(found, path, query, options)
        return Address(found.name, path=text, options=typed, inner=inner, opaque=bool(text))
    listening = found.name.endswith(RECEIVING)
    if host or not listening:
        host = canonical_host(host)
    port = check_endpoint(found, host, port, listening=listening)
    text, wire_query, typed = _build_tail(found, path, query, options)
    return Address(found.name, host, port, text, wire_query, user, password, typed, inner)


def _build_path(
    scheme: Scheme,
    path: str | Sequence[str],
    options: Mapping[str, object],
    inner: Address | None,
) -> Address:
    if not isinstance(path, str):
        raise AddressError(f"{scheme.name} takes its path as one text")
    typed = check_options(options, scheme)
    if scheme.shape is Shape.OPAQUE:
        return Address(scheme.name, path=path, options=typed, inner=inner, opaque=True)
    return Address(scheme.name, path=canonical_path(scheme, path), options=typed, inner=inner)


def _build_tail(
    scheme: Scheme,
    path: str | Sequence[str],
    query: Query | None,
    options: Mapping[str, object],
) -> tuple[str, str | None, tuple[tuple[str, Value], ...]]:
    """Return path, query and options of an address that names a host."""
    if scheme.shape is Shape.ENDPOINT:
        if path or query is not None:
            raise AddressError(f"{scheme.name} takes no path or query")
        return "", None, check_options(options, scheme)
    if scheme.shape is Shape.PLACE:
        if query is not None:
            raise AddressError(f"{scheme.name} takes no query")
        text = _build_document_path(path) if path else ""
        return text, None, check_options(options, scheme)
    if options:
        raise AddressError(f"{scheme.name} has no options: a server owns its query")
    return _build_document_path(path), _build_query(query), ()


def _build_document_path(path: str | Sequence[str]) -> str:
    if isinstance(path, str):
        text = quote(path if path.startswith("/") else f"/{path}", PATH_SAFE)
    elif any(segment in (".", "..") for segment in path):
        # Their escapes mean the same, RFC 3986 section 6.2.2.3, so data cannot be these.
        raise AddressError("'.' or '..' is no segment of a path: it moves to another one")
    else:
        text = "/" + "/".join(quote(segment, SEGMENT_SAFE) for segment in path)
    return check_document_path(text)


def _build_query(query: Query | None) -> str | None:
    if query is None:
        return None
    if isinstance(query, str):
        return check_wire(query, "query")
    return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in _pairs(query))


def _pairs(
    query: Mapping[str, str | int | Sequence[str | int]],
) -> Iterable[tuple[str, str]]:
    for name, value in query.items():
        for item in (value,) if isinstance(value, str | int) else value:
            yield name, str(item)


def _quote(text: str) -> str:
    return quote(text, QUERY_SAFE)
