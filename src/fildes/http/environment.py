"""The proxy that the environment names for a document, by curl's rules.

``http_proxy`` counts in lower case only: in a CGI program HTTP_PROXY is the Proxy
field of whoever sent the request (RFC 3875 section 4.1.18). The others count in
either case, lower case first, and an empty variable is as good as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fildes.address import Address, parse
from fildes.address.hostname import is_ip
from fildes.errors import AddressError
from fildes.http.request import DEFAULT_PORTS
from fildes.opening import registry
from fildes.patterns import pattern

VARIABLES: Final = {
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
ENCODED: Final = {
    scheme: tuple(name.encode() for name in names) for scheme, names in VARIABLES.items()
}
EXCEPTIONS: Final = ("no_proxy", "NO_PROXY")

#: The scheme of ours that each kind of proxy is; socks5h says that the proxy resolves
#: the name, which it always does here.
SCHEMES: Final = {
    "http": "connect",
    "https": "connect",
    "socks4a": "socks4a",
    "socks5": "socks5",
    "socks5h": "socks5",
}
DEFAULT_PORT: Final = {"https": 443}
USUAL_PORT: Final = 1080  # CURLOPT_PROXY(3), for a proxy written without port

_SEPARATORS = pattern(r"[,\s]+")
_ENTRY = pattern(r"\[?(?P<host>[^\[\]]*?)\]?(?::(?P<port>[0-9]{1,5}))?")


def proxy_for(address: Address, environ: Mapping[str, str]) -> Address | None:
    """Return the proxy that *environ* names for the document at *address*, if any.

    Returns:
      An address that tunnels (connect, socks5, socks4a); or one of http or https,
      of a proxy that is asked for the whole address (RFC 9112 section 3.2.2).

    Raises:
      AddressError: a variable names no usable proxy.
    """
    if names_no_proxy(address.scheme, environ):
        return None
    name = first_set(VARIABLES[address.scheme], environ)
    if name is None or is_exception(address, environ):
        return None
    try:
        return to_proxy(address.scheme, environ[name])
    except AddressError as error:
        raise AddressError(f"the environment's {name} is no usable proxy: {error}") from None


def names_no_proxy(scheme: str, environ: Mapping[str, str]) -> bool:
    """Tell in no time whether *environ* has none of the variables for documents of *scheme*."""
    # What os.environ wraps, of encoded names: a look-up there that misses raises and catches.
    raw = getattr(environ, "_data", None)
    if not isinstance(raw, dict):
        return first_set(VARIABLES[scheme], environ) is None
    return raw.keys().isdisjoint(ENCODED[scheme])


def first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """Return the first of *names* that *environ* gives a value."""
    for name in names:  # no generator: every request asks
        if environ.get(name):
            return name
    return None


def to_proxy(scheme: str, text: str) -> Address:
    """Return the proxy that *text* names, for documents of *scheme*.

    Raises:
      AddressError: it names none.
    """
    kind, mark, rest = text.partition("://")
    if not mark:
        kind, rest = "http", text
    kind = kind.lower()
    if kind not in SCHEMES:
        raise AddressError(f"a proxy is one of {', '.join(SCHEMES)}; write KIND://HOST:PORT")
    # Read as a document: that has user, password, host, port, and perhaps a slash.
    read = parse(f"http://{rest}", registry.find_scheme)
    if read.inner or read.path != "/" or read.query is not None:
        raise AddressError("a proxy is written KIND://HOST:PORT, with nothing behind")
    # The parser takes a usual port of http for none.
    port = 80 if rest.rstrip("/").endswith(":80") else read.port
    port = port or DEFAULT_PORT.get(kind, USUAL_PORT)
    proxy = Address(SCHEMES[kind], read.host, port, user=read.user, password=read.password)
    if scheme == "http" and kind in DEFAULT_PORTS:
        return proxy.replace(scheme=kind, path="/")
    return proxy.replace(inner=Address("tls", read.host, port)) if kind == "https" else proxy


def is_exception(address: Address, environ: Mapping[str, str]) -> bool:
    """Tell whether the list of exceptions in *environ* has the host of *address*."""
    name = first_set(EXCEPTIONS, environ)
    entries = _SEPARATORS.split(environ[name].lower()) if name else []
    port = address.port or DEFAULT_PORTS[address.scheme]
    host = address.host.partition("%")[0].rstrip(".")
    return any(entry and covers(entry, host, port) for entry in entries)


def covers(entry: str, host: str, port: int) -> bool:
    """Tell whether an *entry* of the exceptions covers *host*, and that with *port*.

    An entry is ``*``, a domain with all below it, an IP address or a network in
    CIDR form; all but the last with ``:PORT`` for that port alone.
    """
    if entry == "*" or holds(entry.strip("[]"), host):
        return True
    match = _ENTRY.fullmatch(entry)
    if match is None or (match["port"] and int(match["port"]) != port):
        return False
    domain = match["host"].removeprefix("*").strip(".")
    return holds(domain, host) or (not is_ip(host) and bool(domain) and is_below(domain, host))


def is_below(domain: str, host: str) -> bool:
    """Tell whether *host* is *domain* or in it."""
    return f".{host}".endswith(f".{domain}")


def holds(network: str, host: str) -> bool:
    """Tell whether *host* is an IP address in *network*; what is none holds nothing."""
    if not is_ip(host):
        return False
    import ipaddress  # 2 ms, for addresses without a name only

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
