"""From an address to the first byte of its document, over all redirects."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.address import Address
from fildes.http.body import HttpStream
from fildes.http.connection import Connection, key_of
from fildes.http.cookies import jar_of, remembering
from fildes.http.credentials import prover_for, proving, request_for
from fildes.http.pool import Pool
from fildes.http.proxies import ALPN, NOT_OURS, connect_to, is_asked, proxy_of
from fildes.http.redirects import Journey
from fildes.http.remembered import Message, Terms
from fildes.http.request import LAST, Request
from fildes.http.response import Response, check_document, response_of
from fildes.http.retrying import persevering
from fildes.opening import registry
from fildes.opening.opening import Target
from fildes.wire.http1 import Fields, HeadLimits, HeadReader, ResponseHead
from fildes.wire.http1_body import MAX_TRAILERS
from fildes.wire.http1_framing import Framing, framing_of

if TYPE_CHECKING:
    from fildes.http.again import Exchange
    from fildes.http.credentials import Prover
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream

#: Received at once while the head is read; most heads fit, and many small documents with them.
HEAD_SIZE = 16384  # arbitrary

#: Raises unless an answer to the request will do; may return what there is to say of it.
Check = Callable[[Response, Request], str | None]


class Answer(NamedTuple):
    """The head of an answer, and where its body comes from.

    Attributes:
      framing: how the body ends.
      rest: what was received after the head.
      raw: the head as it came, if it came in one piece; else empty.
      max_trailers: bytes that may come behind a chunked body.
    """

    connection: Connection
    head: ResponseHead
    response: Response
    framing: Framing
    rest: bytearray
    raw: bytes = b""
    max_trailers: int = MAX_TRAILERS


class Fetch:
    """The requests for one document: sent, answered, followed where they lead.

    Attributes:
      request: what the caller asked for.
      pool: where connections come from and go to; None for one request each.
      talking: connections on which an answer is awaited.
    """

    def __init__(self, opening: Opening, address: Address, pool: Pool | None) -> None:
        """Prepare; nothing is opened.

        Raises:
          ValueError, TypeError: a header cannot be sent.
        """
        self.opening = opening
        self.address = address
        self.pool = pool
        self.talking: set[Connection] = set()
        self.interrupted = False
        self.prover: Prover | None = None
        self.jar: Any = None
        self.memory = opening.memory
        terms = None if self.memory is None else self.memory.known_terms(address)
        if terms is None:
            terms = self.find_terms(address)
        else:
            self.request = Request(address, terms.own)
        self.retries, self.resume, self.proxy, self.max_redirects, self.limits = terms[1:]

    def find_terms(self, address: Address) -> Terms:
        """Return what the options say, and remember it if it cannot change."""
        opening = self.opening
        self.request, self.prover = prover_for(opening, request_for(opening, address))
        self.jar = jar_of(opening, address)
        terms = Terms(
            self.request.own,
            opening.option(address, "retries"),
            opening.option(address, "resume"),
            opening.option(address, "proxy"),
            opening.option(address, "max_redirects"),
            head_limits(opening, address),
        )
        if self.prover is not None or self.jar is not None:
            self.memory = None  # what they add is another each time
        if self.memory is not None:
            self.memory.keep_terms(address, terms, self.request.address)
        return terms

    def message(self, request: Request, extra: Fields) -> tuple[Message, Address | None]:
        """Return what *request* is on its way, and by way of which proxy."""
        proxy = proxy_of(self.opening, request.address, self.proxy)
        memory = self.memory
        message = None if memory is None else memory.known_message(request, extra, proxy)
        if message is None:
            head = request.head(extra if self.pool is not None else (*extra, *LAST), proxy=proxy)
            message = Message(head, key_of(self.opening, request, proxy), request.shown)
            if memory is not None:
                memory.keep_message(request, extra, proxy, message)
        return message, proxy

    @persevering
    async def travel(
        self, extra: Fields = (), check: Check = check_document
    ) -> tuple[Request, Answer]:
        """Ask for the document, wherever it has moved to.

        Args:
          extra: fields to send with each request.
          check: raises unless the last answer will do.

        Returns:
          The last request, and its answer.
        """
        journey = Journey(self.opening, self.request, self.max_redirects)

        def follow_or_check(response: Response, request: Request) -> str | None:
            if journey.follow(response):
                return f", to {journey.request.shown}"
            return check(response, request)

        try:
            while True:
                request = journey.request
                answer = await self.ask(request, extra, follow_or_check)
                if request is journey.request:
                    return request, answer
                self.pass_over(answer)
        except (OSError, EOFError) as error:
            journey.note(error)
            raise

    def pass_over(self, answer: Answer) -> None:
        """Leave the connection of an answer that only leads on to the next request.

        Its body is here, if there is a short one: servers send it with the head. To wait for
        more could take longer than to connect.
        """
        body = HttpStream(answer, self.pool)
        view = memoryview(bytearray(HEAD_SIZE))
        with contextlib.suppress(OSError, EOFError):
            if self.pool is not None and not body.body.done:
                body.receive(view)
            if body.reusable():
                body.release()
        body.abort()  # unless it was released

    @proving
    @remembering
    async def ask(self, request: Request, extra: Fields, check: Check) -> Answer:
        """Send *request*, on a kept connection if there is one; return the answer.

        A server may close a kept connection just when the request is on its way. So
        one that ends before the first byte of an answer is no failure yet.
        """
        message, proxy = self.message(request, extra)
        begun = self.take_begun(message)
        kept = None if self.pool is None or begun else self.pool.take(message.key)
        if begun is not None:
            kept = begun.connection
        if kept is not None:
            try:
                return await self.exchange(kept, request, message, check, begun)
            except TimeoutError:
                raise
            except (OSError, EOFError):
                if not kept.silent or self.interrupted:
                    raise
        stream = await connect(self.opening, request, proxy)
        return await self.exchange(Connection(stream, message.key), request, message, check)

    async def exchange(
        self,
        connection: Connection,
        request: Request,
        message: Message,
        check: Check,
        begun: Exchange | None = None,
    ) -> Answer:
        """Send *request*, as *message* has it, on *connection*; return the answer.

        Args:
          begun: it was sent already, and this came.
        """
        head, _, shown = message
        self.talking.add(connection)
        try:
            self.check_going_on()
            with self.opening.step("request", f"GET {shown}"):
                if begun is None:
                    connection.silent = True
                    await connection.stream.send_all(head)
            with self.opening.step("response", shown) as step:
                reader = await read_head(connection, self.limits, begun.data if begun else b"")
                received = reader.head
                assert received is not None, "the head was read"
                response = response_of(received, shown)
                step.detail = response.summary
                framing = framing_of(received, "GET")
                step.detail += check(response, request) or ""
        except BaseException:
            connection.stream.abort()
            raise
        finally:
            self.talking.discard(connection)
        body = framing, reader.rest, reader.raw, self.limits.max_trailers
        return Answer(connection, received, response, *body)

    def take_begun(self, message: Message) -> Exchange | None:
        """Return the exchange of *message* that was begun before this one, if there is one."""
        begun, self.opening.begun = self.opening.begun, None
        if begun is None or (begun.head, begun.connection.key) == (message.head, message.key):
            return begun
        begun.abort()
        return None

    def interrupt(self) -> None:
        """Wake whoever awaits an answer; no more is asked for."""
        self.interrupted = True
        for connection in list(self.talking):
            connection.stream.interrupt()

    def check_going_on(self) -> None:
        """Raise what the kernel raises for a closed descriptor, after `interrupt`."""
        if self.interrupted:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def head_limits(opening: Opening, address: Address) -> HeadLimits:
    """Return the limits that the options of *address* set."""
    names = "max_head_size", "max_fields", "max_interim", "max_trailers"
    return HeadLimits(*(opening.option(address, name) for name in names))


async def connect(opening: Opening, request: Request, proxy: Address | None) -> Stream:
    """Open the connection to the server of *request*, or to the *proxy* that is asked for it."""
    origin = request.origin
    target = Target(origin.host, origin.port)
    if proxy is not None and is_asked(proxy):
        return await connect_to(opening, proxy, target)
    address = request.address.replace(inner=proxy) if proxy else request.address
    inner = await opening.open_transport(address, target)
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


async def read_head(connection: Connection, limits: HeadLimits, data: bytes = b"") -> HeadReader:
    """Read the head of the final response, of which *data* came already."""
    reader = HeadReader(limits)
    while reader.head is None:
        data = data or await connection.recv(HEAD_SIZE)
        if data:
            connection.silent = False
            reader.feed(data)
        else:
            reader.eof()
        data = b""
    return reader
