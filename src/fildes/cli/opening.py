"""From the options of a command line to the arguments of `fildes.open`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fildes import Policy, verbs
from fildes.address import Address, parse
from fildes.address.options import check_options
from fildes.cli.errors import UsageError
from fildes.cli.spelling import compile_spelling
from fildes.errors import AddressError
from fildes.opening import registry

if TYPE_CHECKING:
    from argparse import Namespace

    from fildes.opener import Opener


def read_address(text: str) -> Address:
    """Return the address that *text*, in any spelling of the command line, stands for.

    Raises:
      AddressError: it stands for none.
    """
    return parse(compile_spelling(text, registry.find_scheme), registry.find_scheme)


def open_for_reading(address: Address, arguments: Namespace) -> Any:
    """Open *address* unbuffered, for reading only."""
    compression = "infer" if getattr(arguments, "decompress", False) else None
    return verbs.open(
        address, "rb", 0, compression=compression, **limits(arguments), **how(arguments)
    )


def opener_of(arguments: Namespace) -> Opener:
    """Return what opens addresses as *arguments* say, over connections that are kept."""
    from fildes.opener import Opener

    return Opener(**limits(arguments), **how(arguments))


def limits(arguments: Namespace) -> dict[str, Any]:
    """Return the time limits that *arguments* set."""
    return {"timeout": arguments.timeout or None, "idle_timeout": arguments.idle_timeout}


def how(arguments: Namespace) -> dict[str, Any]:
    """Return the policy and the options by scheme that *arguments* set.

    Raises:
      UsageError: an option is unknown or its value is none.
    """
    settings: dict[str, dict[str, Any]] = {}
    for text in arguments.settings:
        add_setting(settings, text)
    if arguments.headers:
        fields = header_fields(arguments.headers)
        for scheme in ("http", "https", "ws", "wss"):
            settings.setdefault(scheme, {})["headers"] = fields
    if arguments.ca:
        settings.setdefault("tls", {})["ca"] = arguments.ca
    if arguments.insecure:
        from fildes.cli.reporting import say

        say("warning: --insecure: the peer may be anybody, and may change what passes")
        settings.setdefault("tls", {})["verify"] = False
    for scheme in ("http", "https"):
        settings.setdefault(scheme, {}).setdefault("hint", "sequential")
    policy = Policy.untrusted() if arguments.untrusted else None
    return {"policy": policy, **settings}


def add_setting(settings: dict[str, dict[str, Any]], text: str) -> None:
    """Add what ``SCHEME.NAME=VALUE`` sets, typed as the scheme declares it."""
    left, _, value = text.partition("=")
    scheme_name, _, name = left.rpartition(".")
    try:
        scheme = registry.find_scheme(scheme_name)
        ((_, typed),) = check_options({name: value}, scheme)
    except AddressError as error:
        raise UsageError(f"-O: {error}") from None
    given = settings.setdefault(scheme_name.replace("-", "_"), {})
    given[name] = given.get(name, ()) + typed if isinstance(typed, tuple) else typed


def header_fields(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return header fields by name; values may be secrets, so none is repeated here."""
    from fildes.http.request import own_fields
    from fildes.wire.http1 import request_head

    fields: dict[str, list[str]] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise UsageError("-H takes a header field: -H 'NAME: VALUE'")
        fields.setdefault(name, []).append(value.strip(" \t"))
    try:
        request_head("GET", "/", own_fields(fields))
    except ValueError as error:
        raise UsageError(f"-H: {error}") from None
    return fields
