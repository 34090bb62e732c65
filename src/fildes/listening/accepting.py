"""Accepting connections: what a scheme's `listen_` returns.

accept(2) fails for two kinds of reasons that a listener must survive. The connection
that waited may be gone, or spoilt by the network: the next one is taken. Or this
process, or the machine, has no descriptor or memory left: then the connection stays
in the backlog, so that poll(2) would report it without end; the listener pauses
instead, longer each time, and clients wait. Whoever knows that something was released
ends the pause. Only who knows that there is nothing whose end could help turns clients
away, rather than leave them without an answer: with a descriptor kept for this purpose.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fildes.drivers.blocking import wait
from fildes.listening.admission import (
    Admission,
    Bell,
    CountedSocket,
    part_of,
    reserved,
    turned_away,
)
from fildes.listening.handshakes import Handshakes
from fildes.listening.taking import Taken, taker_of
from fildes.listening.troubles import EXHAUSTED, PASSING, warn_of_shortage
from fildes.streams.datagrams import socket_stream
from fildes.streams.endpoints import endpoint
from fildes.streams.kernel import LINGER_RESET, NEVER_RESET
from fildes.waiting import READ

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.listening.admission import Limits
    from fildes.streams.stream import Stream
    from fildes.tls.stream import TlsStream
    from fildes.waiting import Interest, Protocol

#: Seconds of the first and the longest pause, as Go's net/http; of one that nothing can end.
FIRST_PAUSE, LONGEST_PAUSE, SOON = 0.005, 1.0, 0.1


class Acceptor:
    """Listening sockets, and how an accepted one becomes a stream.

    Attributes:
      sockets: listening and in non-blocking mode; owned.
      turns: what accepts at one of them each; they take turns.
      bell: what wakes those who wait, beside a connection.
      address: where they listen, with the real port; `fildes.open` takes it.
      to_stream: makes a stream of an accepted socket and the sockaddr of its peer.
      handshake: makes an accepted stream the one to hand out, in as long as it takes;
        None if it is ready at once. Whoever calls `try_accept` has to see to it.
      secure: returns the stream whose `shake` is all that *handshake* does; None if there
        is more to it, or nothing.
      handshake_timeout: seconds that a handshake may take.
      idle_timeout: seconds without a byte after which a conversation is over, unless
        its user says otherwise; None for no limit.
      reload: reads again what was read from files, certificates say.
      refused: called with each client that was not let in, and with the reason.
      shared: other processes accept at the same sockets.
      outlived: its sockets go on where others have them, who accept what it leaves there.
      short: nothing was left to accept with, the last time.
    """

    handshake_timeout = 10.0
    shared = outlived = short = False
    secure: Callable[[Stream], TlsStream] | None = None
    idle_timeout: float | None = None

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        address: Address,
        to_stream: Callable[[socket.SocketType, Any], Stream] = socket_stream,
        release: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
        handshake: Callable[[Stream], Protocol[Stream]] | None = None,
    ) -> None:
        self.sockets = list(sockets)
        self.turns: Iterator[Callable[[], Taken]] = itertools.cycle(map(taker_of, sockets))
        self.address = address
        self.to_stream = to_stream
        self.release = release  # of what the sockets hold beside themselves
        self.reload: Callable[[], None] = lambda: None
        self.refused: Callable[[str | None, Exception], None] = lambda peer, reason: None
        self.closed = False
        self.reserve = -1
        self.waiting = 0  # tasks that accept
        self.handshakes = Handshakes(self.refuse)  # of nobody who accepts now
        self.handshake = handshake
        self.bell = Bell()
        self.admission: Admission | None = None
        try:
            for sock in sockets:
                sock.setblocking(False)
            self.reserve = reserved()
            self.bell.hang()
            if limits is not None and any(limits):
                self.admission = Admission(limits, self.bell)
        except BaseException:
            self.close()
            raise

    async def accept_stream(self) -> Stream:
        """Wait for a connection that is ready and return it.

        Raises:
          ValueError: the acceptor was closed, now or before.
        """
        self.waiting += 1
        mine = Handshakes(self.refuse)
        try:
            return await self.accept_among(mine)
        finally:
            self.waiting -= 1
            self.leave(mine)

    async def accept_among(self, mine: Handshakes) -> Stream:
        """Wait for a connection, taking care of the handshakes *mine*."""
        pause = FIRST_PAUSE
        while True:
            mine.take(self.handshakes)
            if mine.ready:
                self.check_open()
                return mine.ready.popleft()
            try:
                stream = self.try_accept()
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                pause = await self.pause(pause, mine, error)
                continue
            self.short = False
            if stream is not None:
                if self.handshake is None:
                    return stream
                pause = FIRST_PAUSE
                await mine.begin(stream, self.handshake(stream), self.handshake_timeout)
            if not mine.ready:
                look = mine.make_room(self.is_crowded) if self.full else None
                await mine.wait(self.wants(), look)

    @property
    def full(self) -> bool:
        """Whether all slots are taken."""
        return self.admission is not None and self.admission.full

    def is_crowded(self) -> bool:
        """Tell whether somebody has connected and all slots are taken."""
        return self.full and self.is_awaited()

    def is_awaited(self) -> bool:
        """Tell whether somebody has connected and was not accepted."""
        return bool(wait({sock.fileno(): READ for sock in self.sockets}, 0))

    def leave(self, mine: Handshakes) -> None:
        """Leave the handshakes *mine* to the next accept, or end them."""
        if self.closed:
            mine.abort()
        elif mine:
            self.handshakes.take(mine)
            if self.waiting:
                self.bell.ring()  # for those who wait and know nothing of them

    def try_accept(self) -> Stream | None:
        """Return a connection that waits, None if there is none."""
        taken = self.try_take()
        return None if taken is None else self.stream_of(*taken)

    def try_accept_last(self) -> Stream | None:
        """Return one that nobody else can accept any more, before a close; None for no more."""
        return None

    def try_take(self) -> Taken | None:
        """Return a connection that waits as it is accepted; the sockets take turns."""
        if self.bell.rung:
            self.bell.hush()
        turns, admission = self.turns, self.admission
        for _ in self.sockets:
            if admission is not None and admission.full:
                return None
            try:
                taken = next(turns)()
            except OSError as error:
                self.check_open()  # else it failed because it was closed
                if error.errno not in PASSING:
                    raise
            else:
                if admission is None:
                    return taken
                admitted = self.admitted(admission, *taken)
                if admitted is not None:
                    return admitted
        return None

    def admitted(
        self, admission: Admission, accepted: socket.SocketType, peer: Any
    ) -> Taken | None:
        """Return a connection that is let in; None, and it is closed, if it is refused."""
        slot = admission.admit(peer)
        if slot is None:
            try:
                self.refused(endpoint(accepted, peer), turned_away())
                if accepted.family not in NEVER_RESET:
                    # Else the connection would live on in this machine's TIME-WAIT.
                    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            finally:
                accepted.close()
            return None
        return CountedSocket.take(accepted, slot), peer

    def stream_of(self, accepted: socket.SocketType, peer: Any) -> Stream:
        """Return the stream over a connection, which is closed if there can be none."""
        try:
            return self.to_stream(accepted, peer)
        except BaseException:
            accepted.close()
            raise

    def refuse(self, stream: Stream, reason: Exception) -> None:
        """Say that the client of *stream* was not let in."""
        self.refused(stream.peer, reason)

    def wants(self) -> Interest:
        """Return what to wait for after `try_accept` returned None; ask each time."""
        self.check_open()
        sockets = () if self.admission is not None and self.admission.full else self.sockets
        return {self.bell.fd: READ, **{sock.fileno(): READ for sock in sockets}}

    async def pause(self, seconds: float, mine: Handshakes, error: OSError) -> float:
        """Wait for something to be released, return how long to wait the next time."""
        self.short = True
        if seconds >= LONGEST_PAUSE and not mine.give_way():
            warn_of_shortage(self.address, error)
        # What has just failed may have given back a place, and rung itself.
        ends = {} if self.bell.rung else {self.bell.fd: READ}
        await mine.wait(ends, seconds if ends else min(seconds, SOON))
        return min(2 * seconds, LONGEST_PAUSE)

    def released(self) -> None:
        """Let an accept go on that waits for something to be released."""
        if self.short:
            self.bell.ring()

    def turn_away(self) -> None:
        """Accept and close a connection, using the reserved descriptor."""
        if self.reserve >= 0:
            reserve, self.reserve = self.reserve, -1
            os.close(reserve)
        for sock in self.sockets:
            with contextlib.suppress(OSError):  # no client here, or still no memory
                sock.accept()[0].close()
                break
        with contextlib.suppress(OSError):  # another thread was quicker; the next time
            self.reserve = reserved()

    def check_open(self) -> None:
        """Raise what the io module raises for a closed file."""
        if self.closed:
            raise ValueError("I/O operation on closed listener")

    def wake(self) -> None:
        """Let an accept that waits in another thread look whether it was closed."""
        self.bell.ring()

    def share(self, number: int, count: int) -> None:
        """Accept beside others, in a child of fork(2), at the sockets that all have.

        Args:
          number: which of the *count* processes this is, from 0.
        """
        self.shared = True
        self.bell.close()
        self.bell = Bell()
        self.bell.hang()
        if self.admission is not None:
            self.admission.bell = self.bell
            self.admission.limits = part_of(self.admission.limits, number, count)

    def close(self) -> None:
        """Stop listening, release everything; connections that wait are refused."""
        self.closed = True
        self.handshakes.abort()
        self.bell.close()
        release, self.release = self.release, lambda: None
        reserve, self.reserve = self.reserve, -1
        with contextlib.ExitStack() as undo:
            if reserve >= 0:
                undo.callback(os.close, reserve)
            for sock in self.sockets:
                undo.callback(sock.close)
            release()  # before the sockets: while they exist nobody takes their place
