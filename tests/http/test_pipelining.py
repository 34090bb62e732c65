"""Ranges that are asked for together: in turn on one connection, or otherwise if that breaks."""

from __future__ import annotations

import errno
import random
import threading
from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, answer, ranged
from downloads import Sent
from http_script import chunks
from loops import LOOPS, RunLoop

import fildes
import fildes.aio
from fildes.http.vectored import MAX_IN_TURN, MAX_RANGE, grouped, wanting

DATA = random.Random(6).randbytes(4_000_000)

#: Far from each other, in no order, two of them overlapping.
RANGES = [(start * 100_000, start * 100_000 + 9000) for start in (30, 5, 12, 38, 20, 26)]
RANGES += [(1_204_000, 1_215_000)]
EXPECTED = [DATA[start:stop] for start, stop in RANGES]

#: Requests: one that opens, and one for each window.
COUNT = 1 + len(RANGES) - 1


def opened(server: CountingServer) -> Any:
    return fildes.open(server.address(), http={"hint": "random"})


def asks_in_turn(file: Any) -> bool:
    in_turn: bool = file.description.stream.parts.in_turn
    return in_turn


def test_ranges_come_in_turn() -> None:
    """Ranges far from each other cost one connection, and a request for each."""
    with CountingServer(DATA) as server, opened(server) as file:
        assert file.read_ranges(RANGES) == EXPECTED
        assert (server.count, server.connections) == (COUNT, 1)
        assert file.read_ranges(RANGES) == EXPECTED  # they were kept
        assert file.pread(100, 3_000_000) == DATA[3_000_000:3_000_100]
        assert (server.count, server.connections) == (COUNT, 1)


def test_connection_serves_on_after_that() -> None:
    """After ranges in turn the connection is free for the next document of an Opener."""
    with CountingServer(DATA) as server, fildes.Opener() as opener:
        for path in ("/a", "/b"):
            with opener.open(server.address(path)) as file:
                assert file.read_ranges(RANGES) == EXPECTED
        assert server.connections == 1


@pytest.mark.parametrize("loop", LOOPS)
def test_ranges_in_turn_in_an_event_loop(loop: RunLoop) -> None:
    """An asynchronous file asks in turn, too."""
    with CountingServer(DATA) as server:

        async def main() -> None:
            async with fildes.aio.open(server.address()) as file:
                assert await file.read_ranges(RANGES) == EXPECTED

        loop(main())
        assert (server.count, server.connections) == (COUNT, 1)


def closing(server: CountingServer, asked: Asked) -> Sent:
    """Close behind the third answer on each connection, without a word."""
    return ranged(server, asked)[0], server.count % 3 == 0


def saying_so(server: CountingServer, asked: Asked) -> Sent:
    """Say that each third answer is the last one on its connection."""
    sent, last = closing(server, asked)
    return sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if last else sent, last


def cutting(server: CountingServer, asked: Asked) -> Sent:
    """Cut the fourth answer in its body."""
    sent, _ = ranged(server, asked)
    return (sent[:-5000], True) if server.count == 4 else (sent, False)


def mistaking(server: CountingServer, asked: Asked) -> Sent:
    """Answer the third request with another part."""
    if server.count == 3:
        asked = asked._replace(start=0, stop=9000)
    return ranged(server, asked)


def shortening(server: CountingServer, asked: Asked) -> Sent:
    """Answer the third request with less than was asked for."""
    assert asked.stop is not None
    return ranged(server, asked._replace(stop=asked.stop - (server.count == 3)))


def in_chunks(server: CountingServer, asked: Asked) -> Sent:
    """Answer in chunks, whose end is found only by reading them."""
    head, _, body = ranged(server, asked)[0].partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length")
    return head + b"\r\n\r\n" + chunks(body) + b"0\r\n\r\n", False


def busy(server: CountingServer, asked: Asked) -> Sent:
    """Be in trouble once."""
    if server.count == 4:
        return answer("503 Busy", Retry_After="0"), False
    return ranged(server, asked)


