"""A document read at random: right bytes or a clear error, whatever the server does."""

from __future__ import annotations

import io
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from counting import Asked, CountingServer, Reply, answer, ranged, whole
from peers import LIMIT

import fildes
from fildes.http.planning import Window
from fildes.http.ranged import MAX_LIVE

DATA = bytes(number * 7 % 256 for number in range(1 << 20))
FAR = 900_000

Sent = tuple[bytes, bool]


def opened(server: CountingServer, **http: Any) -> fildes.BufferedFile:
    return fildes.open(server.address(), http=http)


def test_document_is_seekable() -> None:
    """It has a size, and every way to move and read of the io module."""
    with CountingServer(DATA) as server, opened(server) as file:
        assert (file.size, file.seekable(), file.readable(), file.writable()) == (
            len(DATA),
            True,
            True,
            False,
        )
        assert file.seek(-10, os.SEEK_END) == len(DATA) - 10
        assert file.read() == DATA[-10:]
        assert file.read() == b""
        assert (file.seek(FAR), file.tell()) == (FAR, FAR)
        assert file.seek(5, os.SEEK_CUR) == FAR + 5
        assert file.readline() == DATA[FAR + 5 :].split(b"\n")[0] + b"\n"
        assert file.seek(len(DATA) + 5) == len(DATA) + 5
        assert file.read(1) == b""
        with pytest.raises(OSError, match="Invalid argument"):
            file.seek(-len(DATA) - 1, os.SEEK_END)
        with pytest.raises(ValueError):
            file.seek(0, 7)


def test_unbuffered_document() -> None:
    """Without a buffer each read is one of the document."""
    with CountingServer(DATA) as server, fildes.open(server.address(), buffering=0) as file:
        file.seek(FAR)
        assert file.read(10) == DATA[FAR : FAR + 10]
        assert file.readall() == DATA[FAR + 10 :]


def test_reads_at_offsets() -> None:
    """Reads at offsets leave the position; several at once are several requests at once."""
    with CountingServer(DATA) as server, opened(server) as file:
        assert file.read(3) == DATA[:3]
        assert file.pread(7, FAR) == DATA[FAR : FAR + 7]
        assert file.pread(7, len(DATA) - 2) == DATA[-2:]
        assert file.pread(7, len(DATA) + 2) == b""
        ranges = [(FAR, FAR + 9), (5, 5), (200_000, 200_001), (1, 70_000), (len(DATA) - 1, 1 << 30)]
        assert file.read_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]
        assert file.tell() == 3
        with pytest.raises(ValueError):
            file.pread(-1, 0)
        with pytest.raises(ValueError):
            file.read_ranges([(5, 4)])


def test_prefetched_ranges_are_here() -> None:
    """What was prefetched is read without a request."""
    with CountingServer(bytes(16 << 20)) as server, opened(server) as file:
        file.prefetch([(1 << 20, 2 << 20), (8 << 20, 9 << 20)])
        before = server.count
        assert len(file.pread(1 << 20, 1 << 20) + file.pread(1 << 20, 8 << 20)) == 2 << 20
        assert server.count == before


def test_close_ranges_are_asked_for_together() -> None:
    """Ranges with little between them share a request, and far ones a connection each."""
    with CountingServer(bytes(64 << 20)) as server, opened(server) as file:
        near = [(number << 20, (number << 20) + 100) for number in (3, 4)]
        file.read_ranges([(start, stop - 90) for start, stop in near])
        close = [(30 << 20, (30 << 20) + 10), ((30 << 20) + 50_000, (30 << 20) + 50_010)]
        before = server.count
        file.read_ranges(close)
        assert server.count == before + 1


def test_threads_read_at_once() -> None:
    """Threads read one file at offsets, each gets its bytes."""
    with CountingServer(DATA) as server, opened(server) as file:
        places = [number * 65_537 % (len(DATA) - 5000) for number in range(40)]
        with ThreadPoolExecutor(4) as threads:
            got = list(threads.map(lambda place: file.pread(5000, place), places))
        assert got == [DATA[place : place + 5000] for place in places]
        assert server.connections <= 8


def test_threads_leave_few_answers_unread() -> None:
    """However many threads ask at the same time, no more answers than ever are left unread."""
    data = bytes(8 << 20)
    places = [number * 500_000 for number in range(1, 13)]
    together = threading.Barrier(len(places))

    def reply(server: CountingServer, asked: Asked) -> Sent:
        if asked.start:
            together.wait(LIMIT)
        return ranged(server, asked)

    with CountingServer(data, reply) as server, opened(server) as file:
        stream: Any = file.description.stream
        stream.planner.miss = lambda offset, *_: (Window(offset, offset + 400_000), None)
        with ThreadPoolExecutor(len(places)) as threads:
            assert set(threads.map(lambda place: file.pread(5, place), places)) == {bytes(5)}
        assert 0 < len(stream.lives) <= MAX_LIVE


def test_tail_is_there_first() -> None:
    """With the tail hint the first request brings the end."""
    with CountingServer(DATA) as server, opened(server, hint="tail") as file:
        file.seek(-100, os.SEEK_END)
        assert file.read() == DATA[-100:]
        assert [asked.start for asked in server.asked] == [-65536]
        file.seek(0)
        assert file.read(10) == DATA[:10]


