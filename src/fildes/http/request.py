"""What we ask of a server, and what of it is ours to keep to ourselves."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fildes.errors import AddressError
from fildes.version import VERSION
from fildes.wire.http1 import Fields, request_head

if TYPE_CHECKING:
    from fildes.address import Address

#: What a request says unless the caller's headers say otherwise.
USUAL: Final = (
    ("User-Agent", f"fildes/{VERSION}"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
)

#: Said where no second request will follow; RFC 9112 section 9.6.
LAST: Final = (("Connection", "close"),)

#: They end messages and connections, so they are not the caller's; RFC 9110 section 7.6.1.
RESERVED: Final = frozenset(
    {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)

DEFAULT_PORTS: Final = {"http": 80, "https": 443}  # RFC 9110 sections 4.2.1 and 4.2.2


class Origin(NamedTuple):
    """Whom credentials are meant for; RFC 9110 section 4.3.1."""

    scheme: str
    host: str
    port: int


class Request(NamedTuple):
    """A GET.

    Attributes:
      address: of the document, with the layers that carry it.
      own: the caller's headers; they may be secret, so they are never shown.
      chosen: the caller chose the origin, so what proves the caller is for it.
    """

    address: Address
    own: Fields = ()
    chosen: bool = True

    def __repr__(self) -> str:
        return f"<Request for {self.shown}>"

    @property
    def origin(self) -> Origin:
        """Whom the request goes to."""
        address = self.address
        return Origin(address.scheme, address.host, address.port or DEFAULT_PORTS[address.scheme])

    @property
    def target(self) -> str:
        """What the server is asked for, as it is sent; RFC 9112 section 3.2.1."""
        address = self.address
        return address.path + ("" if address.query is None else f"?{address.query}")

    @property
    def shown(self) -> str:
        """The address of the document alone, without secrets."""
        address = self.address
        return (address if address.inner is None else address.replace(inner=None)).display()

    def says(self, name: str) -> bool:
        """Tell whether the caller's headers have one called *name*, in lower case."""
        return any(own.lower() == name for own, _ in self.own)

    def head(
        self, extra: Fields = LAST, *, method: str = "GET", proxy: Address | None = None
    ) -> bytes:
        """Return the bytes to send.

        Args:
          extra: fields that belong to this sending of the request.
          proxy: through which it goes; one of http or https is asked for the whole
            address, RFC 9112 section 3.2.2.

        Raises:
          ValueError: a header cannot be sent as it is.
        """
        address, target = self.address, self.target
        usual = [("Host", host_field(address)), *USUAL, *extra, *authorization(address)]
        if proxy is not None and proxy.scheme in DEFAULT_PORTS:
            target = f"http://{host_field(address)}{target}"
            usual += authorization(proxy, "Proxy-Authorization")
        fields = [field for field in usual if not self.says(field[0].lower())]
        return request_head(method, target, [*fields, *self.own])


def host_field(address: Address) -> str:
    """Return the value of the Host field; RFC 9110 section 7.2."""
    host = address.host.partition("%")[0]  # a zone is ours alone; RFC 6874 section 1
    shown = f"[{host}]" if ":" in host else host
    return shown if address.port is None else f"{shown}:{address.port}"


def authorization(address: Address, name: str = "Authorization") -> Fields:
    """Return the field that proves the address's user, if it names one; RFC 7617."""
    if address.user is None:
        return ()
    if ":" in address.user:
        raise AddressError("a user of HTTP Basic authentication has no ':' (RFC 7617 section 2)")
    pair = f"{address.user}:{address.password or ''}".encode()
    return ((name, f"Basic {binascii.b2a_base64(pair, newline=False).decode()}"),)


def own_fields(headers: Any) -> Fields:
    """Return the *headers* option as fields: a mapping, a sequence for a repeated name.

    Raises:
      TypeError, ValueError: they are not headers that a caller may set.
    """
    if headers is None:
        return ()
    fields = tuple(pairs(headers))
    for name, _ in fields:
        if name.lower() in RESERVED:
            raise ValueError(f"header {name} is not the caller's: it rules the connection")
    return fields


def pairs(headers: Mapping[Any, Any]) -> Iterable[tuple[str, str]]:
    """Yield each header by itself; values are not repeated in messages, being secrets."""
    for name, values in headers.items():
        several = isinstance(values, Iterable) and not isinstance(values, str)
        for value in values if several else (values,):
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError("the names and values of headers are texts")
            yield name, value
