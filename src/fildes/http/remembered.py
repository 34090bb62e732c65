"""What an Opener has worked out for one request and need not work out for the next.

It depends on nothing but the address and options which cannot change: so it is kept only
where no option is a mapping, a jar or anything else that its owner may change, and the
address has no password, which nobody keeps. Most of it is the same for all documents of
one site.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.wire.http1 import checked_target

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.request import Request
    from fildes.scheme import Value
    from fildes.wire.http1 import Fields, HeadLimits

MAX_REMEMBERED = 256  #: of each kind; arbitrary


class Site(NamedTuple):
    """What all addresses have in common whose documents are asked for in the same way."""

    scheme: str
    host: str
    port: int | None
    inner: Address | None
    options: tuple[tuple[str, Value], ...]


class Terms(NamedTuple):
    """What options say of the requests for the documents of one site.

    Attributes:
      own: the caller's headers.
    """

    own: Fields
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


class Form(NamedTuple):
    """What the requests for the documents of one site have in common.

    Attributes:
      tail: the head behind the target.
      key: what their connection has to be.
    """

    tail: bytes
    key: object

    def message(self, request: Request) -> Message:
        """Return what *request* is on its way.

        Raises:
          ValueError: its target cannot be sent.
        """
        head = b"GET " + checked_target(request.target).encode() + self.tail
        return Message(head, self.key, request.shown)


class Memory:
    """What is remembered; threads may share it."""

    def __init__(self) -> None:
        self.terms: dict[Site, Terms] = {}
        self.forms: dict[tuple[Site, Fields, Fields], Form] = {}
        self.messages: dict[tuple[Request, Fields, Address | None], Message] = {}

    @classmethod
    def under(cls, options: Mapping[str, Mapping[str, Any]]) -> Memory | None:
        """Return a new memory if none of the *options* can change."""
        values = (value for each in options.values() for value in each.values())
        return cls() if all(isinstance(value, str | int | float) for value in values) else None

    def known_terms(self, address: Address) -> Terms | None:
        """Return the terms of requests for *address*, if they are known."""
        return None if address.user is not None else self.terms.get(site_of(address))

    def keep_terms(self, address: Address, terms: Terms, asked: Address) -> None:
        """Remember the *terms* of requests for *address*, for which *asked* is sent."""
        if address.user is None and asked == address:  # else from netrc(5)
            make_room(self.terms)
            self.terms[site_of(address)] = terms

    def known_message(
        self, request: Request, extra: Fields, proxy: Address | None
    ) -> Message | None:
        """Return what *request* with *extra* fields by way of *proxy* is, if that is known."""
        message = self.messages.get((request, extra, proxy))
        if message is not None or proxy is not None or request.address.user is not None:
            return message
        form = self.known_form(request, extra)
        if form is None:
            return None
        message = form.message(request)
        make_room(self.messages)
        self.messages[request, extra, proxy] = message
        return message

    def known_form(self, request: Request, extra: Fields) -> Form | None:
        """Return what requests as this one with *extra* fields have in common, if it is known."""
        if request.address.user is not None or not request.chosen:
            return None
        return self.forms.get((site_of(request.address), request.own, extra))

    def keep_message(
        self, request: Request, extra: Fields, proxy: Address | None, message: Message
    ) -> None:
        """Remember what *request* with *extra* fields by way of *proxy* is."""
        if request.address.user is None and proxy is None:
            make_room(self.messages)
            self.messages[request, extra, proxy] = message
            if request.chosen:
                make_room(self.forms)
                tail = message.head[message.head.index(b" HTTP/1.1\r\n") :]
                site = site_of(request.address)
                self.forms[site, request.own, extra] = Form(tail, message.key)


def site_of(address: Address) -> Site:
    """Return the site of the document at *address*."""
    return Site(address.scheme, address.host, address.port, address.inner, address.options)


def make_room(known: dict[Any, Any]) -> None:
    """Forget everything once it is much: what is used again is soon there again."""
    if len(known) >= MAX_REMEMBERED:
        known.clear()