@pytest.mark.parametrize("status", ["400 Bad Request", "416 No", "501 Not Implemented"])
def test_refused_tail(status: str) -> None:
    """A server that knows no tails is asked for the head."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        return (answer(status), False) if (asked.start or 0) < 0 else ranged(server, asked)

    with CountingServer(DATA, reply) as server, opened(server, hint="tail") as file:
        assert file.seekable()
        assert file.read() == DATA


def test_tail_from_elsewhere() -> None:
    """A server that takes the tail for the head is asked for the head."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        return ranged(server, asked._replace(start=0, stop=65536) if server.count == 1 else asked)

    with CountingServer(DATA, reply) as server, opened(server, hint="tail") as file:
        file.seek(FAR)
        assert file.read(10) == DATA[FAR : FAR + 10]


def test_unknown_hint() -> None:
    """A hint that is none is refused before anything is opened."""
    with pytest.raises(ValueError, match="hint takes random or"):
        fildes.open("http://127.0.0.1:9/", http={"hint": "fast"})


def plain(status: str) -> Reply:
    return lambda server, asked: (
        whole(server, asked) if asked.start is None else (answer(status), False)
    )


def chunked(server: CountingServer, asked: Asked) -> Sent:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(server.data), server.data), False


def unknown_size(server: CountingServer, asked: Asked) -> Sent:
    reply, closing = ranged(server, asked)
    return reply.replace(b"/%d\r\n" % len(server.data), b"/*\r\n"), closing


WITHOUT_RANGES = {
    "200 (H43)": whole,
    "chunked": chunked,
    "unknown size": unknown_size,
    "refused with 416": plain("416 Range Not Satisfiable"),
    "refused with 400": plain("400 Bad Request"),
    "refused with 501": plain("501 Not Implemented"),
}


@pytest.mark.parametrize("reply", WITHOUT_RANGES.values(), ids=WITHOUT_RANGES)
def test_server_without_ranges(reply: Reply) -> None:
    """It gives a stream: all of the document, and a clear error for what needs positions."""
    with CountingServer(DATA, reply) as server, opened(server) as file:
        assert not file.seekable()
        with pytest.raises(io.UnsupportedOperation):
            file.seek(0)
        with pytest.raises(io.UnsupportedOperation, match="from start to end"):
            file.pread(1, 0)
        assert file.read() == DATA


def test_empty_document() -> None:
    """A document without bytes has no range to ask for; it is read as empty."""
    with CountingServer(b"", plain("416 Range Not Satisfiable")) as server, opened(server) as file:
        assert file.read() == b""


def test_small_document() -> None:
    """A document that the first answer holds costs no second one, however it is read."""
    with CountingServer(DATA[:1000]) as server, opened(server) as file:
        file.seek(-10, os.SEEK_END)
        assert file.read() == DATA[990:1000]
        file.seek(0)
        assert file.read() == DATA[:1000]
        assert server.count == 1


def test_nothing_is_asked_beyond_the_end() -> None:
    """Once the size is known no request goes beyond it."""
    with CountingServer(DATA) as server, opened(server) as file:
        assert file.pread(100, len(DATA) + 5) == b""
        file.seek(len(DATA) - 5)
        assert file.read(100) == DATA[-5:]
        file.read_ranges([(len(DATA) - 1, len(DATA) + 100), (len(DATA) + 7, len(DATA) + 9)])
        assert all((asked.stop or 0) <= len(DATA) for asked in server.asked)


def test_closed_document() -> None:
    """After close every read is that of a closed file."""
    with CountingServer(DATA) as server:
        file = opened(server)
        file.close()
        reads: list[Callable[[], Any]] = [file.read, lambda: file.pread(1, 0), lambda: file.seek(0)]
        for read in reads:
            with pytest.raises(ValueError, match="closed"):
                read()


def test_descriptor_of_a_document() -> None:
    """Another program reads on where the file was, all of it, in one more request."""
    with CountingServer(DATA) as server, opened(server) as file:
        assert file.read(1000) == DATA[:1000]
        done = subprocess.run(["cat"], stdin=file, capture_output=True, check=True)
        assert done.stdout == DATA[1000:]
        assert server.count == 2


def test_pipe_of_a_document() -> None:
    """A document is piped from where the file was."""
    with CountingServer(DATA) as server, opened(server) as file:
        file.seek(FAR)
        file.read(5)
        left, right = os.pipe()
        there, sink = open(left, "rb"), open(right, "wb")
        with there, sink, ThreadPoolExecutor(1) as thread:
            got = thread.submit(there.read)
            assert fildes.pipe(file, sink) == len(DATA) - FAR - 5
            sink.close()
            assert got.result() == DATA[FAR + 5 :]


def test_opener_keeps_the_connections_of_documents() -> None:
    """Documents read at random leave their connections to an Opener."""
    with CountingServer(DATA[:50_000]) as server, fildes.Opener() as opener:
        for _ in range(3):
            with opener.open(server.address()) as file:
                assert file.read() == DATA[:50_000]
        assert (server.count, server.connections) == (3, 1)


@pytest.mark.parametrize("sent", ["nothing", "head"])
def test_close_wakes_a_reader(sent: str) -> None:
    """Closing ends a read in another thread, whatever it waits for."""
    asked_again = threading.Event()

    def stalling(server: CountingServer, asked: Asked) -> Sent:
        if server.count == 1:
            return ranged(server, asked)
        head = ranged(server, asked)[0].partition(b"\r\n\r\n")
        asked_again.set()
        return (head[0] + head[1] if sent == "head" else b""), False

    with CountingServer(DATA, stalling) as server, ThreadPoolExecutor(1) as thread:
        file = opened(server)
        reading = thread.submit(file.pread, 10, FAR)
        assert asked_again.wait(20)
        file.close()
        with pytest.raises(ValueError, match="closed"):
            reading.result()
