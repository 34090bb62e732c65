"""From an address to the first byte of its document, over all redirects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.address import Address
from fildes.http.body import HttpStream
from fildes.http.redirects import Journey
from fildes.http.request import Request, own_fields
from fildes.http.response import check_document, response_of
from fildes.opening import registry
from fildes.opening.opening import Target
from fildes.wire.http1 import HeadLimits, HeadReader
from fildes.wire.http1_body import body_reader
from fildes.wire.http1_framing import framing_of

if TYPE_CHECKING:
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.wire.http1 import ResponseHead

#: Received at once while the head is read; most heads fit, and many small documents with them.
HEAD_SIZE = 16384  # arbitrary

ALPN = ("http/1.1",)  # RFC 7301 section 6

#: The options of tls that are for the origin which the caller chose, and for no other.
NOT_OURS = (("cert", None), ("key", None), ("key-password", None), ("name", None))


async def fetch(opening: Opening, address: Address) -> HttpStream:
    """Return the document at *address*, wherever it has moved to.

    Raises:
      OSError: a step failed, or the answer is none that a document follows.
      ValueError, TypeError: a header cannot be sent; nothing was opened.
    """
    request = Request(address, own_fields(opening.option(address, "headers")))
    journey = Journey(opening, request, opening.option(address, "max_redirects"))
    limits = head_limits(opening, address)
    stream = None
    while stream is None:
        try:
            stream = await ask(opening, journey, limits)
        except (OSError, EOFError) as error:
            journey.note(error)
            raise
    return stream


def head_limits(opening: Opening, address: Address) -> HeadLimits:
    """Return the limits that the options of *address* set."""
    names = "max_head_size", "max_fields", "max_interim"
    return HeadLimits(*(opening.option(address, name) for name in names))


async def ask(opening: Opening, journey: Journey, limits: HeadLimits) -> HttpStream | None:
    """Send the journey's request; return the document, or None when it has moved on."""
    request, head = journey.request, journey.request.head()
    inner = await connect(opening, request)
    try:
        shown = request.shown
        with opening.step("request", f"GET {shown}"):
            await inner.send_all(head)
        with opening.step("response", shown) as step:
            answer, rest = await read_head(inner, limits)
            response = response_of(answer, shown)
            step.detail = response.summary
            framing = framing_of(answer, "GET")
            if not journey.follow(response):
                check_document(response, request)
                return HttpStream(inner, response, body_reader(framing), rest)
            step.detail += f", to {journey.request.shown}"
            inner.abort()
            return None
    except BaseException:
        inner.abort()
        raise


async def connect(opening: Opening, request: Request) -> Stream:
    """Open the connection to the server of *request*."""
    origin = request.origin
    inner = await opening.open_transport(request.address, Target(origin.host, origin.port))
    if origin.scheme == "http":
        return inner
    settings = tls_settings(opening, request)
    stream: Stream = await registry.find_module("tls").start(
        opening, inner, origin.host, settings, ALPN
    )
    return stream


def tls_settings(opening: Opening, request: Request) -> Address:
    """Return the TLS options that were given for https; those for tls come behind."""
    given = opening.options.get("https", {})
    names = [option.name for option in registry.find_scheme("tls").options if option.name in given]
    ours = tuple((name, given[name]) for name in names)
    return Address("tls", options=ours if request.chosen else NOT_OURS + ours)


async def read_head(inner: Stream, limits: HeadLimits) -> tuple[ResponseHead, bytearray]:
    """Return the head of the final response, and what was received after it."""
    reader = HeadReader(limits)
    while reader.head is None:
        data = await inner.recv(HEAD_SIZE)
        if data:
            reader.feed(data)
        else:
            reader.eof()
    return reader.head, reader.rest
