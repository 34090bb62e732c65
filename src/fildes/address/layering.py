"""Which layer may stand on which: the grammar of ``::``."""

from __future__ import annotations

from fildes.errors import AddressError
from fildes.scheme import Scheme


def check_carrier(scheme: Scheme, inner: Scheme | None) -> None:
    """Raise AddressError unless a layer of *scheme* may be carried by *inner*."""
    if scheme.carried_by == "bytes":
        _check_bytes(scheme, inner)
    elif inner is None:
        return
    elif scheme.carried_by == "listener":
        if not inner.name.endswith("-listen"):
            raise AddressError(
                f"{scheme.name} is carried by what listens, and {inner.name} does not; "
                f"name it after '::', as in {scheme.name}:?OPTIONS::unix-listen:PATH"
            )
    elif scheme.carried_by == "nothing":
        raise AddressError(
            f"{scheme.name} is carried by nothing, so no '::' follows it; "
            "a literal '::' is written %3A%3A"
        )
    elif inner.mode != "r+b" and not inner.tunnels:
        raise AddressError(
            f"{scheme.name} is carried by a conversation, and {inner.name} is a document; "
            "name a two-way layer after '::', such as tcp, tls, unix or a proxy"
        )


def _check_bytes(scheme: Scheme, inner: Scheme | None) -> None:
    if inner is None:
        raise AddressError(
            f"{scheme.name} reads from another address; name it after '::', "
            f"as in {scheme.name}::./FILE"
        )
    if inner.tunnels:
        raise AddressError(
            f"{inner.name} is a proxy: say what to reach through it between the two, "
            f"as in {scheme.name}::https://HOST/::{inner.name}://..."
        )


def check_outermost(scheme: Scheme) -> None:
    """Raise AddressError if *scheme* only carries others."""
    if scheme.tunnels:
        raise AddressError(
            f"{scheme.name} is a proxy: put what to reach through it in front, "
            f"as in tcp://HOST:PORT::{scheme.name}://..."
        )
