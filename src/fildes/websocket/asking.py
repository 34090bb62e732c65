"""The client's side of the handshake, over whatever carries the address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from fildes.address import Address
from fildes.errors import ProtocolError
from fildes.http.cookies import jar_of, remembering
from fildes.http.credentials import prover_for, proving, request_of_ours
from fildes.http.proxies import ALPN, is_asked, proxy_of
from fildes.http.request import authorization, host_field
from fildes.http.response import MOVED, Response, printable, response_of, status_error
from fildes.opening import registry
from fildes.opening.opening import Target
from fildes.opening.requiring import require
from fildes.version import VERSION
from fildes.websocket.options import make_stream, subprotocols_of
from fildes.wire.http1 import Fields, HeadReader, request_head
from fildes.wire.websocket import Agreed, asking_fields, check_answer, new_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.http.request import Request
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.websocket.stream import WebSocketStream

#: The scheme whose proxies and whose TLS options are like those of ours.
LIKE = {"ws": "http", "wss": "https"}

#: Received at once of an answer; what follows the head belongs to the stream.
HEAD_SIZE = 4096  # arbitrary


class Question(NamedTuple):
    """A request for an upgrade.

    Attributes:
      head: the bytes to send; they may hold secrets.
      shown: the address alone, without secrets.
    """

    head: bytes
    key: str
    subprotocols: Sequence[str]
    deflate: bool
    shown: str


async def ask(opening: Opening, address: Address) -> WebSocketStream:
    """Open what carries *address* and have the server switch to WebSocket.

    Raises:
      OSError: a step failed; the server's status is the error that it is for http.
      ProtocolError: the server's answer is none to our request.
      ValueError, TypeError: a header cannot be sent; nothing was opened.
    """
    require("wsproto", "ws")
    client = Client(opening, address)
    return await client.ask(client.request)


class Client:
    """Who asks, for one address.

    Attributes:
      request: as it is first sent.
      prover: what answers the server's challenges; None if none are answered.
      jar: that of the caller's cookies, or None.
    """

    def __init__(self, opening: Opening, address: Address) -> None:
        self.opening = opening
        self.address = address
        self.request, self.prover = prover_for(opening, request_of_ours(opening, address))
        self.jar = jar_of(opening, address)
        self.subprotocols = subprotocols_of(opening, address)
        self.deflate = bool(opening.option(address, "deflate"))
        self.question(self.request, ())  # which may find that it cannot be asked

    @proving
    @remembering
    async def ask(self, request: Request, extra: Fields = ()) -> WebSocketStream:
        """Ask on a connection of its own, with *extra* fields.

        A challenge of the server's costs its connection; RFC 6455 section 4.2.2 lets it
        close that, and most do.
        """
        question = self.question(request, extra)
        inner = await connect(self.opening, self.address)
        try:
            response, agreed, rest = await put(self.opening, question, inner)
            codec = None
            if agreed.deflate is not None:
                from fildes.websocket.deflate import accepted

                codec = accepted(agreed.deflate)
            stream = make_stream(self.opening, self.address, inner, client=True, deflate=codec)
        except BaseException:
            inner.abort()
            raise
        stream.response, stream.subprotocol = response, agreed.subprotocol
        stream.frames.feed(rest)
        return stream

    def question(self, request: Request, extra: Fields) -> Question:
        """Return *request* as bytes, with a key of its own."""
        if any(name.lower().startswith("sec-websocket-") for name, _ in request.own):
            raise ValueError("Sec-WebSocket-... is not the caller's: see the options of ws")
        key, origin = new_key(os.urandom(16)), self.opening.option(self.address, "origin")
        usual: Fields = (
            ("Host", host_field(request.address)),
            ("User-Agent", f"fildes/{VERSION}"),
            *((("Origin", origin),) if origin else ()),
            *extra,
            *authorization(request.address),
        )
        fields = [field for field in usual if not request.says(field[0].lower())]
        asked = asking_fields(key, self.subprotocols, deflate=self.deflate)
        head = request_head("GET", request.target, [*fields, *asked, *request.own])
        return Question(head, key, self.subprotocols, self.deflate, request.shown)


async def connect(opening: Opening, address: Address) -> Stream:
    """Open the connection to the server, through a proxy's tunnel if there is one."""
    proxy = tunnel_of(opening, address)
    carrier = address.replace(inner=proxy) if proxy else address
    inner = await opening.open_transport(carrier, Target(address.host, opening.port_of(address)))
    if address.scheme == "ws":
        return inner
    given = opening.options.get("wss", {})
    names = [option.name for option in registry.find_scheme("tls").options if option.name in given]
    settings = Address("tls", options=tuple((name, given[name]) for name in names))
    stream: Stream = await registry.find_module("tls").start(
        opening, inner, address.host, settings, ALPN
    )
    return stream


def tunnel_of(opening: Opening, address: Address) -> Address | None:
    """Return the proxy that is to be passed; as http has it, but always by a tunnel.

    RFC 6455 section 4.1 asks for CONNECT without TLS, too.
    """
    like = address.replace(scheme=LIKE[address.scheme])
    proxy = proxy_of(opening, like, opening.option(address, "proxy"))
    if proxy is None or not is_asked(proxy):
        return proxy
    tls = Address("tls", proxy.host, proxy.port) if proxy.scheme == "https" else None
    return proxy.replace(scheme="connect", path="", inner=tls)


async def put(
    opening: Opening, question: Question, inner: Stream
) -> tuple[Response, Agreed, bytearray]:
    """Send *question*; return the answer, what was agreed on, and what came behind it."""
    with opening.step("request", f"GET {question.shown}"):
        await inner.send_all(question.head)
    with opening.step("response", question.shown) as step:
        reader = HeadReader(upgrade=True)
        while reader.head is None:
            data = await inner.recv(HEAD_SIZE)
            if data:
                reader.feed(data)
            else:
                reader.eof()
        response = response_of(reader.head, question.shown)
        step.detail = response.summary
        check_switched(response)
        agreed = check_answer(
            reader.head, question.key, question.subprotocols, deflate=question.deflate
        )
        step.detail += "".join(f", {each}" for each in said_of(agreed))
    return response, agreed, reader.rest


def check_switched(response: Response) -> None:
    """Raise unless the server has switched protocols.

    Raises:
      OSError: another status, as for http. Redirects are not followed: they are texts
        of the server's, and what is sent next are the caller's data.
    """
    if response.status == 101:
        return
    if 200 <= response.status < 300:
        raise ProtocolError(f"HTTP status {response.status}: no WebSocket is spoken there")
    error = status_error(response)
    if response.status in MOVED:
        place = printable(response.headers.get("Location", "nowhere"))
        error.add_note(f"fildes: redirects of ws are not followed; this one leads to {place}")
    raise error


def said_of(agreed: Agreed) -> list[str]:
    """Return what was agreed on, in words."""
    words = [f"subprotocol {printable(agreed.subprotocol)}"] if agreed.subprotocol else []
    return [*words, "compressed"] if agreed.deflate is not None else words
