"""Several ranges asked for at once on one connection, which answers them in turn.

Each request costs a round trip, unless the next ones are on their way before the answer to
the first comes (RFC 9112 section 9.3.2). A server that closes in the middle, or whose
answer is not what was asked for, is asked again for what is missing, one by one: so
nothing but time is lost, and only once for each document.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fildes.errors import IncompleteError, ProtocolError
from fildes.http.fetching import Answer, read_head
from fildes.http.parts import check_status
from fildes.http.planning import Window
from fildes.http.response import response_of
from fildes.wire.content_range import range_field
from fildes.wire.http1_framing import Length, framing_of

if TYPE_CHECKING:
    from fildes.http.connection import Connection
    from fildes.http.parts import Parts
    from fildes.http.pool import Pool

#: Gets the bytes of a range, and where they begin.
Take = Callable[[int, memoryview], object]


def pipelines(parts: Parts) -> bool:
    """Tell whether requests may be sent before the answers to those before them."""
    fetch = parts.fetch
    return parts.in_turn and fetch.prover is None and fetch.jar is None


async def ask_in_turn(
    parts: Parts, pool: Pool, ranges: Sequence[tuple[int, int]], take: Take
) -> int | None:
    """Ask for all of *ranges* on a connection that was kept; return how many came.

    Only a server that keeps connections is known to go on behind an answer, so without
    one the result is None.

    Raises:
      OSError: the document was closed meanwhile.
    """
    fetch = parts.fetch
    windows = [Window(*each) for each in ranges]
    messages = [fetch.message(parts.request, (range_field(*each),))[0] for each in windows]
    connection = pool.take(messages[0].key)
    if connection is None:
        return None
    answers = Answers(parts, connection, messages[0].shown)
    fetch.talking.add(connection)
    try:
        fetch.check_going_on()
        await answers.receive_all(b"".join(message.head for message in messages), windows, take)
    except (OSError, EOFError):
        fetch.check_going_on()
        parts.in_turn = False
    finally:
        fetch.talking.discard(connection)
        if answers.count == len(windows) and answers.goes_on and not answers.rest:
            pool.give(connection)
        else:
            connection.stream.abort()
    return answers.count


class Answers:
    """What comes on a connection after several requests for parts.

    Attributes:
      count: how many answers have come whole.
      goes_on: the connection may serve a request after these.
      rest: what was received behind the last answer.
    """

    def __init__(self, parts: Parts, connection: Connection, shown: str) -> None:
        self.parts = parts
        self.connection = connection
        self.shown = shown
        self.count = 0
        self.goes_on = True
        self.rest = bytearray()

    async def receive_all(self, heads: bytes, windows: Sequence[Window], take: Take) -> None:
        """Send the *heads* of requests for *windows*, and let *take* have what comes.

        Raises:
          OSError, EOFError: not all of it came.
        """
        step = self.parts.fetch.opening.step
        with step("request", f"GET {self.shown}, {len(windows)} parts"):
            await self.connection.stream.send_all(heads)
        since = time.monotonic()
        for window in windows:
            with step("response", self.shown) as taken:
                if not self.goes_on:
                    raise IncompleteError("the server closes before the next answer")
                data = memoryview(bytearray(await self.receive_head(window)))
                taken.detail = f"206, {len(data)} bytes"
            if not self.count:
                self.parts.rate.answered(time.monotonic() - since)
            await self.receive_body(data)
            self.count += 1
            take(window.start, data)

    async def receive_head(self, window: Window) -> int:
        """Receive the head of the answer to the request for *window*; return its size."""
        fetch = self.parts.fetch
        reader = await read_head(self.connection, fetch.limits, bytes(self.rest))
        head, self.rest = reader.head, reader.rest
        assert head is not None, "the head was read"
        response, framing = response_of(head, self.shown), framing_of(head, "GET")
        check_status(response, self.parts.request)
        answer = Answer(self.connection, head, response, framing, self.rest)
        start, stop, _ = self.parts.checked(answer, window)
        if (start, stop) != window or framing != Length(stop - start):
            raise ProtocolError("the answer is not the part that was asked for in its turn")
        self.goes_on = head.persistent
        return stop - start

    async def receive_body(self, view: memoryview) -> None:
        """Fill *view*, and take no more from the connection than that."""
        size = min(len(view), len(self.rest))
        view[:size] = self.rest[:size]
        del self.rest[:size]
        while size < len(view):
            received = await self.connection.stream.recv_into(view[size:])
            if not received:
                raise IncompleteError(f"HTTP body ended after {size} of {len(view)} bytes")
            size += received
        self.connection.brought += len(view)
