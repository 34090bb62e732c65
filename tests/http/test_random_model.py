"""A document of a server behaves as the same bytes in memory do, whatever the server does."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from counting import Asked, CountingServer, ranged
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import fildes
from fildes.http import planning
from fildes.http import ranged as ranging
from fildes.http.extents import ExtentMap

SIZE = 3_000_000
DATA = random.Random(0).randbytes(SIZE)

offsets = st.integers(0, SIZE + 10)
sizes = st.one_of(st.integers(0, 100), st.integers(0, 300_000))


def unreliable(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Cut some answers short, begin others early."""
    answer, closing = ranged(server, asked)
    if server.count % 3 == 2:
        head, mark, body = answer.partition(b"\r\n\r\n")
        return head + mark + body[: len(body) // 2], True
    return answer, closing


class Model(RuleBasedStateMachine):
    """Do the same to a remote file and to one in memory."""

    @initialize(reliable=st.booleans(), tail=st.booleans(), buffering=st.sampled_from([-1, 0, 100]))
    def open(self, reliable: bool, tail: bool, buffering: int) -> None:
        self.server = CountingServer(DATA, ranged if reliable else unreliable)
        hint = {"hint": "tail" if tail else "random"}
        file: Any = fildes.open(self.server.address(), "rb", buffering, http=hint)
        self.file = file
        self.exact = buffering != 0
        self.model = io.BytesIO(DATA)
        self.stream: Any = file.description.stream
        # So little memory and so few misses that everything happens within a test.
        self.stream.extents = ExtentMap(SIZE, budget=400_000)

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

    @invariant()
    def same_position(self) -> None:
        if hasattr(self, "file"):
            assert self.file.tell() == self.model.tell()
            assert len(self.stream.lives) <= ranging.MAX_LIVE + 1
            assert not self.stream.taken
            assert self.stream.extents.stored <= 400_000 + 2 * planning.TAIL + (1 << 20) * 2

    def teardown(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
            self.server.__exit__()


@pytest.mark.slow
def test_remote_file_is_as_one_in_memory() -> None:
    """Seeks and reads in any order give what they give of bytes in memory."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Model, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )
