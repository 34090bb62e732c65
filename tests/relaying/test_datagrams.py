"""Datagrams between two sockets: whole, in order, each by itself, whatever is in the way."""

from __future__ import annotations

import errno
import socket

import pytest
from datagram_pairs import Between, between, connected_pair, pair_between
from hypothesis import given, settings
from hypothesis import strategies as st

from fildes.drivers.loop import Loop
from fildes.relaying.datagram_half import MOST_SEGMENTS

__all__ = ["between"]  # a fixture


def test_datagrams_stay_what_they_are(between: Between) -> None:
    """Rule 8: bounds and order are kept, of equal ones, and an empty one is no end."""

    @settings(max_examples=40)
    @given(st.lists(st.sampled_from([0, 1, 7, 7, 7, 100, 1472]), max_size=40))
    def check(sizes: list[int]) -> None:
        datagrams = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
        assert between.passed(datagrams) == datagrams

    check()
    assert not between.ended


def test_largest_datagram(between: Between) -> None:
    """What is as long as a datagram of udp can be passes through, beside short ones."""
    datagrams = [b"a", bytes(65507), b"b" * 65507, b"c"]
    assert between.passed(datagrams) == datagrams


def test_equal_ones_go_together(between: Between) -> None:
    """Of those that wait, neighbours of one size take one call, and a shorter one with them."""
    datagrams = [bytes([index]) * 100 for index in range(30)] + [b"short", b"longer"]
    assert between.passed(datagrams) == datagrams
    assert between.sink.sends == [3005, 6]


def test_as_many_as_the_kernel_cuts(between: Between) -> None:
    """More than can be cut from one send, in number or in bytes, take several."""
    datagrams = [b"x"] * (MOST_SEGMENTS + 2) + [bytes(30_000)] * 4
    assert between.passed(datagrams) == datagrams


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EIO])
def test_without_cutting(between: Between, refusal: int) -> None:
    """Where the device cuts nothing, or a datagram is longer than its packets, each goes alone."""
    between.sink.refusal = refusal
    datagrams = [bytes([index]) * 100 for index in range(10)]
    assert between.passed(datagrams) == datagrams
    assert between.sink.sends == [100] * 10


def test_slow_sink_is_waited_for(nothing_left_behind: None) -> None:
    """What a sink does not take yet waits in order, and nothing else is received meanwhile."""
    left, near = connected_pair(socket.socket)
    right, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least that there can be
    wanted = [b"%1000d" % index for index in range(30)]
    with Loop() as loop, left, near, right, far:
        pair, ended = pair_between(loop, near, far)
        for datagram in wanted:
            left.send(datagram)
        pair.start()
        assert 0 < pair.there.count < len(wanted)
        assert pair.there.left is not None
        found: list[bytes] = []
        while len(found) < len(wanted):
            try:
                found.append(right.recv(1001, socket.MSG_DONTWAIT))
            except BlockingIOError:
                loop.round()  # a sink without anything under way is ready
        pair.stop()
    assert (found, ended) == (wanted, [])


def test_nobody_there_is_an_error(between: Between) -> None:
    """A place where nobody receives is said so, by the next datagram at the latest."""
    between.right.close()
    between.left.send(b"anybody?")
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], ConnectionRefusedError)


def test_answer_before_a_refusal_passes(between: Between) -> None:
    """What was said before nobody receives any more comes through, though a receive fails first."""
    between.right.send(b"answer")
    between.right.send(b"")
    between.right.close()
    between.left.send(b"more")
    between.pair.there.move()
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], ConnectionRefusedError)
    assert [between.left.recv(99), between.left.recv(99)] == [b"answer", b""]


def test_answer_before_a_refused_send_passes(between: Between) -> None:
    """The same where it is a send that is told of the refusal."""
    between.right.send(b"answer")
    between.right.close()
    for data in (b"1", b"22", b"333"):
        between.left.send(data)
    assert between.pair.there.move()
    between.pair.settle()
    assert isinstance(between.ended[0], ConnectionRefusedError)
    assert between.left.recv(99) == b"answer"


def test_first_error_counts(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails while the rest passes does not hide why it is over."""

    def fail(*rest: object) -> int:
        raise OSError(errno.ENETDOWN, "Network is down")

    between.right.send(b"answer")
    between.right.close()
    for data in (b"1", b"22"):
        between.left.send(data)
    between.pair.there.move()
    monkeypatch.setattr(between.source, "send", fail)
    between.pair.settle()
    assert isinstance(between.ended[0], ConnectionRefusedError)


def test_error_met_by_a_send_ends_it(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end of one direction is that of both: the other one has none to be waited for."""
    monkeypatch.setattr(between.sink, "refusal", errno.ENETDOWN)
    for _ in range(2):
        between.left.send(b"out")
    between.run(lambda: bool(between.ended))
    assert isinstance(between.ended[0], OSError)
    assert between.ended[0].errno == errno.ENETDOWN
