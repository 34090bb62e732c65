"""The spellings that hands already know, as addresses."""

from __future__ import annotations

import socket

from fildes.address.parsing import FindScheme
from fildes.errors import AddressError
from fildes.patterns import pattern

#: Plan 9's network!host!service; dial(2).
_PLAN9 = pattern(r"([A-Za-z][A-Za-z0-9-]*)!([^!/?#@\s]+)!([^!/?#@\s]+)")
HOST_PORT = pattern(r"([^:/?#@!\[\]\s]+|\[[^\[\]/?#@\s]+\]):([0-9]+)")


def compile_spelling(text: str, find_scheme: FindScheme) -> str:
    """Return the address that a familiar spelling stands for, or *text* itself.

    ``host:80`` and ``[::1]:80`` are tcp; so is what Plan 9 writes
    ``tcp!host!80`` or ``net!host!http``. A word that is a scheme stays one:
    ``fd:3`` is descriptor 3 and not a host called fd.

    Raises:
      AddressError: the service of a Plan 9 spelling is in no services(5).
    """
    plan9 = _PLAN9.fullmatch(text)
    if plan9:
        return _compile_plan9(*plan9.groups())
    endpoint = HOST_PORT.fullmatch(text)
    if endpoint and not is_scheme(endpoint[1], find_scheme):
        return f"tcp://{text}"
    return text


def _compile_plan9(network: str, host: str, service: str) -> str:
    scheme = "tcp" if network.lower() == "net" else network.lower()
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{bracketed}:{find_port(service, scheme)}"


def find_port(service: str, scheme: str) -> str:
    """Return the port that *service*, a number or a name of services(5), stands for.

    Raises:
      AddressError: it is in no services(5).
    """
    if service.isascii() and service.isdigit():
        return service
    try:
        return str(socket.getservbyname(service, "udp" if scheme.startswith("udp") else "tcp"))
    except (OSError, ValueError):  # ValueError: a text that no C string can hold
        raise AddressError(f"no service {service!a} in services(5); write its port") from None


def is_scheme(word: str, find_scheme: FindScheme) -> bool:
    """Tell whether *word*, in small letters, is a scheme."""
    try:
        find_scheme(word.lower())
    except AddressError:
        return False
    return True
