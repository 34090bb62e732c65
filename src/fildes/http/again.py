"""Asking a known site for a small document: in one step where it answers as before.

Most of what an open works out depends on nothing but where the document is and on the
options. So an `Opener` keeps, of a site that gave a small document, what is around the
target of a request, and the shapes of the heads of its answers. The next open there sends
the one on a kept connection and takes what has one of the others
(`fildes.wire.head_shape`), once it is whole. Whatever else comes is read the long way, from
there on (`Exchange`); so is what does not come. A connection that has ended meanwhile is as
good as none.

What nobody has asked for yet is not made: address, response and trace of such a document
are bytes and moments until somebody wants them.

Only what nobody can have changed is kept: see `fildes.http.remembered`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from fildes.errors import ProtocolError
from fildes.http.environment import names_no_proxy
from fildes.http.proxies import trusted
from fildes.http.received import ReceivedDocument, ReceivedStream
from fildes.http.request import Request
from fildes.http.response import Response, response_of
from fildes.opening.spelling import to_address
from fildes.trace import Trace, quick_step
from fildes.wire.head_shape import IN_CHUNKS, shape_of
from fildes.wire.http1 import HeadReader
from fildes.wire.http1_body import ChunkedReader
from fildes.wire.http1_framing import Chunked, Length

if TYPE_CHECKING:
    from fildes.http.connection import Connection
    from fildes.http.fetching import Answer, Fetch
    from fildes.http.pool import Pool
    from fildes.wire.head_shape import Shape
    from fildes.wire.http1 import Fields

#: Received at once: as for any head. No larger document is waited for.
HEAD_SIZE = 16384  # arbitrary

#: Seconds for which what was sent right behind a head is waited for.
MAX_LATE = 0.005  # arbitrary: many times what it takes to send on, and less than a round trip

#: Shapes that are known of one site; each costs a third of a millisecond.
MAX_SHAPES = 8  # arbitrary


class Description(Protocol):
    """What is told of an open file; see `fildes.files.base_description`."""

    opened_by: Any


T = TypeVar("T", bound=Description)


class Site:
    """A site of whose documents it is known how they are asked for.

    Attributes:
      scheme: of all of them.
      behind: the bytes of each request behind its target.
      key: what the connection has to be.
      asking: the environment may name a proxy, and is asked each time.
      opened_by, idle_timeout: as of the description of the file of the first one.
      shapes: of the heads of its answers.
    """

    opened_by: Any = None
    idle_timeout: float | None = None

    def __init__(self, scheme: str, behind: bytes, key: object, *, asking: bool) -> None:
        self.scheme = scheme
        self.behind = behind
        self.key = key
        self.asking = asking
        self.shapes: list[Shape] = []

    def exchange(
        self, text: str, target: str, pool: Pool, timeout: float | None
    ) -> Exchange | None:
        """Ask for *target*, the document at *text*, and wait in this thread for the answer.

        Returns:
          What came in *timeout* seconds, perhaps nothing; None if there is no connection
          kept which takes a request and answers it.
        """
        exchange = self.ask(text, target, pool)
        if exchange is None:
            return None
        connection = exchange.connection
        try:
            more = connection.receive_in(timeout, HEAD_SIZE)
            while more and exchange.take(more, pool):
                more = connection.receive_now(HEAD_SIZE)  # which a layer may have by now
                if more is None:
                    more = connection.receive_in(exchange.patience(), HEAD_SIZE)
        except BaseException:
            exchange.abort()
            raise
        return exchange if more else exchange.so_far(more)

    def ask(self, text: str, target: str, pool: Pool) -> Exchange | None:
        """Send the request on a kept connection; None if there is none that takes it now."""
        began = monotonic()
        # Whoever observes steps sees each as it ends.
        if Trace.observer is not None or (
            self.asking and not names_no_proxy(self.scheme, os.environ)
        ):
            return None
        connection = pool.take(self.key)
        if connection is None:
            return None
        connection.silent = True
        head = b"GET %b%b" % (target.encode(), self.behind)
        if not connection.send_now(head):
            connection.stream.abort()
            return None
        return Exchange(self, text, head, connection, began)

    def learn(self, head: bytes) -> None:
        """Know answers from now on whose heads are like *head*, which was read in full."""
        shape = shape_of(head) if len(self.shapes) < MAX_SHAPES else None
        if shape is not None:
            self.shapes.append(shape)


class Exchange:
    """A request that was sent, and what came so far: for who goes on from there.

    If that is a whole document, its connection is another one's by now. What it is besides
    its bytes is told when it is wanted.

    Attributes:
      text: the address of the document, as it was opened.
      head: the bytes that were sent.
      began, sent, came: `time.monotonic` moments.
      data: what came; perhaps nothing.
      late: the moment at which the rest of a document is late; 0 before it is waited for.
      here: the document, to be read; None while it is not whole.
      partial: its server gives parts of it.
    """

    __slots__ = (
        *("began", "came", "connection", "data", "head"),
        *("here", "late", "partial", "sent", "site", "text"),
    )

    def __init__(
        self, site: Site, text: str, head: bytes, connection: Connection, began: float
    ) -> None:
        self.site = site
        self.text = text
        self.head = head
        self.connection = connection
        self.data = b""
        self.late = 0.0
        self.here: io.BytesIO | None = None
        self.began = began
        self.sent = self.came = monotonic()

    def take(self, more: bytes, pool: Pool) -> bool:
        """Take what came; tell whether the rest of a small document is about to come."""
        data = self.data = self.data + more
        for shape in self.site.shapes:
            found = shape.find(data)
            if found is not None:
                begins, size = found
                left = begins + size - len(data)
                if left == 0:
                    self.partial = shape.partial
                    self.end(data[begins:], pool)
                    return False
                if left < 0 and size == IN_CHUNKS:
                    return self.take_chunks(data[begins:], pool)
                return left > 0 and size <= HEAD_SIZE
        return False

    def take_chunks(self, body: bytes, pool: Pool) -> bool:
        """Take the *body* that came so far, in chunks, as `take` does."""
        reader = ChunkedReader()
        buffer = bytearray(body)
        try:
            size = reader.decode(memoryview(buffer))
        except ProtocolError:  # which is raised the long way
            return False
        if reader.done and not reader.excess and not reader.trailers:
            self.partial = False
            self.end(bytes(buffer[:size]), pool)
        return not reader.done and len(body) <= HEAD_SIZE

    def end(self, document: bytes, pool: Pool) -> None:
        """Have a whole *document*; let others use the connection."""
        self.here = io.BytesIO(document)
        self.came = monotonic()
        pool.give(self.connection)

    def patience(self) -> float:
        """Return for how many seconds the rest is still waited for; who trickles is soon left."""
        if not self.late:
            self.late = monotonic() + MAX_LATE
        return max(0.0, self.late - monotonic())

    def so_far(self, last: bytes | None) -> Exchange | None:
        """Return itself unless nothing came before the *last* receive, and that found the end."""
        if last == b"" and not self.data:
            self.abort()
            return None
        return self

    def abort(self) -> None:
        """Give the exchange up."""
        self.connection.stream.abort()

    def describe(self, make: Callable[..., T]) -> T:
        """Return what *make* makes of the stream, address and trace of a description."""
        address = to_address(self.text)
        reader = HeadReader()
        reader.feed(self.data)
        assert reader.head is not None, "the shape of a head is that of a whole one"
        response = response_of(reader.head, Request(address).shown)
        assert self.here is not None, "only what has come is described"
        inner, site = self.connection.stream, self.site
        if self.partial:
            data = bytes(reader.rest)
            stream: ReceivedDocument | ReceivedStream = ReceivedDocument(
                inner, response, data, self.here
            )
        else:
            stream = ReceivedStream(inner, response, self.here)
        description = make(stream, address, self.trace(response), idle_timeout=site.idle_timeout)
        if site.opened_by is not None:
            description.opened_by = site.opened_by.of(address)
        return description

    def trace(self, response: Response) -> Trace:
        """Return the steps that it took to bring the document."""
        trace = Trace(self.began)
        sent = self.sent - self.began
        request = "request", f"GET {response.address}", 0.0, sent, None
        answer = "response", response.summary, sent, self.came - self.sent, None
        trace.steps = [quick_step(request), quick_step(answer)]
        return trace


class Learned(NamedTuple):
    """What an open has found out about a site.

    Attributes:
      head: of its answer.
    """

    site: Site
    head: bytes


def learned_from(fetch: Fetch, asked: tuple[Request, Fields], answer: Answer) -> Learned | None:
    """Return what is known of its site once *answer* brought a document.

    Args:
      asked: the request, and the fields that it was sent with besides.

    Returns:
      None if requests there may differ, the document is not small, or its head came in
      pieces.
    """
    request, extra = asked
    framing = answer.framing
    small = framing.size <= HEAD_SIZE if isinstance(framing, Length) else framing == Chunked()
    form = None if fetch.memory is None else fetch.memory.known_form(request, extra)
    fits = fetch.limits.max_bytes >= HEAD_SIZE
    if form is None or request is not fetch.request or not (answer.raw and small and fits):
        return None
    asking = fetch.proxy == "env" and trusted(fetch.opening.policy)
    site = Site(request.address.scheme, form.tail, form.key, asking=asking)
    return Learned(site, answer.raw)
