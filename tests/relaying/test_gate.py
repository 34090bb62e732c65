"""When clients of a relay are let in, and when their servers hear of them."""

from __future__ import annotations

import contextlib
import select
import socket

import pytest
from loops import rounds
from peers import LIMIT
from service_bench import Bench, StartBench, start_bench
from tcp_ends import packets

from fildes.relaying import gate
from fildes.relaying.connection import Connection, Observer

__all__ = ["start_bench"]  # a fixture


def let_in(bench: Bench, count: int) -> list[int]:
    """Let so many clients come at once, and leave; return how many were in after each round."""
    before = bench.service.accepted
    seen: list[int] = []
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(bench.place))
        while not seen or seen[-1] < count:
            rounds(bench.loop, 1)
            seen.append(bench.service.accepted - before)
            assert len(seen) <= count
        for _ in range(count):
            bench.connected().close()
    bench.run(bench.over)
    return seen


def test_clients_are_let_in_evenly(start_bench: StartBench) -> None:
    """Of many clients that come at once each round lets in one more than the last one did."""
    bench = start_bench()
    assert let_in(bench, 12) == [1, 3, 6, 10, 12]
    assert let_in(bench, 12) == [2, 5, 9, 12]  # there were two the last time


def test_round_lets_in_only_so_many(
    start_bench: StartBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many clients wait, a round lets in some only: the others have their turn."""
    monkeypatch.setattr(gate, "BATCH", 3)
    assert let_in(start_bench(), 12) == [1, 3, 6, 9, 12]


class Counting(Observer):
    """Notes what the connections that are there have copied when another client comes."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.seen: list[int] = []

    def accepted(self, connection: Connection) -> None:
        self.seen.append(sum(each.copied[0] for each in self.bench.service.connections))


def test_who_is_in_comes_first(start_bench: StartBench) -> None:
    """What has come in for those who are in is passed on before another client is let in."""
    bench = start_bench()
    client, server = bench.connect()
    observer = bench.service.observer = Counting(bench)
    with client, server, socket.create_connection(bench.place) as another:
        client.send(b"a question")
        rounds(bench.loop, 1)
        assert observer.seen == [10]
        another.send(b"hello")
        bench.run(lambda: bench.service.totals == (15, 0))


@pytest.mark.parametrize("when", ["before it is let in", "after that"])
def test_first_words_end_the_handshake(start_bench: StartBench, when: str) -> None:
    """A server hears of its client by what that one says, if it has something to say."""
    bench = start_bench()
    with socket.create_connection(bench.place) as client:
        if when == "after that":
            rounds(bench.loop, 1)
            assert bench.service.accepted == 1
        client.send(b"hello")
        bench.run(lambda: bench.service.totals == (5, 0))
        bench.behind.settimeout(LIMIT)
        with bench.behind.accept()[0] as server:
            assert server.recv(9) == b"hello"
            assert packets(server) == 2


def test_silent_client_is_heard_of_a_round_later(start_bench: StartBench) -> None:
    """A server whose client says nothing hears of it after one more round."""
    bench = start_bench()
    with socket.create_connection(bench.place):
        rounds(bench.loop, 1)
        assert (bench.service.accepted, heard(bench)) == (1, False)
        rounds(bench.loop, 1)
        assert heard(bench)
        bench.behind.accept()[0].close()


def heard(bench: Bench) -> bool:
    """Tell whether a client has come to the server."""
    return bool(select.select([bench.behind], [], [], 0)[0])