@pytest.mark.parametrize(
    "reply", [closing, saying_so, cutting, mistaking, shortening, in_chunks, busy]
)
def test_server_that_does_not_answer_in_turn(reply: Reply) -> None:
    """Whatever becomes of requests in turn, what is missing is asked for otherwise, for good."""
    with CountingServer(DATA, reply) as server, opened(server) as file:
        assert file.read_ranges(RANGES) == EXPECTED
        assert not asks_in_turn(file)
        again = [(start + 9000, stop + 9000) for start, stop in RANGES[:6]]
        assert file.read_ranges(again) == [DATA[start:stop] for start, stop in again]


def test_server_that_keeps_no_connections() -> None:
    """Where each answer is the last one on its connection, nothing is sent in vain."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        return ranged(server, asked)[0].replace(b"\r\n", b"\r\nConnection: close\r\n", 1), True

    with CountingServer(DATA, reply) as server, opened(server) as file:
        assert file.read_ranges(RANGES) == EXPECTED
        assert (server.count, server.connections) == (COUNT, COUNT)


@pytest.mark.slow
def test_answers_in_turn_cut_anywhere() -> None:
    """Wherever the connection ends between or in answers in turn, the right bytes come."""
    head = len(ranged(CountingServerLike(), Asked(0, "/", 500_000, 509_000, b""))[0]) - 9000
    for cut in [*range(0, head + 3, 7), 500, 5000, head + 8999]:

        def reply(server: CountingServer, asked: Asked, cut: int = cut) -> Sent:
            sent, _ = ranged(server, asked)
            return (sent[:cut], True) if server.count == 4 else (sent, False)

        with CountingServer(DATA, reply) as server, opened(server) as file:
            assert file.read_ranges(RANGES) == EXPECTED


class CountingServerLike(CountingServer):
    """What an answer is made from."""

    def __init__(self) -> None:
        self.data, self.etag = DATA, '"v1"'


def test_document_that_changes_in_between() -> None:
    """An answer in turn of another version is an error, and none of its bytes come out."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        server.etag = '"v2"' if server.count > 3 else '"v1"'
        return ranged(server, asked)

    with CountingServer(DATA, reply) as server, opened(server) as file:
        with pytest.raises(OSError) as caught:
            file.read_ranges(RANGES)
        assert caught.value.errno == errno.ESTALE


def test_interrupted_in_between() -> None:
    """Who waits for answers in turn is woken when the document is closed, and asks no more."""
    streams: list[Any] = []

    def reply(server: CountingServer, asked: Asked) -> Sent:
        if server.count == 3:
            streams[0].interrupt()
            return b"", True
        return ranged(server, asked)

    with CountingServer(DATA, reply) as server, opened(server) as file:
        streams.append(file.description.stream)
        with pytest.raises(OSError) as caught:
            file.read_ranges(RANGES)
        assert (caught.value.errno, server.connections) == (errno.EBADF, 1)


def test_much_is_divided_among_connections() -> None:
    """More than one group of ranges comes over several connections at once."""
    all_there, seen = threading.Barrier(3), set[int]()

    def reply(server: CountingServer, asked: Asked) -> Sent:
        if server.count > 1 and asked.connection not in seen:
            seen.add(asked.connection)
            all_there.wait(20)
        return ranged(server, asked)

    with CountingServer(bytes(24 << 20), reply) as server, opened(server) as file:
        ranges = [(start << 20, (start << 20) + 900_000) for start in range(1, 22)]
        assert file.read_ranges(ranges) == [bytes(900_000)] * 21
        assert (server.count, server.connections) == (22, 3)


def test_groups() -> None:
    """A group has so many ranges, and so many bytes, and each range is in one."""
    small = [(at, at + 10) for at in range(0, 2000, 20)]
    assert [len(group) for group in grouped(small)] == [MAX_IN_TURN, len(small) - MAX_IN_TURN]
    large = [(0, MAX_RANGE), (MAX_RANGE, MAX_RANGE + 1), (2 * MAX_RANGE, 3 * MAX_RANGE - 1)]
    assert grouped(large) == [large[:1], large[1:]]
    assert grouped([]) == []


def test_windows_know_who_wants_them() -> None:
    """Each range is copied from all windows that have bytes of it, and from no other."""
    ranges = [(0, 30), (10, 10), (5, 25), (40, 41), (9, 10)]
    windows = [(0, 10), (10, 20), (20, 30), (40, 41)]
    assert wanting(windows, ranges) == {0: [0, 2, 4], 10: [0, 2], 20: [0, 2], 40: [3]}
