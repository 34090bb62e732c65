"""A document without positions is read as the same bytes in memory are, however it comes."""

from __future__ import annotations

import io
import os
import random
from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, answer, whole
from cutting import by
from downloads import Sent, part
from http_script import chunks
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import fildes

SIZE = 1_000_000
DATA = random.Random(1).randbytes(SIZE)

sizes = st.one_of(st.integers(0, 100), st.integers(0, 300_000))


def in_chunks(server: CountingServer, asked: Asked) -> Sent:
    """Send all, without saying how much that is, and no parts."""
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: {server.etag}\r\n\r\n"
    return head.encode() + chunks(*by(50_001, server.data)) + b"0\r\n\r\n", False


def cut_chunks(server: CountingServer, asked: Asked) -> Sent:
    """Say nothing of the size, and cut what is sent; the rest can be had."""
    if asked.start is not None and asked.start > 0:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:200_000], len(body) > 200_000
    return in_chunks(server, asked)[0][: server.data.index(b"\n", 99_999)], True


def until_close(server: CountingServer, asked: Asked) -> Sent:
    """Send all, up to the end of the connection."""
    return b"HTTP/1.1 200 OK\r\n\r\n" + server.data, True


def unknown_size(server: CountingServer, asked: Asked) -> Sent:
    """Have parts of what has no size."""
    if asked.start is None:
        return in_chunks(server, asked)
    data = server.data[:65536]
    return answer("206 Partial", data, Content_Range=f"bytes 0-{len(data) - 1}/*"), False


def refusing(server: CountingServer, asked: Asked) -> Sent:
    """Refuse parts."""
    return whole(server, asked) if asked.start is None else (answer("501 No"), False)


def cutting(server: CountingServer, asked: Asked) -> Sent:
    """Cut the whole, which was sent for a part; then there are parts after all."""
    head, _, body = part(server, asked._replace(start=None) if server.count == 1 else asked)[
        0
    ].partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[:150_000], len(body) > 150_000


SERVERS: tuple[Reply, ...] = (
    whole,
    in_chunks,
    cut_chunks,
    until_close,
    unknown_size,
    refusing,
    cutting,
)


class Model(RuleBasedStateMachine):
    """Read the same from a remote file and from one in memory."""

    @initialize(
        reply=st.sampled_from(SERVERS),
        hint=st.sampled_from(["random", "tail", "sequential"]),
        buffering=st.sampled_from([-1, 0, 100]),
    )
    def open(self, reply: Reply, hint: str, buffering: int) -> None:
        self.server = CountingServer(DATA, reply)
        self.file: Any = fildes.open(self.server.address(), "rb", buffering, http={"hint": hint})
        self.exact = buffering != 0
        self.model = io.BytesIO(DATA)

    @rule(size=sizes)
    def read(self, size: int) -> None:
        got = self.file.read(size)
        if not self.exact:  # an unbuffered read may be short, but not empty
            assert bool(got) == bool(size and self.model.tell() < SIZE)
        assert got == self.model.read(size if self.exact else len(got))

    @rule(size=sizes)
    def readinto(self, size: int) -> None:
        buffer = bytearray(size)
        got = self.file.readinto(buffer)
        assert got > 0 or not size or self.model.tell() == SIZE
        assert buffer[:got] == self.model.read(got)

    @rule()
    def readline(self) -> None:
        if self.exact:
            assert self.file.readline() == self.model.readline()

    @rule()
    def readall(self) -> None:
        assert self.file.read() == self.model.read()
        assert self.file.read() == b""

    @rule(offset=st.integers(0, SIZE))
    def seek(self, offset: int) -> None:
        assert not self.file.seekable()
        for name, arguments in (
            ("seek", (offset,)),
            ("seek", (-offset, os.SEEK_END)),
            ("pread", (1, offset)),
            ("read_ranges", ([(0, 1)],)),
            ("prefetch", ([(0, offset)],)),
        ):
            with pytest.raises(io.UnsupportedOperation):
                getattr(self.file, name)(*arguments)

    def teardown(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
            self.server.__exit__()


@pytest.mark.slow
def test_remote_stream_is_as_bytes_in_memory() -> None:
    """Reads of any kind give what they give of bytes in memory, and positions there are none."""
    run_state_machine_as_test(
        Model, settings=settings(max_examples=60, stateful_step_count=12, deadline=None)
    )
