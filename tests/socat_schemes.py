"""The schemes that socat spellings are compiled to."""

from __future__ import annotations

from fildes.opening import registry
from fildes.scheme import Option, Scheme, Shape

FLAGS = tuple(Option(name, "flag", "") for name in ("setsid", "wait", "verify"))
TEXTS = tuple(
    Option(name, "text", "")
    for name in ("bind", "interface", "sourceport", "cert", "key", "ca", "stderr", "link")
)
OPTIONS = (*FLAGS, *TEXTS, Option("backlog", "integer", ""), Option("arg", "list", ""))
PLANNED = {
    **{
        name: Scheme(name, Shape.ENDPOINT, "", options=OPTIONS)
        for name in ("tcp-listen", "udp-listen", "tls-listen", "vsock-listen", "vsock")
    },
    "udp4": Scheme("udp4", Shape.ENDPOINT, ""),
    "udp6": Scheme("udp6", Shape.ENDPOINT, ""),
    "unix-listen": Scheme("unix-listen", Shape.PATH, "", options=OPTIONS),
    "pipe": Scheme("pipe", Shape.WORD, ""),
    "pty": Scheme("pty", Shape.WORD, "", options=OPTIONS),
}


def find_scheme(name: str) -> Scheme:
    """Return the declaration of the scheme called *name*."""
    if name in PLANNED:
        return PLANNED[name]
    scheme = registry.find_scheme(name)
    if name not in ("tcp", "tcp4", "tcp6", "exec"):
        return scheme
    more = [option for option in OPTIONS if scheme.option(option.name) is None]
    return scheme._replace(options=(*scheme.options, *more))
