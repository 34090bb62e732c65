"""An address as text: canonical, redacted, or with its secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fildes.address.syntax import (
    PATH_SAFE,
    REDACTED,
    USER_SAFE,
    VALUE_SAFE,
    quote,
    unquote,
)

if TYPE_CHECKING:
    from fildes.address.model import Address
    from fildes.scheme import Value

#: Query names whose value is probably a credential. The AWS, Google and Azure
#: signing schemes and OAuth 2.0 (RFC 6749) are the sources of the less obvious ones.
_SECRET_NAME = (  # compiled when something is displayed, which most opens never do
    r"(?i)token|secret|passw|passphrase|pwd|signature|credential|session|jwt|x-amz-|x-goog-"
    r"|access.?key|auth|assertion|key$|^(?:sig|code|pass|pw|pin|otp|sid|ticket)$"
)


def write(address: Address, *, reveal: bool = False) -> str:
    """Return the canonical text, its secrets as ``***`` unless *reveal*."""
    layers = [_write_layer(layer, reveal) for layer in address.layers()]
    # A colon before the joint would make the joint ambiguous.
    closed = [text[:-1] + "%3A" if text.endswith(":") else text for text in layers[:-1]]
    return "::".join([*closed, layers[-1]])


def write_masked(address: Address) -> str:
    """Return the canonical text without anything that looks like a credential."""
    return write(_mask(address))


def _write_layer(address: Address, reveal: bool) -> str:
    if address.options:
        options = "&".join(_write_options(address.options, reveal))
        return f"{_write_hierarchy(address, reveal)}?{options}"
    if address.query is not None:
        return f"{_write_hierarchy(address, reveal)}?{_without_joints(address.query)}"
    return _write_hierarchy(address, reveal)


def _write_hierarchy(address: Address, reveal: bool) -> str:
    if address.opaque:
        return f"{address.scheme}:{_without_joints(address.path)}"
    if address.host or address.port is not None:
        authority = _write_authority(address, reveal)
        return f"{address.scheme}://{authority}{_without_joints(address.path)}"
    if not address.path and not address.options and address.inner:
        return address.scheme
    # "//." would name a host called "." in a file address; RFC 8089 section 2.
    slashes = "//" if address.path and not address.path.startswith(("./", "../")) else ""
    path = quote(address.path, PATH_SAFE)
    if "/" not in path:  # a word, as in vsock://host:1024
        path = _without_joints(path.replace("%3A", ":"))
    return f"{address.scheme}:{slashes}{path}"


def _write_authority(address: Address, reveal: bool) -> str:
    host = address.host
    text = f"[{host.replace('%', '%25')}]" if ":" in host else host
    if address.port is not None:
        text += f":{address.port}"
    if address.user is None:
        return text
    user = quote(address.user, USER_SAFE)
    if address.password is not None:
        user += ":" + (quote(address.password, USER_SAFE) if reveal else REDACTED)
    return f"{user}@{text}"


def _write_options(options: tuple[tuple[str, Value], ...], reveal: bool) -> list[str]:
    return [
        f"{name}={_write_value(item, reveal)}"
        for name, value in options
        for item in (value if isinstance(value, tuple) else (value,))
    ]


def _write_value(value: Value, reveal: bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        hidden = repr(value) == REDACTED and not reveal
        return REDACTED if hidden else quote(value, VALUE_SAFE)
    return str(value).removesuffix(".0")


def _without_joints(text: str) -> str:
    return text.replace("::", "%3A%3A")


def _mask(address: Address) -> Address:
    if address.user is None and not address.query and address.inner is None:
        return address  # most are like that, and every open asks
    is_document = address.path.startswith("/") and address.host
    # A user without a password is a token for several well-known services.
    user = REDACTED if is_document and address.user and not address.password else address.user
    query = address.query and _mask_query(address.query)
    if (user, query, address.inner) == (address.user, address.query, None):
        return address
    return address.replace(user=user, query=query, inner=address.inner and _mask(address.inner))


def _mask_query(query: str) -> str:
    return "&".join(_mask_pair(pair) for pair in query.split("&"))


def _mask_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    readable = unquote(name).decode("utf-8", "replace")
    return f"{name}={REDACTED}" if equals and re.search(_SECRET_NAME, readable) else pair
