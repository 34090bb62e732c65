"""What an Opener has worked out for one request and need not work out for the next.

It depends on nothing but the address and options which cannot change: so it is kept only
where no option is a mapping, a jar or anything else that its owner may change, and the
address has no password, which nobody keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.request import Request
    from fildes.wire.http1 import Fields, HeadLimits

MAX_REMEMBERED = 256  #: of each kind; arbitrary


class Terms(NamedTuple):
    """What options say of the requests for one document."""

    request: Request
    retries: int
    resume: bool
    proxy: str
    max_redirects: int
    limits: HeadLimits


class Message(NamedTuple):
    """What a request is on its way.

    Attributes:
      head: the bytes to send.
      key: what its connection has to be.
      shown: its address, without secrets.
    """

    head: bytes
    key: object
    shown: str


class Memory:
    """What is remembered; threads may share it."""

    def __init__(self) -> None:
        self.terms: dict[Address, Terms] = {}
        self.messages: dict[tuple[Request, Fields, Address | None], Message] = {}

    @classmethod
    def under(cls, options: Mapping[str, Mapping[str, Any]]) -> Memory | None:
        """Return a new memory if none of the *options* can change."""
        values = (value for each in options.values() for value in each.values())
        return cls() if all(isinstance(value, str | int | float) for value in values) else None

    def keep_terms(self, address: Address, terms: Terms) -> None:
        """Remember the *terms* of requests for *address*."""
        if address.user is None and terms.request.address == address:  # else from netrc(5)
            make_room(self.terms)
            self.terms[address] = terms

    def keep_message(
        self, request: Request, extra: Fields, proxy: Address | None, message: Message
    ) -> None:
        """Remember what *request* with *extra* fields by way of *proxy* is."""
        if request.address.user is None and proxy is None:
            make_room(self.messages)
            self.messages[request, extra, proxy] = message


def make_room(known: dict[Any, Any]) -> None:
    """Forget everything once it is much: what is used again is soon there again."""
    if len(known) >= MAX_REMEMBERED:
        known.clear()
