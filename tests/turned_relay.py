"""A relay and both of its ends in one loop, which a test turns by hand."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import strategies as st
from relay_ends import pattern, reset
from tcp_ends import tcp_pair

from fildes.drivers.loop import Handler, Loop
from fildes.relaying.brief import Brief, Way
from fildes.relaying.connection import Connection
from fildes.relaying.pair import Pair
from fildes.streams.buffers import buffers_here
from fildes.streams.delivering import INTERNET
from fildes.streams.half import Half
from fildes.streams.kernel import SocketStream
from fildes.streams.stream import Stream

DATA = {True: pattern(1 << 22, b"left"), False: pattern(1 << 22, b"right")}

#: Makes a connection: the peer's end, and the relay's.
MakePair = Callable[[], tuple[socket.socket, socket.socket]]


def roomy_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends that take one large message, and give it in one piece."""
    return socket.socketpair()


def unix_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends that take little before their peer reads."""
    both = socket.socketpair()
    for sock in both:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    return both


def narrow_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends of tcp that take little before their peer reads."""
    both = tcp_pair()
    for sock in both:
        for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, size, 32768)
    return both


#: What both ends do, with so many rounds of the loop behind each step: whether it is the left
#: one, what it does, with how many bytes.
actions = st.one_of(
    st.tuples(st.sampled_from(["send", "read"]), st.integers(1, 1 << 20)),
    st.tuples(st.sampled_from(["send", "read"]), st.integers(1, 20_000)),
    st.tuples(st.sampled_from(["send", "send", "read", "end", "reset"]), st.just(70_000)),
)
scripts = st.lists(st.tuples(st.booleans(), actions, st.integers(0, 5)), max_size=25)
Script = list[tuple[bool, tuple[str, int], int]]


class End:
    """What one peer of a relay says and is told, without ever waiting.

    Attributes:
      sent, got: how many bytes, each in its place.
      ended, saw_end, resets, broken: as in a script of the relays' oracle.
    """

    def __init__(self, sock: socket.socket, is_left: bool) -> None:
        self.sock, self.is_left = sock, is_left
        self.sent = self.got = 0
        self.ended = self.saw_end = self.resets = self.broken = False
        sock.setblocking(False)

    def send(self, size: int) -> None:
        if self.usable and not self.ended:
            data = memoryview(DATA[self.is_left])[self.sent : self.sent + size]
            self.sent += self.trying(lambda: self.sock.send(data)) if data else 0

    def read(self, size: int = 1 << 20) -> None:
        if self.usable and not self.saw_end:
            self.trying(lambda: self.take(self.sock.recv(size)))

    def take(self, data: bytes) -> int:
        assert data == DATA[not self.is_left][self.got : self.got + len(data)]
        self.got += len(data)
        self.saw_end = not data
        return 0

    def end(self, _: int = 0) -> None:
        if self.usable and not self.ended:
            self.ended = True
            self.trying(self.shut_down)

    def shut_down(self) -> int:
        self.sock.shutdown(socket.SHUT_WR)
        return 0

    def reset(self, _: int) -> None:
        if self.usable and self.sock.family != socket.AF_UNIX:
            self.resets = True
            reset(self.sock)

    def trying(self, call: Callable[[], int]) -> int:
        try:
            return call()
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
            self.broken = True
            return 0

    @property
    def usable(self) -> bool:
        return not self.resets and not self.broken

    @property
    def done(self) -> bool:
        return self.saw_end or not self.usable


class Bench:
    """A relay between two ends, all of it in one loop that is turned by hand."""

    def __init__(self, loop: Loop, kinds: tuple[MakePair, MakePair], brief: bool) -> None:
        (left, near), (right, far) = (make() for make in kinds)
        self.loop = loop
        self.ends = End(left, True), End(right, False)
        self.verdict: list[Exception | None] = []
        self.connection: Connection
        if brief and near.family in INTERNET and far.family in INTERNET:
            self.connection = Brief(1, loop.now)
            self.connection.take(self, (near, near.getpeername()), (far, far.getpeername()))
            self.connection.begin()
        else:
            ends = SocketStream(near), SocketStream(far)
            self.connection = Connection(1, ends[0], loop.now)
            self.connection.far = ends[1]
            self.connection.pair = Pair(loop, *ends, self.pair_ended, self.connection)
            self.connection.pair.start()

    @property
    def pair(self) -> Pair[Connection]:
        """What copies, if it is not brief."""
        assert self.connection.pair is not None
        return self.connection.pair

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """The relay's."""
        assert self.connection.far is not None
        return self.connection.near, self.connection.far

    @property
    def directions(self) -> tuple[Way | Half, Way | Half]:
        """There and back."""
        both = self.connection.pair or self.connection
        return both.there, both.back

    def pair_ended(self, connection: Connection, error: Exception | None) -> None:
        for stream in (connection.near, connection.far):
            assert stream is not None
            if error is None:
                stream.close_now()
            else:
                stream.abort()
        self.over(connection, error)

    def over(self, connection: Connection, error: Exception | None) -> None:
        self.verdict.append(error)

    def turn(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.loop.call_soon(lambda: None)  # so that it does not wait
            self.loop.round()

    def finish(self) -> None:
        """Let both ends say their end, and read up to the other's."""
        for end in self.ends:
            end.end()
            if end.usable:
                self.loop.watch(end.sock.fileno(), select.EPOLLIN, self.reader(end))
        self.loop.run(lambda: bool(self.verdict) and all(end.done for end in self.ends))

    def reader(self, end: End) -> Handler:
        def read(fd: int, events: int) -> None:
            end.read()
            if end.done:
                self.loop.forget(fd)

        return read

    def judge(self) -> None:
        """Say what is wrong with what the ends were told, if anything is."""
        for end, other in (self.ends, self.ends[::-1]):
            assert end.got <= other.sent
            if end.saw_end and not (other.resets or other.broken):
                assert end.got == other.sent
                assert other.ended
            if self.verdict == [None] and end.usable:
                assert end.saw_end
        if all(end.usable for end in self.ends):
            assert self.verdict == [None]
            assert self.connection.copied == (self.ends[0].sent, self.ends[1].sent)

    def close(self) -> None:
        for end in self.ends:
            end.sock.close()
        if not self.verdict:
            self.connection.abort()


NewBench = Callable[..., Bench]


@pytest.fixture(params=["pair", "brief"])
def new_bench(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[NewBench]:
    """Make benches, of connections that are brief as long as they can be, and of none that are.

    Afterwards no pipe may be left of them.
    """
    benches: list[Bench] = []
    with Loop() as loop:

        def make(left: MakePair, right: MakePair | None = None) -> Bench:
            benches.append(Bench(loop, (left, right or left), request.param == "brief"))
            return benches[-1]

        yield make
        for each in benches:
            each.close()
    assert buffers_here().pipes.there == 0
