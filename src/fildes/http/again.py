"""Asking again for a small document: in one step where the answer has not changed its head.

Most of what an open works out depends on nothing but the address and options, and on
what the server says before the document, which is the same for a second at least (its
Date). So an `Opener` keeps, of a document that came whole with its head, the bytes of the
request and of that head. The next open sends the ones on a kept connection and compares
the others: what begins with the same bytes, and is as long, means the same. Whatever else
comes is read the long way, from there on (`Begun`); so is what does not come. A connection
that has ended meanwhile is as good as none.

Only what nobody can have changed is kept: see `fildes.http.remembered`.
"""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.http.environment import names_no_proxy
from fildes.http.proxies import trusted
from fildes.http.received import ReceivedDocument
from fildes.trace import Trace, quick_step

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.http.connection import Connection, Pool
    from fildes.http.fetching import Answer, Fetch
    from fildes.http.remembered import Message
    from fildes.http.request import Request
    from fildes.http.response import Response
    from fildes.wire.http1 import Fields

#: Received at once: as for any head.
HEAD_SIZE = 16384  # arbitrary


class Known(NamedTuple):
    """A small document that came whole with its head.

    Attributes:
      address: of the document, as it was opened.
      message: the request, and what its connection has to be.
      head: the bytes of the answer's head.
      size: of the answer, head and document.
      summary: of the response, in a line.
      asking: the environment may name a proxy for it, and is asked each time.
      opened_by, idle_timeout: as of the description of its file.
    """

    address: Address
    message: Message
    head: bytes
    size: int
    response: Response
    summary: str
    asking: bool
    opened_by: Any = None
    idle_timeout: float | None = None

    def exchange(self, pool: Pool, timeout: float | None) -> Begun | None:
        """Send the request on a kept connection, and wait in this thread for the answer.

        Returns:
          What came in *timeout* seconds, perhaps nothing; None if there is no connection
          kept which takes a request and answers it.
        """
        began = monotonic()
        connection = self.ask(pool)
        if connection is None:
            return None
        sent = monotonic()
        try:
            data = connection.receive(HEAD_SIZE) if connection.ready(timeout) else None
        except BlockingIOError:  # a part of a TLS record, say
            data = None
        except (OSError, EOFError):
            data = b""
        except BaseException:
            connection.stream.abort()
            raise
        if data == b"":  # it has ended
            connection.stream.abort()
            return None
        return Begun(connection, self.message, began, sent, data or b"")

    def ask(self, pool: Pool) -> Connection | None:
        """Send the request on a kept connection; None if there is none that takes it now."""
        # Whoever observes steps sees each as it ends.
        if Trace.observer is not None or (
            self.asking and not names_no_proxy(self.address.scheme, os.environ)
        ):
            return None
        connection = pool.take(self.message.key)
        if connection is None:
            return None
        connection.silent = True
        head = self.message.head
        try:
            sent = connection.stream.try_send(memoryview(head))
        except (OSError, EOFError):  # it has ended just now
            sent = None
        if sent != len(head):
            connection.stream.abort()
            return None
        return connection

    def finish(self, begun: Begun, pool: Pool) -> tuple[ReceivedDocument, Trace] | None:
        """Return the document if the answer is the known one; its connection is free then."""
        connection, message, began, sent, data = begun
        if len(data) != self.size or not data.startswith(self.head):
            return None
        pool.give(connection)
        trace = Trace(began)
        request = "request", f"GET {message.shown}", 0.0, sent - began, None
        response = "response", self.summary, sent - began, monotonic() - sent, None
        trace.steps = [quick_step(request), quick_step(response)]
        return ReceivedDocument(connection.stream, self.response, data[len(self.head) :]), trace


class Begun(NamedTuple):
    """A request that was sent, for who goes on from there.

    Attributes:
      began, sent: `time.monotonic` moments.
      data: what came so far; perhaps nothing.
    """

    connection: Connection
    message: Message
    began: float
    sent: float
    data: bytes

    def abort(self) -> None:
        """Give the exchange up."""
        self.connection.stream.abort()


def known_from(
    fetch: Fetch, asked: tuple[Request, Fields], answer: Answer, size: int
) -> Known | None:
    """Return what is known once *answer* brought a whole document of *size* bytes.

    Args:
      asked: the request, and the fields that it was sent with besides.

    Returns:
      None if the next request may be another one, or the answer came in pieces.
    """
    request, extra = asked
    memory = fetch.memory
    message = None if memory is None else memory.messages.get((request, extra, None))
    if message is None or request is not fetch.request or not answer.raw:
        return None
    address = fetch.request.address
    asking = address.inner is None and fetch.proxy == "env" and trusted(fetch.opening.policy)
    total = len(answer.raw) + size
    response = answer.response
    return Known(address, message, answer.raw, total, response, response.summary, asking)
