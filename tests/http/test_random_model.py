"""A document of a server behaves as the same bytes in memory do, whatever the server does."""

from __future__ import annotations

import io
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, answer, bounds, ranged
from cutting import by
from downloads import Sent
from http_script import chunks
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import fildes
from fildes.http import extents
from fildes.http import ranged as ranging
from fildes.http.extents import ExtentMap

SIZE = 3_000_000
DATA = random.Random(0).randbytes(SIZE)

#: What is kept of it, and in one piece.
BUDGET, MAX_EXTENT = 400_000, 50_000

offsets = st.integers(0, SIZE + 10)
sizes = st.one_of(st.integers(0, 100), st.integers(0, 300_000))


def cutting(server: CountingServer, asked: Asked) -> Sent:
    """Cut every third answer short."""
    sent, closing = ranged(server, asked)
    if server.count % 3 == 2:
        head, mark, body = sent.partition(b"\r\n\r\n")
        return head + mark + body[: len(body) // 2], True
    return sent, closing


def short(server: CountingServer, asked: Asked) -> Sent:
    """Answer less than was asked for, as RFC 9110 section 15.3.7 allows."""
    start, stop = bounds(server, asked)
    if server.count % 2 and stop - start > 1:
        stop = start + (stop - start) // 2 if server.count > 1 else stop
    return ranged(server, asked._replace(start=start, stop=stop))


def early(server: CountingServer, asked: Asked) -> Sent:
    """Begin before what was asked for."""
    start, stop = bounds(server, asked)
    return ranged(server, asked._replace(start=max(0, start - server.count % 5), stop=stop))


def in_chunks(server: CountingServer, asked: Asked) -> Sent:
    """Answer in chunks, of which some are cut short."""
    head, _, body = ranged(server, asked)[0].partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length")
    sent = chunks(*by(70_000, body)) + b"0\r\n\r\n"
    cut = server.count % 4 == 3
    return head + b"\r\n\r\n" + (sent[: len(sent) // 2] if cut else sent), cut


def busy(server: CountingServer, asked: Asked) -> Sent:
    """Be in trouble now and then."""
    if server.count % 3 == 2:
        return answer("503 Busy", Retry_After="0"), bool(server.count % 2)
    return ranged(server, asked)


#: Servers that give parts, each in its own way.
SERVERS: tuple[Reply, ...] = (ranged, cutting, short, early, in_chunks, busy)


class Model(RuleBasedStateMachine):
    """Do the same to a remote file and to one in memory."""

    @initialize(
        reply=st.sampled_from(SERVERS),
        tail=st.booleans(),
        buffering=st.sampled_from([-1, 0, 100]),
    )
    def open(self, reply: Reply, tail: bool, buffering: int) -> None:
        self.server = CountingServer(DATA, reply)
        hint = {"hint": "tail" if tail else "random"}
        file: Any = fildes.open(self.server.address(), "rb", buffering, http=hint)
        self.file = file
        self.exact = buffering != 0
        self.model = io.BytesIO(DATA)
        self.stream: Any = file.description.stream
        # So little memory and so few misses that everything happens within a test.
        self.stream.extents = ExtentMap(SIZE, budget=BUDGET)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(extents, "MAX_EXTENT", MAX_EXTENT)

    @rule(offset=offsets, whence=st.sampled_from([0, 1, 2]))
    def seek(self, offset: int, whence: int) -> None:
        offset = {0: offset, 1: offset - self.model.tell(), 2: offset - SIZE}[whence]
        assert self.file.seek(offset, whence) == self.model.seek(offset, whence)

    @rule(size=sizes)
    def read(self, size: int) -> None:
        got = self.file.read(size)
        if not self.exact:  # an unbuffered read may be short, but not empty
            assert got or not self.model.read(min(size, 1))
            self.model.seek(self.file.tell() - len(got))
        assert got == self.model.read(size if self.exact else len(got))

    @rule()
    def readline(self) -> None:
        if self.exact:
            assert self.file.readline() == self.model.readline()

    @rule(size=sizes, offset=offsets)
    def pread(self, size: int, offset: int) -> None:
        assert self.file.pread(size, offset) == DATA[offset : offset + size]

    @rule(places=st.lists(st.tuples(offsets, sizes), max_size=5))
    def read_ranges(self, places: list[tuple[int, int]]) -> None:
        ranges = [(start, start + size) for start, size in places]
        assert self.file.read_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]

    @rule(places=st.lists(st.tuples(offsets, sizes), max_size=5))
    def prefetch(self, places: list[tuple[int, int]]) -> None:
        self.file.prefetch([(start, start + size) for start, size in places])

    @rule(places=st.lists(st.tuples(offsets, sizes), min_size=2, max_size=6))
    def pread_in_threads(self, places: list[tuple[int, int]]) -> None:
        with ThreadPoolExecutor(len(places)) as threads:
            found = list(threads.map(lambda place: self.file.pread(place[1], place[0]), places))
        assert found == [DATA[offset : offset + size] for offset, size in places]

    @invariant()
    def same_position(self) -> None:
        if hasattr(self, "file"):
            assert self.file.tell() == self.model.tell()
            assert len(self.stream.lives) <= ranging.MAX_LIVE
            assert not self.stream.taken
            # The head, the tail and the newest stay, and each may grow by one more receive.
            assert self.stream.extents.stored <= BUDGET + 3 * (MAX_EXTENT + ranging.MAX_CHUNK)

    def teardown(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
            self.patch.undo()
            self.server.__exit__()


@pytest.mark.slow
def test_remote_file_is_as_one_in_memory() -> None:
    """Seeks and reads in any order give what they give of bytes in memory."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Model, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )
