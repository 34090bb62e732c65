"""Text to Address.

The text is cut at its joints (``::`` outside brackets), left to right; a path
without a scheme is always the last layer and literal. Schemes are found first,
so that the leftmost mistake is the one reported; layers are then put together
from the innermost outwards, each checked against the one that carries it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from fildes.address.hostname import parse_host
from fildes.address.layering import check_carrier, check_outermost
from fildes.address.model import MAX_LAYERS, Address
from fildes.address.options import parse_options
from fildes.address.reading import looks_like_endpoint, no_scheme
from fildes.address.rules import (
    RECEIVING,
    canonical_path,
    check_document_path,
    check_endpoint,
    check_user,
    has_authority,
    parse_port,
)
from fildes.address.syntax import (
    MAX_TEXT,
    UNSAFE,
    check_wire,
    decode_path,
    decode_text,
)
from fildes.errors import AddressError
from fildes.patterns import pattern
from fildes.scheme import Scheme, Shape

FindScheme = Callable[[str], Scheme]

_JOINT = pattern(r"\[[^\]]*\]|(::)")
_NAMED = pattern(r"([A-Za-z][A-Za-z0-9+.-]*)(?::|$)")
_HIERARCHY = pattern(r"//([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_HOST_PORT = pattern(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?", re.DOTALL)

_ESCAPE_HINT = "a literal '::' is written %3A%3A, and the IPv6 address of a host stands in brackets"


class Part(NamedTuple):
    """One layer's text, its scheme found and taken off."""

    scheme: Scheme
    body: str
    literal: bool = False  #: a plain path: nothing in it is an escape


def parse(text: str, find_scheme: FindScheme, *, allow_port_zero: bool = False) -> Address:
    """Return the address that *text* spells.

    Args:
      text: ``scheme://...``, layers joined by ``::``; or a path that is absolute
        or begins with ``./`` or ``../``; or ``-``.
      find_scheme: returns the declaration of a scheme by its lower-case name, or
        raises AddressError.
      allow_port_zero: the outermost layer is where to listen: port 0 and an empty
        host are allowed there, as they are for schemes called ``...-listen``.

    Raises:
      AddressError: the text is no address, or could be read in two ways. The
        message says what to write instead and holds no secret.
    """
    _check_text(text)
    parts = _find_parts(_cut_layers(text), find_scheme)
    check_outermost(parts[0].scheme)
    inner: Address | None = None
    carrier: Scheme | None = None
    for depth, part in reversed(list(enumerate(parts))):
        check_carrier(part.scheme, carrier)
        listening = (allow_port_zero and not depth) or part.scheme.name.endswith(RECEIVING)
        inner, carrier = _parse_part(part, inner, listening=listening), part.scheme
    assert inner is not None  # there is at least one part
    return inner


def _check_text(text: str) -> None:
    if not text:
        raise AddressError("the address is empty")
    if len(text) > MAX_TEXT:
        raise AddressError(f"an address has at most {MAX_TEXT} characters")
    unsafe = UNSAFE.search(text)
    if unsafe:
        raise AddressError(f"control character U+{ord(unsafe[0]):04X} at offset {unsafe.start()}")
    if text[0].isspace() or text[-1].isspace():
        raise AddressError("the address begins or ends with a blank; one in a path is written %20")


def _is_path(text: str) -> bool:
    return text.startswith(("/", "./", "../"))


def _cut_layers(text: str) -> list[str]:
    layers: list[str] = []
    while not _is_path(text) and (start := _find_joint(text)) >= 0:
        layers.append(text[:start])
        text = text[start + 2 :]
        if len(layers) == MAX_LAYERS:
            raise AddressError(f"an address has at most {MAX_LAYERS} layers")
    if "::" in text and _is_path(text):
        raise AddressError(
            "a path with '::' in it could be a layer; write file:PATH with %3A%3A for the '::'"
        )
    return [*layers, text]


def _find_joint(text: str) -> int:
    if "::" not in text:
        return -1
    start = next((match.start() for match in _JOINT.finditer(text) if match[1]), -1)
    if text.startswith(":::", start) and start >= 0:
        raise AddressError(f"three colons in a row; {_ESCAPE_HINT}")
    return start


def _find_parts(layers: list[str], find_scheme: FindScheme) -> list[Part]:
    parts = [_find_part(layers[0], find_scheme)]
    for before, layer in pairwise(layers):
        try:
            parts.append(_find_part(layer, find_scheme))
        except AddressError as error:
            # A "::" inside a password or a token leaves its rest here: say nothing of it.
            shown = "no address" if "?" in before or "@" in layer else str(error)
            raise AddressError(f"after '::': {shown}; {_ESCAPE_HINT}") from None
    return parts


def _find_part(layer: str, find_scheme: FindScheme) -> Part:
    if _is_path(layer):
        return Part(find_scheme("file"), layer, literal=True)
    if layer == "-":
        return Part(find_scheme("stdio"), "")
    return _find_named(layer, find_scheme)


def _find_named(layer: str, find_scheme: FindScheme) -> Part:
    match = _NAMED.match(layer)
    if not match:
        raise no_scheme(layer)
    try:
        scheme = find_scheme(match[1].lower())
    except AddressError:
        if looks_like_endpoint(layer) or not layer[len(match[1]) :]:
            raise no_scheme(layer) from None
        raise
    if layer == match[1] and not has_authority(scheme) and scheme.carried_by != "bytes":
        raise no_scheme(layer)
    return Part(scheme, layer[match.end() :])


def _parse_part(part: Part, inner: Address | None, *, listening: bool) -> Address:
    if part.literal:
        return Address(part.scheme.name, path=canonical_path(part.scheme, part.body))
    if has_authority(part.scheme):
        return _parse_hierarchy(part, inner, listening=listening)
    if part.scheme.shape is Shape.OPAQUE:
        _refuse_fragment(part)
        path = check_wire(part.body, f"{part.scheme.name} address")
        return Address(part.scheme.name, path=path, inner=inner, opaque=True)
    return _parse_path(part, inner)


def _refuse_fragment(part: Part) -> None:
    if "#" in part.body:
        raise AddressError(f"{part.scheme.name} has no #fragment; a literal # is written %23")


def _parse_path(part: Part, inner: Address | None) -> Address:
    _refuse_fragment(part)
    scheme = part.scheme
    path, _, query = part.body.partition("?")
    if path.startswith("//"):
        path = path[2:]
        if scheme.name == "file":
            path = _without_file_host(path)
    decoded = canonical_path(scheme, decode_path(path, f"{scheme.name} path"))
    options = parse_options(query, scheme)
    return Address(scheme.name, path=decoded, options=options, inner=inner)


def _without_file_host(path: str) -> str:
    """Return *path* without its authority; RFC 8089 section 2."""
    host, slash, rest = path.partition("/")
    if host.lower() not in ("", "localhost"):
        raise AddressError(
            "a file address names no host: write file:///PATH, or file:./PATH for a relative one"
        )
    return slash + rest


def _parse_hierarchy(part: Part, inner: Address | None, *, listening: bool) -> Address:
    scheme = part.scheme
    if inner is not None and scheme.carried_by == "listener":
        return _parse_above(part, inner)
    match = _HIERARCHY.fullmatch(part.body)
    if not match:
        raise AddressError(f"{scheme.name} needs '//' and a host: {scheme.name}://HOST")
    authority, path, query, fragment = match.groups()
    user, password, host, port = _parse_authority(authority, scheme, listening=listening)
    if scheme.shape is Shape.RESOURCE:
        check_document_path(path)
        check_wire(f"{query or ''}?{fragment or ''}", "query or fragment")
        return Address(
            scheme.name,
            host,
            port,
            path or "/",
            query,
            user=user,
            password=password,
            inner=inner,
        )
    _refuse_fragment(part)
    if path and scheme.shape is Shape.ENDPOINT:
        raise AddressError(f"{scheme.name} takes no path, not even a last '/'")
    check_document_path(path)
    options = parse_options(query or "", scheme)
    return Address(
        scheme.name,
        host,
        port,
        path,
        user=user,
        password=password,
        options=options,
        inner=inner,
    )


def _parse_above(part: Part, inner: Address) -> Address:
    """Return what listens at the place of *inner*, and so names none of its own; but a path."""
    _refuse_fragment(part)
    name = part.scheme.name
    path, _, query = part.body.removeprefix("//").partition("?")
    if path and (part.scheme.shape is not Shape.PLACE or not path.startswith("/")):
        form = f"{name}:/PATH?OPTIONS" if part.scheme.shape is Shape.PLACE else f"{name}:?OPTIONS"
        raise AddressError(f"the layer after '::' says where {name} listens: write {form}")
    check_document_path(path)
    options = parse_options(query, part.scheme)
    return Address(name, path=path, options=options, inner=inner, opaque=bool(path))


def _parse_authority(
    authority: str, scheme: Scheme, *, listening: bool
) -> tuple[str | None, str | None, str, int | None]:
    userinfo, at, host_port = authority.rpartition("@")
    if "@" in userinfo:
        raise AddressError("a second '@' before the host; in a user or password it is written %40")
    user, password = _parse_userinfo(userinfo) if at else (None, None)
    check_user(scheme, user, password)
    match = _HOST_PORT.fullmatch(host_port)
    if not match or ":" in (match[2] or ""):
        raise AddressError("the host and port are unclear; an IPv6 address stands in brackets")
    port = None if match[2] is None else parse_port(match[2], least=0 if listening else 1)
    host = parse_host(match[1]) if match[1] else ""
    return user, password, host, check_endpoint(scheme, host, port, listening=listening)


def _parse_userinfo(userinfo: str) -> tuple[str, str | None]:
    what = "user or password"
    user, colon, password = userinfo.partition(":")
    return (
        decode_text(user, what, secret=True),
        decode_text(password, what, secret=True) if colon else None,
    )
