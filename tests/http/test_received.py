"""Small documents, which come whole with the head of their answer."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from counting import Asked, CountingServer, answer, ranged

import fildes
from fildes.http.received import ReceivedDocument

DATA = bytes(range(256)) * 4


@pytest.fixture
def site() -> Iterator[CountingServer]:
    with CountingServer(DATA) as server:
        yield server


def test_connection_is_free_at_once(site: CountingServer) -> None:
    """Files that are open at once share a connection if they came whole."""
    with (
        fildes.Opener() as opener,
        opener.open(site.address("/one")) as one,
        opener.open(site.address("/two")) as two,
    ):
        assert isinstance(one.description.stream, ReceivedDocument)
        assert (one.read(), two.read()) == (DATA, DATA)
    assert (site.count, site.connections) == (2, 1)


def test_random_access(site: CountingServer) -> None:
    """It is read at random as any other, without another request."""
    with fildes.open(site.address()) as file:
        assert (file.size, file.seek(-6, os.SEEK_END)) == (len(DATA), len(DATA) - 6)
        assert (file.read(), file.read()) == (DATA[-6:], b"")
        assert (file.pread(3, 100), file.pread(9, len(DATA))) == (DATA[100:103], b"")
        assert file.read_ranges([(0, 2), (1020, 2000)]) == [DATA[:2], DATA[1020:]]
        assert (file.seek(len(DATA) + 5), file.read()) == (len(DATA) + 5, b"")
    assert site.count == 1


def test_descriptor(site: CountingServer) -> None:
    """A program gets what follows the position."""
    with fildes.open(site.address()) as file:
        assert file.read(10) == DATA[:10]
        with open(os.dup(file.fileno()), "rb") as copy:
            assert copy.read() == DATA[10:]


def test_closed(site: CountingServer) -> None:
    """After it was aborted nothing is read."""
    with fildes.open(site.address(), buffering=0) as file:
        stream = file.description.stream
        assert isinstance(stream, ReceivedDocument)
        stream.abort()
        with pytest.raises(OSError, match="Bad file descriptor"):
            stream.recv_here(memoryview(bytearray(1)))


def test_excess() -> None:
    """What comes behind the document is none of it, and ends the connection."""

    def reply(server: CountingServer, asked: object) -> tuple[bytes, bool]:
        where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"
        return answer("206 Partial Content", DATA, Content_Range=where) + b"more", False

    with CountingServer(DATA, reply) as server, fildes.Opener() as opener:
        for _ in range(2):
            with opener.open(server.address()) as file:
                assert file.read() == DATA
        assert server.connections == 2


def test_document_right_behind_its_head() -> None:
    """What comes a moment after the head comes with it, or is waited for; the bytes are right."""

    def reply(server: CountingServer, asked: object) -> tuple[bytes, bool]:
        where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"
        whole = answer("206 Partial Content", DATA, Content_Range=where)
        head, blank, _ = whole.partition(b"\r\n\r\n")
        server.socks[-1].sendall(head + blank)
        return whole.removeprefix(head + blank), False

    with CountingServer(DATA, reply) as server, fildes.Opener() as opener:
        for _ in range(20):
            with opener.open(server.address()) as file:
                assert file.read() == DATA
        assert (server.count, server.connections) == (20, 1)


def test_cut_right_behind_the_head(site: CountingServer) -> None:
    """A document that is cut behind its head is asked for again as it is read."""

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        return (sent[:-9], True) if server.count == 1 else (sent, closing)

    site.reply = reply
    with fildes.open(site.address()) as file:
        assert file.read() == DATA
    assert site.count == 2
