"""Several handshakes at once, so that a slow client delays nobody.

What an accepted connection needs before it is ready (the handshake of TLS, the header
of the PROXY protocol) is protocol code. A listener begins it for each connection and
waits for all of them together with the next connection.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from fildes.listening import admission
from fildes.waiting import Strand, deadline_passed, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fildes.streams.stream import Stream
    from fildes.waiting import Interest, Protocol

#: Handshakes under way; for one more the oldest is given up.  # arbitrary
MOST_AT_ONCE = 256


class Shake:
    """One handshake under way.

    Attributes:
      stream: the accepted one; ours until it is ready.
      result: what is handed out, once it is ready.
      since, deadline: the moments at which it began, and at which it has taken too long.
    """

    def __init__(self, stream: Stream, protocol: Protocol[Stream], deadline: float) -> None:
        self.stream = stream
        self.result: Stream | None = None
        self.deadline = deadline
        self.since = time.monotonic()
        self.strand = Strand(self.run(protocol))

    async def run(self, protocol: Protocol[Stream]) -> None:
        """Keep what *protocol* returns."""
        self.result = await protocol

    def give_up(self) -> None:
        """End it, and the connection."""
        self.strand.protocol.close()
        (self.result or self.stream).abort()


class Handshakes:
    """Those that one accept takes care of.

    Attributes:
      refused: called with the stream of each that failed, before it is aborted, and
        with the reason.
    """

    def __init__(self, refused: Callable[[Stream, Exception], None]) -> None:
        self.refused = refused
        self.running: list[Shake] = []
        self.ready: deque[Stream] = deque()

    async def begin(self, stream: Stream, protocol: Protocol[Stream], seconds: float) -> None:
        """Begin another one, which may take *seconds*."""
        if len(self.running) >= MOST_AT_ONCE:
            self.drop_oldest()
        shake = Shake(stream, protocol, time.monotonic() + seconds)
        self.running.append(shake)
        await self.advance(shake, None)

    async def wait(self, interest: Interest, timeout: float | None = None) -> None:
        """Wait for *interest* too, for *timeout* seconds; go on with those that can."""
        now = time.monotonic()
        until = math.inf if timeout is None else now + timeout
        together: dict[int, int] = dict(interest)
        for shake in self.running:
            assert shake.strand.asked is not None  # else it would not be running
            together.update(shake.strand.asked.interest)
            until = min(until, shake.deadline, shake.strand.until)
        # With nothing under way the caller's own timeout, to the digit.
        left = max(0.0, until - now) if self.running and until < math.inf else timeout
        ready = await wait_any(together, left)
        for shake in list(self.running):
            await self.look_after(shake, ready)

    async def look_after(self, shake: Shake, ready: dict[int, int]) -> None:
        """Let *shake* go on if it can, or end if it is late."""
        assert shake.strand.asked is not None
        now = time.monotonic()
        mine = {fd: ready[fd] for fd in shake.strand.asked.interest if fd in ready}
        if mine or shake.strand.until <= now:
            await self.advance(shake, mine)
        elif shake.deadline <= now:
            self.running.remove(shake)
            self.drop(shake, deadline_passed())

    async def advance(self, shake: Shake, answer: Any) -> None:
        """Let *shake* go on up to its next wait, its end or its failure."""
        try:
            await shake.strand.advance(answer)
        except (OSError, EOFError) as error:
            self.running.remove(shake)
            self.drop(shake, error)
            return
        if shake.result is not None:
            self.running.remove(shake)
            self.ready.append(shake.result)

    def make_room(self, crowded: Callable[[], bool]) -> float | None:
        """Give up the slowest, if it keeps others out; return the seconds to the next look."""
        if not self.running:
            return None
        left = self.running[0].since + admission.GRACE - time.monotonic()
        if left > 0:
            return left
        if crowded():
            self.drop_oldest()
        return admission.LOOK

    def give_way(self) -> bool:
        """Give up the slowest, if it takes longer than most; False if there is none."""
        if not self.running:
            return False
        if self.running[0].since + admission.GRACE <= time.monotonic():
            self.drop_oldest()
        return True

    def drop_oldest(self) -> None:
        """Refuse the client that is slowest, of those that there are."""
        self.drop(self.running.pop(0), deadline_passed())

    def drop(self, shake: Shake, reason: Exception) -> None:
        """Refuse the client of *shake*."""
        try:
            self.refused(shake.stream, reason)
        finally:
            shake.give_up()

    def take(self, others: Handshakes) -> None:
        """Take care of those of *others*, too."""
        self.running += others.running
        self.ready += others.ready
        others.running, others.ready = [], deque()

    def abort(self) -> None:
        """Give up all of them."""
        nobody = Handshakes(self.refused)
        nobody.take(self)
        for shake in nobody.running:
            shake.give_up()
        for stream in nobody.ready:
            stream.abort()

    def __bool__(self) -> bool:
        return bool(self.running or self.ready)
