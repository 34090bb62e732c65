"""Copies past this process, under random scripts of what both ends do."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passages import SINKS, SOURCES, Joint, joints, pass_always

from fildes.drivers import blocking
from fildes.streams import passage
from fildes.streams.buffers import Buffers
from fildes.streams.half import Half

actions = st.one_of(
    st.tuples(st.sampled_from(["write", "read"]), st.integers(1, 200_000)),
    st.tuples(st.sampled_from(["write", "read"]), st.integers(1, 5_000)),
    st.tuples(st.just("turn"), st.integers(1, 40)),
    st.tuples(st.just("stop"), st.just(0)),
)
scripts = st.lists(actions, max_size=30)
Script = list[tuple[str, int]]

SOME = os.urandom(1_000_003)  # no multiple of a page


class Copying:
    """A direction, turned by hand, and what went in and came out.

    Attributes:
      met: whether bytes were moved or left in a pipe, and whether a passage was given up.
    """

    def __init__(self, left: Joint, right: Joint) -> None:
        self.left, self.right = left, right
        self.half = Half(left.stream, right.stream)
        self.sent = 0
        self.got = bytearray()
        self.met: set[str] = set()
        self.buffers = Buffers()
        self.buffers.view = memoryview(bytearray(2000))  # so that little is copied
        for end in (left, right):
            os.set_blocking(end.far.fileno(), False)

    def write(self, size: int) -> None:
        """Let as much of *size* bytes as there is room for be there to be received."""
        start = self.sent % len(SOME)
        self.sent += self.left.far.write(SOME[start : start + size]) or 0

    def read(self, size: int) -> None:
        """Take *size* bytes, if so many have come."""
        self.got += self.right.far.read(size) or b""

    def turn(self, times: int) -> None:
        """Let the copying go on."""
        for _ in range(times):
            if self.half.running:
                self.advance()

    def advance(self) -> bool:
        """Do a step; return whether anything happened."""
        before = self.half.passage
        moved = self.half.advance(self.buffers)
        if self.half.passage is not None and self.half.passage.pipe is not None:
            self.met.add("left in a pipe")
        if before is not None:
            self.met.add("moved" if self.half.passage is not None else "given up")
        assert self.half.error is None
        return moved

    def stop(self, _: int) -> None:
        """Copy through memory, until much comes again."""
        self.half.stop_passing()

    def finish(self) -> None:
        """Let the source end, and take all that comes."""
        self.left.far.close()
        while self.half.running:
            if not self.advance():
                self.read(1 << 20)
                blocking.wait(self.half.wants(), 0.001)
        self.half.stop_passing()
        blocking.run(self.half.pass_on_end())
        while data := self.read_on():
            self.got += data

    def read_on(self) -> bytes:
        blocking.wait({self.right.far.fileno(): 1})
        return self.right.far.read(1 << 20) or b""

    def judge(self) -> None:
        """All that was written has come out, in order, and was counted."""
        whole = (SOME * (self.sent // len(SOME) + 1))[: self.sent]
        assert self.got == whole
        assert self.half.copied == self.sent


@pytest.mark.slow
@pytest.mark.parametrize("source", ["pipe", "unix", "tcp"])
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize(("pipe_size", "little"), [(4096, 1), (65536, 3000)])
def test_scripts(
    source: str,
    sink: str,
    pipe_size: int,
    little: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However slow either end is, and wherever a passage begins and ends, all comes in order."""
    pass_always(monkeypatch, pipe_size)
    monkeypatch.setattr(passage, "LITTLE", little)
    monkeypatch.setattr(passage, "PATIENCE", 2)  # so that some are given up
    monkeypatch.setattr(passage, "DEARER", ())
    met: set[str] = set()

    @settings(max_examples=100)
    @given(scripts)
    def holds(script: Script) -> None:
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "right").unlink()
        with joints(SOURCES[source], SINKS[sink], tmp_path) as ends:
            copying = Copying(*ends)
            for action, size in script:
                getattr(copying, action)(size)
            copying.finish()
            copying.judge()
        met.update(copying.met)

    holds()
    expected = {"moved"} | ({"given up"} if little > 1 else set())
    if source == sink == "unix":
        expected.add("left in a pipe")
    assert met >= expected
