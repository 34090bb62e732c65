"""The schemes that socat spellings are compiled to."""

from __future__ import annotations

from fildes.opening.registry import find_scheme as find_real
from fildes.scheme import Option, Scheme, Shape

FLAGS = tuple(
    Option(name, "flag", "") for name in ("setsid", "wait", "verify", "pty", "pipes", "raw", "echo")
)
TEXTS = tuple(
    Option(name, "text", "")
    for name in ("bind", "interface", "sourceport", "cert", "key", "ca", "stderr", "link", "mode")
)
OPTIONS = (
    *FLAGS,
    *TEXTS,
    *(Option(name, "integer", "") for name in ("backlog", "max-connections", "keepidle")),
    *(Option(name, "list", "") for name in ("arg", "allow")),
    *(Option(name, "flag", "") for name in ("reuseport", "keepalive", "nodelay")),
)
LISTENERS = (
    *(f"{name}{family}-listen" for name in ("tcp", "udp") for family in ("", "4", "6")),
    *("tls-listen", "vsock-listen", "vsock"),
)
PLANNED = {
    **{name: Scheme(name, Shape.ENDPOINT, "", options=OPTIONS) for name in LISTENERS},
    "udp4": find_real("udp")._replace(name="udp4"),
    "udp6": find_real("udp")._replace(name="udp6"),
    "unix-listen": Scheme("unix-listen", Shape.PATH, "", options=OPTIONS),
    "pipe": Scheme("pipe", Shape.WORD, ""),
}


def find_scheme(name: str) -> Scheme:
    """Return the declaration of the scheme called *name*."""
    if name in PLANNED:
        return PLANNED[name]
    return find_real(name)
