"""Two tcp sockets to which nothing unusual happens, until it does."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from tcp_ends import tcp_pair
from turned_relay import Bench, NewBench, Script, narrow_pair, scripts

from fildes.relaying.brief import Way
from fildes.relaying.socket_half import SocketHalf
from fildes.streams.stream import RECV_SIZE

pytestmark = pytest.mark.parametrize("new_bench", ["brief"], indirect=True)


def kinds(bench: Bench) -> set[type]:
    """Return of which classes the directions are."""
    return {type(direction) for direction in bench.directions}


def test_question_and_answer(new_bench: NewBench) -> None:
    """A direction with nothing to remember remembers nothing, up to its end."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(300)
    bench.turn(2)
    right.read()
    right.send(1000)
    right.end()
    bench.turn(2)
    left.read()
    left.read()
    assert left.saw_end
    left.end()
    bench.turn(2)
    right.read()
    assert bench.verdict == [None]
    assert kinds(bench) == {Way}
    bench.judge()


def test_slow_reader(new_bench: NewBench) -> None:
    """What a sink does not take is kept, and nothing of it is lost or sent twice."""
    bench = new_bench(narrow_pair)
    left, _ = bench.ends
    while kinds(bench) == {Way}:
        left.send(RECV_SIZE // 2)
        bench.turn(1)
    assert kinds(bench) == {SocketHalf}
    assert bench.pair.there.left is not None
    bench.finish()
    bench.judge()


@pytest.mark.parametrize("said", [0, 10])
def test_reset(new_bench: NewBench, said: int) -> None:
    """A reset is one on the other side, too, behind what was said before it."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(said)
    left.reset(0)
    bench.turn(2)
    right.read()
    right.read()
    assert (right.got, right.saw_end, right.broken) == (said, False, True)
    assert isinstance(bench.verdict[0], ConnectionResetError)
    bench.judge()


def test_reset_after_an_end(new_bench: NewBench) -> None:
    """Who resets after its end has not got all: that is no good end."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(10)
    left.end()
    bench.turn(2)
    assert kinds(bench) == {Way}
    left.reset(0)
    right.send(10)
    bench.turn(2)
    right.end()
    bench.turn(2)
    assert isinstance(bench.verdict[0], ConnectionResetError | BrokenPipeError)
    bench.judge()


def test_urgent_data(new_bench: NewBench) -> None:
    """The mark of urgent data stops nothing."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(10)
    left.sock.send(b"!", socket.MSG_OOB)
    left.send(10)
    bench.turn(3)
    right.read()
    assert right.got == 20
    assert kinds(bench) == {SocketHalf}
    bench.finish()
    bench.judge()


def test_who_asks_for_a_silence(new_bench: NewBench) -> None:
    """What has come and was not received is told to whoever wants to end a silence."""
    bench = new_bench(tcp_pair)
    pair = bench.connection.pair_now()
    assert pair is not None
    assert not pair.is_addressed()
    bench.ends[1].send(1)
    assert pair.is_addressed()
    bench.finish()
    bench.judge()


@pytest.mark.slow
def test_scripts(new_bench: NewBench) -> None:
    """Whatever slow readers, ends and resets do, each end gets a prefix, or all and the end."""
    met: set[type] = set()

    @settings(max_examples=500)
    @given(scripts)
    def holds(script: Script) -> None:
        bench = new_bench(narrow_pair)
        try:
            for is_left, (action, size), rounds in script:
                getattr(bench.ends[not is_left], action)(size)
                bench.turn(rounds)
            bench.finish()
            bench.judge()
            met.update(kinds(bench))
        finally:
            bench.close()

    holds()
    assert met == {Way, SocketHalf}
