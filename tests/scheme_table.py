"""Declarations of every shape of scheme, for tests of what reads them."""

from __future__ import annotations

from fildes.errors import AddressError
from fildes.scheme import Option, Scheme, Shape

SOCKET_OPTIONS = (
    Option("backlog", "integer", "queue length"),
    Option("bind", "text", "local address", confined=True),
    Option("family", "text", "address family", choices=("4", "6")),
    Option("idle", "seconds", "longest silence"),
    Option("marks", "mapping", "for Python only"),
    Option("nodelay", "flag", "send small writes at once", default=True, confined=True),
)
TLS_OPTIONS = (
    Option("alpn", "list", "protocols offered", choices=("h2", "http/1.1")),
    Option("ca", "text", "file of authorities"),
    Option("password", "text", "of the key", secret=True),
    Option("pins", "list", "secret words", secret=True),
)

ENDPOINTS = (
    Scheme("tcp", Shape.ENDPOINT, "", confined=True, options=SOCKET_OPTIONS),
    Scheme("tcp-listen", Shape.ENDPOINT, ""),
    Scheme(
        "tls",
        Shape.ENDPOINT,
        "",
        default_port=443,
        carried_by="transport",
        confined=True,
        options=TLS_OPTIONS,
    ),
    Scheme(
        "socks5",
        Shape.ENDPOINT,
        "",
        default_port=1080,
        carried_by="transport",
        tunnels=True,
        userinfo=True,
    ),
)
DOCUMENTS = tuple(
    Scheme(
        name,
        Shape.RESOURCE,
        "",
        "rb",
        default_port=port,
        carried_by="transport",
        userinfo=True,
        confined=True,
    )
    for name, port in (("http", 80), ("https", 443))
)
LOCAL = (
    Scheme("unix", Shape.PATH, ""),
    Scheme("file", Shape.PATH, "", "rb"),
    Scheme("exec", Shape.PATH, "", options=(Option("arg", "list", "an argument"),)),
    Scheme("fd", Shape.WORD, ""),
    Scheme("stdio", Shape.WORD, ""),
    Scheme("data", Shape.OPAQUE, "", "rb", confined=True),
)
DECODERS = (
    Scheme("png", Shape.WORD, "", "rb", carried_by="bytes", confined=True),
    Scheme("gzip", Shape.WORD, "", "rb", carried_by="bytes", confined=True),
    Scheme("zip", Shape.PATH, "", "rb", carried_by="bytes", confined=True),
)
TABLE = {scheme.name: scheme for scheme in (*ENDPOINTS, *DOCUMENTS, *LOCAL, *DECODERS)}


def find_scheme(name: str) -> Scheme:
    """Return the declaration called *name*."""
    if name not in TABLE:
        raise AddressError(f"unknown scheme {name!r}")
    return TABLE[name]
