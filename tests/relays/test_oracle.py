"""What comes out of a relay is a prefix of what went in, and all of it if it says so.

A script is a list of what the two ends do, one after the other. It runs in one thread
and never waits for the relay, except in *read*, which takes what the other end has
said so far. So no script can hang, and all of them are different from each other only
in their order. At the end each side that is still there says its end of file and
reads up to the other's.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_ends import Ends, bench, pattern, reset
from relays_under_test import Relay, RelayTo, service, splice_always

#: Less than any buffer, so that sending never waits; four of them are more than one
#: buffer of a relay.
MOST = 20_000

#: How a socket tells that its connection was reset; the last one by shutdown(2).
BREAKS = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}

actions = st.one_of(
    st.tuples(st.just("send"), st.integers(1, MOST)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("end"), st.just(0)),
    st.tuples(st.just("reset"), st.just(0)),
)
Script = list[tuple[bool, tuple[str, int]]]
scripts: st.SearchStrategy[Script] = st.lists(st.tuples(st.booleans(), actions), max_size=12)


@dataclass
class Side:
    """One end.

    Attributes:
      sent, tried: bytes it has said, and those of them that may have gone.
      got: what it was told.
      ended, saw_end: the end of file that it has said, and that it was told.
      resets, broken: it has reset the connection, and it has met a reset.
    """

    sock: socket.socket
    name: bytes
    sent: int = 0
    tried: int = 0
    got: bytearray = field(default_factory=bytearray)
    ended: bool = False
    saw_end: bool = False
    resets: bool = False
    broken: bool = False

    def __post_init__(self) -> None:
        self.is_unix = self.sock.family == socket.AF_UNIX

    @property
    def usable(self) -> bool:
        return not self.resets and not self.broken

    def send(self, size: int, other: Side) -> None:
        """Say something, in which the place of every byte shows."""
        if self.ended or self.sent + size > 4 * MOST:
            return
        self.tried += size
        with self.failing():
            self.sock.sendall(pattern(self.tried, self.name)[self.sent :])
            self.sent += size

    def read(self, size: int, other: Side) -> None:
        """Read all that the other side has said, unless it has reset the connection."""
        with self.failing():
            while len(self.got) < other.sent and not self.saw_end:
                self.receive()

    def end(self, size: int, other: Side) -> None:
        if not self.ended:
            self.ended = True
            with self.failing():
                self.sock.shutdown(socket.SHUT_WR)

    def reset(self, size: int, other: Side) -> None:
        if not self.is_unix:  # which knows no reset
            self.resets = True
            reset(self.sock)

    def finish(self) -> None:
        """Read up to the end."""
        with self.failing():
            while not self.saw_end:
                self.receive()

    def receive(self) -> None:
        data = self.sock.recv(65536)
        self.saw_end = not data
        self.got += data

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Take note of a connection that breaks; a time-out is a failure of the relay."""
        try:
            yield
        except OSError as error:
            if error.errno not in BREAKS:
                raise
            self.broken = True


def play(ends: Ends, script: Script) -> tuple[Side, Side]:
    """Let both sides do what *script* says, and then come to an end."""
    left, right = Side(ends.left, b"left"), Side(ends.right, b"right")
    for is_left, (action, size) in script:
        side, other = (left, right) if is_left else (right, left)
        if side.usable:
            getattr(side, action)(size, other)
    for side in (left, right):
        if side.usable:
            side.end(0, side)
    for side in (left, right):
        if side.usable:
            side.finish()
    return left, right


def judge(side: Side, other: Side, verdict: Exception | None) -> None:
    """Say what is wrong with what *side* got from *other*, if anything is."""
    assert side.got == pattern(len(side.got), other.name), "not what was sent"
    assert len(side.got) <= other.tried
    if side.saw_end and not (side.is_unix and other.resets):
        assert (len(side.got), other.ended) == (other.sent, True), "an end that was none"
    if verdict is None and not side.resets:
        assert side.saw_end, "the relay says that all is well"
    if not side.resets and not other.resets:
        assert side.saw_end
        assert verdict is None


ENDS = pytest.mark.parametrize(
    "unix", [(), ("left",), ("right",)], ids=["tcp", "unix left", "unix right"]
)


@pytest.mark.slow
@ENDS
def test_oracle(unix: tuple[str, ...], relay_to: RelayTo, tmp_path: Path) -> None:
    """Whatever the two ends do, each gets a prefix; all, and the end of file, only together."""
    check_scripts(relay_to, unix, tmp_path)


@pytest.mark.slow
@ENDS
def test_oracle_of_splicing(
    unix: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds where bytes go past the process, and in pieces of a page."""
    splice_always(monkeypatch)
    with contextlib.ExitStack() as relays:

        def start(target: str, listen: str = "tcp://127.0.0.1:0", **options: Any) -> Relay:
            return relays.enter_context(service(target, listen, options))

        check_scripts(start, unix, tmp_path)


def check_scripts(relay_to: RelayTo, unix: tuple[str, ...], directory: Path) -> None:
    """Play many scripts by one relay, and judge what came out."""
    with bench(relay_to, *unix, directory=directory) as connect_both:

        @settings(max_examples=300)
        @given(scripts)
        def holds(script: Script) -> None:
            ends = connect_both()
            with ends.left, ends.right:
                left, right = play(ends, script)
            verdict = ends.relay.outcome()
            judge(left, right, verdict)
            judge(right, left, verdict)

        holds()
