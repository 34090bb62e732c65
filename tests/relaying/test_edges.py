"""A socket of the internet is told of once for all that has come, and nothing of it is left."""

from __future__ import annotations

import socket

from tcp_ends import packets, tcp_pair
from turned_relay import NewBench, unix_pair


def test_bytes_and_their_end(new_bench: NewBench) -> None:
    """An end of file that comes with the last bytes is passed on in the same round."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(1000)
    left.end()
    bench.turn(1)
    right.read()
    right.read()
    assert (right.got, right.saw_end) == (1000, True)
    bench.finish()
    bench.judge()


def test_bytes_behind_urgent_data(new_bench: NewBench) -> None:
    """What stands behind the mark of urgent data is passed on before anything else comes."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(1000)
    left.sock.send(b"!", socket.MSG_OOB)  # which is not part of the stream
    left.send(1000)
    bench.turn(3)
    right.read()
    assert right.got == 2000
    bench.finish()
    bench.judge()


def test_silence_after_an_end(new_bench: NewBench) -> None:
    """Whoever has said its end costs no round until the other one says something."""
    bench = new_bench(tcp_pair, unix_pair)
    bench.ends[0].end()
    bench.turn(4)
    assert bench.loop.poll.poll(0) == []
    bench.finish()
    bench.judge()


def test_last_bytes_and_their_end_are_one_packet(new_bench: NewBench) -> None:
    """An end of file that is there goes out in the packet of the bytes before it."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(1000)
    left.end()
    before = packets(right.sock)
    bench.turn(1)
    assert packets(right.sock) == before + 1
    right.read()
    right.read()
    assert (right.got, right.saw_end) == (1000, True)
    bench.finish()
    bench.judge()


def test_bytes_before_a_reset_wait_for_nothing(new_bench: NewBench) -> None:
    """Bytes behind which a connection was cut are sent on before the other one is cut."""
    bench = new_bench(tcp_pair)
    left, right = bench.ends
    left.send(1000)
    left.reset(0)
    bench.turn(1)
    right.read()
    assert (right.got, right.saw_end) == (1000, False)
    bench.finish()
    bench.judge()
