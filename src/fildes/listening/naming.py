"""Two names of one place: ``tcp://`` as a listener has it is ``tcp-listen://``.

`fildes.listen` takes both; on a command line, where an address may be either side of a
conversation, only the second one listens. So whatever can be said of a place to listen
at is declared once, by the scheme of the second name.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from fildes.address import Address
from fildes.address.options import check_options
from fildes.errors import AddressError
from fildes.opening import registry

SUFFIX = "-listen"

Options = Mapping[str, Mapping[str, Any]]


def listening_text(text: str) -> str:
    """Return *text* in the name of what listens; the options after it are that one's."""
    scheme, colon, rest = text.partition(":")
    return f"{listening_name(scheme.lower())}:{rest}" if colon else text


def listening_name(scheme: str) -> str:
    """Return the scheme by which addresses of *scheme* are listened at."""
    if scheme.endswith(SUFFIX):
        return scheme
    try:
        return registry.find_scheme(f"{scheme}{SUFFIX}").name
    except AddressError:  # it listens under its own name, or not at all
        return scheme


def listening_form(address: Address, options: Options) -> tuple[Address, dict[str, Any]]:
    """Return *address* and *options*, by scheme, in the names of what listens.

    Raises:
      io.UnsupportedOperation: nothing can be accepted at such addresses.
      AddressError: an option says nothing of a place to listen at.
    """
    scheme = listening_name(address.scheme)
    if not hasattr(registry.find_module(scheme), "listen_"):
        raise io.UnsupportedOperation(f"{scheme} addresses cannot be listened at")
    given = dict(options)
    if scheme.endswith(SUFFIX):
        own = given.pop(scheme.removesuffix(SUFFIX).replace("-", "_"), {})
        add_options(given, scheme, own)
    if address.query is not None:
        raise AddressError("a place to listen at has no query; its options are arguments")
    if scheme != address.scheme:
        typed = check_options(dict(address.options), registry.find_scheme(scheme))
        address = address.replace(scheme=scheme, options=typed)
    return address, given


def knows(address: object, option: str) -> bool:
    """Tell whether the option called *option* can be said of listening at *address*."""
    name = address.scheme if isinstance(address, Address) else str(address).partition(":")[0]
    try:
        scheme = registry.find_scheme(listening_name(name.lower()))
    except AddressError:
        return False
    return scheme.option(option) is not None


def add_limits(given: dict[str, Any], place: Address, limits: Mapping[str, Any]) -> None:
    """Add *limits* to the options *given*, each to the layer of *place* that it is said of."""
    *_, innermost = place.layers()
    for name, value in limits.items():
        layer = place if name == "handshake-timeout" else innermost
        add_options(given, layer.scheme, {name: value})


def add_options(given: dict[str, Any], scheme: str, more: Mapping[str, Any]) -> None:
    """Add *more* options of *scheme* to those *given*; None is not given."""
    added = {name: value for name, value in more.items() if value is not None}
    if added:
        key = scheme.replace("-", "_")
        given[key] = {**added, **given.get(key, {})}
