"""What every open file says about itself, blocking or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from fildes.files.base_description import BaseDescription
    from fildes.http.response import Headers, Response
    from fildes.tls.engine import TlsEngine
    from fildes.trace import Trace
    from fildes.websocket.answering import Request


class Described:
    """What every open file says about itself, blocking or not.

    Attributes:
      face: the name of its class, where that is another one's in all that matters.
    """

    description: BaseDescription
    face: str | None = None
    unit = "b"  #: the letter in a mode for bytes

    @property
    def address(self) -> str:
        """The address that was opened, secrets redacted."""
        return self.description.address

    @property
    def name(self) -> str:
        """The address, under the name that the built-in `open` uses."""
        return self.description.address

    @property
    def mode(self) -> str:
        """What can be done with it, in the words of the built-in `open`."""
        directions = "w" if not self.readable() else "r+" if self.writable() else "r"
        return directions + self.unit

    @property
    def trace(self) -> Trace:
        """The steps that opening took."""
        return self.description.trace

    @property
    def local(self) -> str | None:
        """Our endpoint, as an address."""
        return self.description.stream.local

    @property
    def peer(self) -> str | None:
        """The other endpoint, as an address."""
        return self.description.stream.peer

    @property
    def tls(self) -> TlsEngine | None:
        """The outermost TLS: its version, cipher, alpn and certificate; None without."""
        return cast("TlsEngine | None", self.first("engine"))

    @property
    def response(self) -> Response | None:
        """The HTTP response that this was read from: status, headers, final address."""
        return cast("Response | None", self.first("response"))

    @property
    def request(self) -> Request | None:
        """What the client of a WebSocket listener has asked for: target and headers."""
        return cast("Request | None", self.first("request"))

    @property
    def subprotocol(self) -> str | None:
        """What a WebSocket connection has agreed to carry; None for nothing."""
        return cast("str | None", self.first("subprotocol"))

    @property
    def trailers(self) -> Headers | None:
        """The fields that an HTTP server sent behind the document; RFC 9112 section 7.1.2.

        None until its end was read, and where there were none.
        """
        return cast("Headers | None", self.first("trailers"))

    def first(self, name: str) -> object:
        """Return the attribute *name* of the outermost layer that has it, or None."""
        layers = self.description.stream.layers()
        return next(filter(None, (getattr(layer, name, None) for layer in layers)), None)

    def readable(self) -> bool:
        """Tell whether it can be read."""
        return self.description.stream.readable

    def writable(self) -> bool:
        """Tell whether it can be written."""
        return self.description.stream.writable

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle a document that is read, which is opened again where it was.

        Raises:
          TypeError: it is no such thing, or has no position.
        """
        opened_by = self.description.opened_by
        if opened_by is None:
            raise TypeError(f"cannot pickle {self!r}: pickle the address instead")
        return opened_by.reduce(self)

    def __repr__(self) -> str:
        state = "closed" if self.description.closed else "open"
        return f"<fildes.{self.face or type(self).__name__} {self.address!r} {state}>"
