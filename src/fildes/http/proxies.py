"""Which proxy a document comes through when its address names no carrier.

A proxy that tunnels is a layer like any other. One that is asked for the whole
address (RFC 9112 section 3.2.2) is how plain http passes an HTTP proxy: many of them
tunnel to port 443 alone.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from fildes.address import Address, parse
from fildes.errors import AddressError
from fildes.http.environment import SCHEMES, proxy_for, to_proxy
from fildes.http.request import DEFAULT_PORTS
from fildes.opening import registry
from fildes.opening.opening import Target
from fildes.opening.proxying import check_reach, reaching, shown
from fildes.policy.policy import Policy

if TYPE_CHECKING:
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

ALPN = ("http/1.1",)  # RFC 7301 section 6

#: The options of tls that are for the origin which the caller chose, and for no other.
NOT_OURS = (("cert", None), ("key", None), ("key-password", None), ("name", None))


def proxy_of(opening: Opening, address: Address, chosen: str) -> Address | None:
    """Return the proxy for the document at *address*; None without one.

    An address that names its carrier has said all. The environment is asked only for
    addresses that may go anywhere: a policy is about where connections go.

    Args:
      chosen: the value of the *proxy* option.

    Raises:
      AddressError: what names the proxy names none.
    """
    if address.inner is not None or chosen == "none":
        return None
    if chosen != "env":
        return chosen_proxy(address.scheme, chosen)
    return proxy_for(address, os.environ) if trusted(opening.policy) else None


def trusted(policy: Policy) -> bool:
    """Tell whether *policy* is that of addresses which may go anywhere."""
    return policy is Policy.trusted() or policy == Policy.trusted()


def chosen_proxy(scheme: str, text: str) -> Address:
    """Return the proxy that the *proxy* option names, in the environment's way or in ours.

    Raises:
      AddressError: it names none.
    """
    kind, mark, _ = text.partition("://")
    if not mark or kind.lower() in SCHEMES:
        return to_proxy(scheme, text)
    proxy = parse(f"{scheme}://proxied/::{text}", registry.find_scheme).inner
    if proxy is None or not registry.find_scheme(proxy.scheme).tunnels:
        raise AddressError("proxy is env, none, or the address of a proxy")
    return proxy


def is_asked(proxy: Address) -> bool:
    """Tell whether *proxy* is asked for whole addresses."""
    return proxy.scheme in DEFAULT_PORTS


async def connect_to(opening: Opening, proxy: Address, target: Target) -> Stream:
    """Connect to a *proxy* that will be asked for a document of *target*."""
    with opening.blame("proxy"):
        check_reach(opening, target.host)
    here = Target(proxy.host, proxy.port or DEFAULT_PORTS[proxy.scheme])
    with reaching(opening, here):
        stream = await opening.open_transport(proxy, here)
        if proxy.scheme == "https":
            tls, plain = registry.find_module("tls"), Address("tls", options=NOT_OURS)
            stream = await tls.start(opening, stream, proxy.host, plain, ALPN)
    detail = f"{shown(target)} through {shown(here)}"
    opening.trace.record("proxy", detail, time.monotonic())
    return stream
