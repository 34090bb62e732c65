"""A document of a web server, read at random: what is here, what is coming, what to ask for.

A read takes what is here. Of what is missing, some may just be coming: an answer
whose body was left unread, a little before. Otherwise it is asked for, as
`fildes.http.planning` decides. Whatever comes is kept, as far as memory allows, so a
cut answer is resumed by looking again at what is missing.

The state is changed under a lock that nobody holds while waiting. Who reads from a
live answer has taken it out of the state, so no answer is read by two.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from fildes.http.extents import ExtentMap
from fildes.http.leaving import leave
from fildes.http.live import Clock, Live
from fildes.http.passing import SETTLED, pass_here, pass_on
from fildes.http.planning import Planner, Window
from fildes.http.pool import Pool
from fildes.http.retrying import delay_before, goes_on
from fildes.http.vectored import Gathering
from fildes.streams.random import RandomStream
from fildes.waiting import wait_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.http.fetching import Answer
    from fildes.http.parts import Parts
    from fildes.streams.stream import Stream

#: Answers whose bodies are left unread, each on a connection of its own.
MAX_LIVE = 4

#: Received at once: as `fildes.streams.stream.RECV_SIZE`, more for a read that wants more.
CHUNK, MAX_CHUNK = 65536, 262144

#: Round trips that a new connection costs, and more under TLS.
CONNECT = 2


class RangedStream(RandomStream):
    """A document of a web server, read at random; see the module.

    Attributes:
      response: the first answer.
      lives: answers that nobody reads from at the moment, the latest last.
      taken: those that somebody reads from.
      came: how many bytes have come so far.
      passed: up to where a forward reader got bytes that were not kept.
      passes_from: how many have to have come until the reader is taken for one who reads on.
      returned: somebody came back for some of them, so all are kept from then on.
    """

    def __init__(self, parts: Parts, answer: Answer, pool: Pool, *, own_pool: bool) -> None:
        """Begin with the first *answer*.

        Args:
          own_pool: the pool ends with this stream.
        """
        self.parts = parts
        self.size = parts.size
        self.response = answer.response
        self.inner: Stream = answer.connection.stream
        self.pool = pool
        self.own_pool = own_pool
        self.planner = Planner(self.size, parts.rate)
        self.extents = ExtentMap(self.size, gone=self.planner.gone)
        self.planner.begin(parts.first.start, parts.first.stop)
        self.lives = [Live(answer, parts.first, pool)]
        self.taken: list[Live] = []
        self.resumes = bool(parts.fetch.resume)
        self.closed = False
        self.came = 0
        self.passed = 0
        self.passes_from = 0
        self.returned = False
        self.lock = threading.Lock()
        self.pid = os.getpid()

    def recv_here(self, buffer: memoryview) -> int | None:
        return pass_here(self, buffer)

    async def recv_into(self, buffer: memoryview) -> int:
        received = await pass_on(self, buffer)
        return await super().recv_into(buffer) if received is None else received

    def seek(self, offset: int, whence: int) -> int:
        before = self.position
        after = super().seek(offset, whence)
        if after != before:
            self.passes_from = self.came + SETTLED
        return after

    async def pread_into(self, view: memoryview, offset: int) -> int:
        return await self.read_some(view, offset, exact=False)

    async def read_some(self, view: memoryview, offset: int, *, exact: bool) -> int:
        """Read some of the bytes at *offset*; *exact* asks for what is read and no more."""
        attempts = 0
        while True:
            with self.state():
                copied = self.extents.read_into(view, offset)
                if copied or offset >= self.size or not view:
                    return copied
                live = self.take_near(offset)
                before = self.came
            try:
                if live is None:
                    live = await self.request(offset, min(self.size, offset + len(view)), exact)
                if live is None:
                    continue
                await self.read_through(live, offset, min(len(view), MAX_CHUNK))
                exact = exact or live.position <= offset  # a short answer did not get there
            except (OSError, EOFError) as error:
                attempts = 1 if self.came != before else attempts + 1
                if self.closed or not self.resumes or not goes_on(error, attempts):
                    raise
                await wait_any({}, delay_before(attempts, error))

    def take_near(self, offset: int) -> Live | None:
        """Take a live answer that soon comes to *offset*; the caller holds the lock.

        A window that ends was asked for to be had whole, and is on its way.
        """
        near = [
            live
            for live in self.lives
            if live.position <= offset < live.stop
            and (not live.endless or offset - live.position <= self.planner.rate.bdp)
        ]
        if not near:
            return None
        best = max(near, key=lambda live: live.position)
        self.lives.remove(best)
        self.taken.append(best)
        return best

    async def request(self, offset: int, stop: int, exact: bool) -> Live | None:
        """Ask for what is missing at *offset*; return the answer, taken.

        None if it came meanwhile, with the rest of another answer.
        """
        await self.make_room()
        with self.state():
            if self.extents.holder(offset) is not None:
                return None
            gap = self.extents.gap(offset)
            if exact:
                window, track = Window(offset, min(stop, gap[1])), None
            else:
                window, track = self.planner.miss(offset, stop, gap)
                self.returned = self.returned or offset < self.passed
        answer, part = await self.parts.ask(window)
        with self.state():
            live = Live(answer, part, self.pool)
            live.track = track
            live.clock = Clock(live.position, live.body.connection.brought)
            live.endless = window.stop is None
            self.taken.append(live)
        if self.closed:
            live.body.interrupt()
        return live

    async def make_room(self) -> None:
        """See to a connection for one more answer."""
        with self.state():
            short = self.take_short()
            if short is None and len(self.lives) >= MAX_LIVE:
                self.lives.pop(0).body.abort()
        if short is not None:
            # What fails here is no failure of the read that comes.
            with contextlib.suppress(OSError, EOFError):
                await self.read_through(short, short.stop - 1)

    def take_short(self) -> Live | None:
        """Take an answer of which so little is left that receiving it gives a connection.

        That takes no longer than to connect again, and to find out how fast one may send
        there, and its bytes may be wanted. The caller holds the lock.
        """
        short = min(self.lives, key=lambda live: live.left, default=None)
        if short is None or short.left > CONNECT * self.planner.rate.bdp:
            return None
        if self.pool.holds(short.body.connection.key):
            return None
        self.lives.remove(short)
        self.taken.append(short)
        return short

    async def read_through(self, live: Live, offset: int, size: int = 0) -> None:
        """Receive what is taken up to the byte at *offset*, keep it, give the answer back.

        Args:
          size: how much behind *offset* is wanted.
        """
        view = memoryview(bytearray(min(max(CHUNK, size), live.left)))
        clock, live.clock = live.clock, None
        if clock is not None:
            clock.go_on(self.parts.rate)
        try:
            while live.left and live.position <= offset:
                received = await live.receive(view)
                with self.state():
                    self.extents.add(live.position - received, view[:received])
                    self.came += received
                    if live.track is not None and live.endless:
                        live.track.high = live.position
            if not live.left:
                await live.finish()
        except BaseException:
            self.give_back(live, broken=True)
            raise
        if clock is not None and not clock.told(self.parts.rate, live.position):
            live.clock = clock
        self.give_back(live)

    def give_back(self, live: Live, *, broken: bool = False) -> None:
        """Let others read from an answer that was taken, if there is more of it."""
        crowded: list[Live] = []
        with self.state():
            if live in self.taken:
                self.taken.remove(live)
            broken = broken or self.closed
            if live.left and not broken:
                self.lives.append(live)
                crowded = self.lives[:-MAX_LIVE]  # of threads that asked at the same time
                del self.lives[:-MAX_LIVE]
        for each in [live] if broken else crowded:
            each.body.abort()

    async def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return await Gathering(self, ranges).gather()

    def lacks(self, start: int, stop: int) -> bool:
        """Tell whether nothing is here, or coming, from *start* to before *stop*."""
        with self.state():
            here = self.extents.holder(start) is not None or self.extents.gap(start)[1] < stop
            lives = [*self.lives, *self.taken]
            return not here and all(
                stop <= live.position or live.stop <= start or live.endless for live in lives
            )

    async def sequential(self) -> Stream:
        """Return the rest of the document as a stream by itself."""
        from fildes.http.following import follow

        return await follow(self)

    def state(self) -> threading.Lock:
        """Return the lock, of this process: a child has no share in what was under way."""
        if self.pid != os.getpid():
            self.pid, self.lock = os.getpid(), threading.Lock()
            for live in [*self.lives, *self.taken]:
                live.body.connection.forget()
            self.lives, self.taken = [], []
        return self.lock

    async def close(self) -> None:
        """Release everything; nothing is left that could fail."""
        try:
            if not self.own_pool:
                await leave(self)
        finally:
            self.abort()

    def abort(self) -> None:
        self.interrupt()
        if self.own_pool:
            self.pool.close()

    def interrupt(self) -> None:
        with self.state():
            self.closed = True
            lives, self.lives = self.lives, []
            taken = list(self.taken)
        for live in lives:
            live.body.abort()
        for live in taken:
            live.body.interrupt()
        self.parts.fetch.interrupt()
