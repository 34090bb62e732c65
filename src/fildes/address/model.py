"""The parsed address: what one layer says, and what carries it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from fildes.address import writing
from fildes.address.syntax import REDACTED, check_safe, check_text, check_wire
from fildes.errors import AddressError
from fildes.patterns import pattern
from fildes.scheme import Value

#: Most layers that one address may have; bounds the recursion over `inner`.
MAX_LAYERS = 16  # arbitrary; real addresses have two to five
MAX_PORT = 65535  #: RFC 9293 section 3.1: 16 bits

_SCHEME = pattern(r"[a-z][a-z0-9+.-]*")  # RFC 3986 section 3.1, lower-case
_HOST = pattern(r"[a-z0-9._:-]*(?:%[A-Za-z0-9._~-]+)?")


class Secret(str):
    """Option text that equals itself but shows itself to nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return REDACTED


class _Parts(NamedTuple):  # a dataclass would cost 7 ms of import time
    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    query: str | None = None
    user: str | None = None
    password: str | None = None
    options: tuple[tuple[str, Value], ...] = ()
    inner: Address | None = None
    opaque: bool = False


class Address(_Parts):
    """One layer of an address, carried by `inner`.

    `parse` and `build` make addresses that obey all rules of their scheme. One
    that is constructed directly has been checked for characters and ranges only.

    ``str()`` is the canonical text, in which passwords and secret options are
    ``***``; it parses to an equal address when there are none.

    Attributes:
      scheme: lower-case.
      host: an A-label name, a dotted quad, or IPv6 without brackets, its zone
        after ``%``. Empty where the scheme has none, and for a listener on loopback.
      port: None for the scheme's default; 0 only for a listener.
      path: as on the wire, percent-encoded, for a scheme with a host (at least
        ``/`` for a document) and where `opaque`; elsewhere the decoded text, in
        which bytes that are not UTF-8 are surrogates (PEP 383).
      query: of a document, as on the wire: its server owns it.
      user: decoded; `password` too.
      options: typed, sorted by name; secret ones are `Secret`.
      inner: the layer to the right of ``::``.
      opaque: the text after the colon is kept in `path` as it is, as for ``data:``.
    """

    __slots__ = ()

    def __new__(cls, *parts: Any, **named: Any) -> Self:
        """Make an address that is safe to have.

        Raises:
          AddressError: a part holds what no later code should have to think of.
        """
        address = super().__new__(cls, *parts, **named)
        address._check()
        return address

    def replace(self, **changes: Any) -> Address:
        """Return an address that differs in *changes*, checked like any other."""
        return Address(**{**self._asdict(), **changes})

    def beside(self, path: str, query: str | None) -> Address:
        """Return the address of another document at the same place, which is not checked."""
        return self._replace(path=path, query=query)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def _check(self) -> None:
        if not _SCHEME.fullmatch(self.scheme):
            raise AddressError("a scheme is lower-case letters, digits, '+', '.' and '-'")
        if not _HOST.fullmatch(self.host):
            raise AddressError("the host is not in canonical form; build() takes any form")
        if self.port is not None and not 0 <= self.port <= MAX_PORT:
            raise AddressError(f"port {self.port} is not between 0 and {MAX_PORT}")
        if self.path:
            self._check_path()
        if self.query:
            check_wire(self.query, "query")
        if self.user is not None:
            check_text(f"{self.user}{self.password}", "user or password")
        if self.options:
            _check_options(self.options)
        if self.inner and sum(1 for _ in self.layers()) > MAX_LAYERS:
            raise AddressError(f"an address has at most {MAX_LAYERS} layers")

    def _check_path(self) -> None:
        check_safe(self.path, "path")
        if self.host or self.opaque:
            check_wire(self.path, "path")
        if self.host and not self.path.startswith("/"):
            raise AddressError("the path after a host begins with /")

    def layers(self) -> Iterator[Address]:
        """Yield this layer and those that carry it, outermost first."""
        layer: Address | None = self
        while layer:
            yield layer
            layer = layer.inner

    def option(self, name: str, default: Value = None) -> Value:
        """Return the value of the option called *name*, or *default*."""
        return next((value for key, value in self.options if key == name), default)

    def __str__(self) -> str:
        return writing.write(self)

    def display(self) -> str:
        """Return ``str()`` with the likely secrets of query and user masked too.

        For errors, traces and logs; it need not parse to an equal address.
        """
        return writing.write_masked(self)

    def reveal(self) -> str:
        """Return the text with its secrets, for handing to `parse` again."""
        return writing.write(self, reveal=True)


def _check_options(options: tuple[tuple[str, Value], ...]) -> None:
    for name, value in options:
        for text in value if isinstance(value, tuple) else (value,):
            check_text(f"{name}{text}", "options")
