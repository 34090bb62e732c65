"""Datagrams that come one at a time: passed on in the fewest steps, with all that is promised."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from datagram_pairs import Between, between, connected_pair, pair_between

from fildes.drivers.loop import Loop
from fildes.relaying.datagram_half import MOST_LONE

__all__ = ["between"]  # a fixture


def pass_alone(between: Between, count: int) -> None:
    """Let *count* datagrams come, each after the one before it has gone."""
    for index in range(count):
        assert between.passed([b"%d" % index]) == [b"%d" % index]


def test_few_looks_for_another_one(between: Between) -> None:
    """Where each came alone it is not looked each time whether there is another one."""
    pass_alone(between, 2 * MOST_LONE)
    assert between.source.looks < 2 * MOST_LONE + 10


@pytest.mark.parametrize("before", [0, 1, 2, 5, 70])
def test_many_after_lone_ones(between: Between, before: int) -> None:
    """Those that come together after lone ones pass in order, and soon go together again."""
    pass_alone(between, before)
    datagrams = [b"", *[bytes([index]) * 100 for index in range(MOST_LONE + 30)]]
    assert between.passed(datagrams) == datagrams
    assert max(between.sink.sends) > 1000


def test_slow_sink_is_waited_for_by_a_lone_one(nothing_left_behind: None) -> None:
    """A lone datagram that the sink does not take yet waits, and what comes after it, too."""
    left, near = connected_pair(socket.socket)
    right, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with Loop() as loop, left, near, right, far:
        pair, ended = pair_between(loop, near, far)
        pair.start()
        sent = 0
        while pair.there.left is None:
            left.send(b"%d" % sent)
            sent += 1
            while pair.there.count < sent and pair.there.left is None:
                loop.round()
        left.send(b"%d" % sent)
        found: list[bytes] = []
        while len(found) <= sent:
            try:
                found.append(right.recv(100, socket.MSG_DONTWAIT))
            except BlockingIOError:
                loop.round()  # a sink without anything under way is ready
        pair.stop()
    assert found == [b"%d" % index for index in range(sent + 1)]
    assert not ended


def test_nobody_there_is_an_error(between: Between) -> None:
    """That nobody receives any more is said, whoever hears of it first."""
    pass_alone(between, 3)
    between.right.close()
    between.left.send(b"anybody?")
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], ConnectionRefusedError)


@pytest.mark.parametrize("step", ["take", "send"])
def test_error_ends_it(between: Between, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """An error of either side ends both directions, as it was."""

    def fail(*rest: Any) -> int:
        raise OSError(errno.ENETDOWN, "Network is down")

    pass_alone(between, 3)
    monkeypatch.setattr(between.pair.there if step == "take" else between.sink, step, fail)
    between.left.send(b"out")
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], OSError)
    assert between.ended[0].errno == errno.ENETDOWN
    assert between.pair.there.lost == (step == "take")


def test_nothing_there_is_no_error(between: Between) -> None:
    """A datagram that the kernel drops, say for its checksum, was told of but is not there."""
    pass_alone(between, 3)
    between.pair.there.ready(between.source.fileno(), 1)
    assert not between.ended
    pass_alone(between, 3)


def test_too_long_is_an_error(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """A datagram that there is no room for is not cut, but told of."""
    pass_alone(between, 3)
    monkeypatch.setattr(between.pair.there, "take", lambda *rest: 2 << 20)
    between.left.send(b"long")
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], OSError)
    assert between.ended[0].errno == errno.EMSGSIZE
