"""What would fail on this machine when a relay is started; nothing is opened for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.cli.relaying.plan import Plan

#: Ports below are root's, unless the administrator says otherwise; ip(7).
UNPRIVILEGED_START = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def warnings_of(plan: Plan) -> Iterator[str]:
    """Yield what is wrong with the surroundings of *plan*."""
    for side in (plan.left, plan.right):
        for layer in side.address.layers():
            yield from warnings_of_tls(layer)
            yield from warnings_of_place(layer)
            yield from warnings_of_program(layer)


def warnings_of_tls(layer: Address) -> Iterator[str]:
    """Yield what is wrong with the certificates that *layer* names."""
    certs, keys = texts(layer, "cert"), texts(layer, "key")
    for path in [*certs, *keys, *texts(layer, "ca")]:
        if not os.access(path, os.R_OK):
            reason = "cannot be read" if os.path.exists(path) else "is not there"
            yield f"{path} {reason}"
            return
    if layer.scheme in ("tls-listen", "wss-listen") and not certs:
        yield "a tls listener needs a certificate: cert=FILE"
    for cert, key in zip(certs, [*keys, *certs[len(keys) :]], strict=False):
        if os.path.isfile(cert):
            yield from warnings_of_chain(cert, key)


def warnings_of_chain(cert: str, key: str) -> Iterator[str]:
    """Yield what is wrong with a certificate and its key."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, lambda: b"")
    except ssl.SSLError as error:
        yield f"{cert} and {key} are no certificate and its key: {error.reason or error}"


def texts(layer: Address, name: str) -> list[str]:
    """Return the paths that the option called *name* holds."""
    value = layer.option(name)
    if value is None:
        return []
    return list(value) if isinstance(value, tuple) else [str(value)]


def warnings_of_place(layer: Address) -> Iterator[str]:
    """Yield what is wrong with where *layer* listens."""
    if not layer.scheme.endswith("-listen"):
        return
    if layer.port is not None and 0 < layer.port < unprivileged_start() and os.geteuid() != 0:
        yield f"port {layer.port} is root's: choose another, or give CAP_NET_BIND_SERVICE"
    if layer.scheme.startswith("unix") and not layer.path.startswith("@"):
        folder = os.path.dirname(os.path.abspath(layer.path))
        if not os.path.isdir(folder):
            yield f"there is no directory {folder}"
        elif not os.access(folder, os.W_OK):
            yield f"no socket can be made in {folder}: no permission to write there"


def warnings_of_program(layer: Address) -> Iterator[str]:
    """Yield what is wrong with the program that *layer* runs."""
    if layer.scheme != "exec" or layer.option("cwd") is not None:
        return
    import shutil  # 10 ms, needed for this only

    if not shutil.which(layer.path):
        there = "/" in layer.path and os.path.exists(layer.path)
        yield f"{layer.path} is not executable" if there else f"there is no program {layer.path}"


def unprivileged_start() -> int:
    """Return the first port that everybody may listen at."""
    try:
        return int(UNPRIVILEGED_START.read_text())
    except (OSError, ValueError):
        return 1024  # what it is unless somebody has changed it
