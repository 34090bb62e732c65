"""An address in the making: layers whose options are still being collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fildes.address import Address
from fildes.address.building import build
from fildes.address.parsing import FindScheme
from fildes.cli.relaying.side import Settings
from fildes.errors import AddressError


@dataclass
class Layer:
    """One layer of the address, in parts."""

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    user: str | None = None
    password: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Draft:
    """Layers, outermost first, and what was said beside them.

    Attributes:
      flags: of open(2), in so far as they were asked for.
      access: O_RDONLY and the like, if it was said.
      children: how many connections there may be at once; 0 if that was not said.
      dual: what listens over IPv6 does so over IPv4, too.
      terminal: modes of the terminal and their values, in order.
    """

    layers: list[Layer]
    settings: dict[str, Any] = field(default_factory=dict)
    flags: int = 0
    access: int | None = None
    children: int = 0
    dual: bool = False
    terminal: list[tuple[str, int]] = field(default_factory=list)

    @property
    def outer(self) -> Layer:
        """The layer that gives the bytes."""
        return self.layers[0]

    def carrier(self) -> Layer:
        """Return the layer that connects the socket, which is made where it is implied."""
        inner = self.layers[-1]
        if inner.scheme in ("tls", "connect", "socks4a", "socks5"):
            inner = Layer("tcp", inner.host, inner.port)
            self.layers.append(inner)
        return inner

    def address(self, find_scheme: FindScheme) -> Address:
        """Return the address, checked by the rules of its schemes.

        Raises:
          AddressError: a part is not what its scheme takes.
        """
        inner: Address | None = None
        for layer in reversed(self.layers):
            inner = address_of(layer, inner, find_scheme)
        assert inner is not None  # there is at least one layer
        return inner

    def finished_settings(self) -> Settings:
        """Return the settings that were collected."""
        return Settings(**self.settings)


def address_of(layer: Layer, inner: Address | None, find_scheme: FindScheme) -> Address:
    """Return the address of one *layer* over *inner*."""
    scheme = find_scheme(layer.scheme)
    unknown = [name for name in layer.options if scheme.option(name) is None]
    if unknown:
        raise AddressError(f"{layer.scheme} has no option {unknown[0]}")
    parts: dict[str, Any] = {"inner": inner, **layer.options}
    if layer.host or layer.port is not None:
        parts |= {"host": layer.host, "port": layer.port}
        parts |= {"user": layer.user, "password": layer.password}
    else:
        parts["path"] = layer.path
    return build(find_scheme, layer.scheme, **parts)
