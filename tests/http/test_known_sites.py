"""Documents of a site that is known: each read as itself, over few connections."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import ClassVar

import pytest
from counting import Asked, CountingServer, Reply, answer, ranged, whole
from known import DATA, in_chunks, known, of_its_own, read

import fildes
from fildes.files.here import HereStream
from fildes.http import again
from fildes.http.again import MAX_SHAPES, Exchange, Site
from fildes.http.connection import Connection
from fildes.http.pool import Pool
from fildes.http.received import Rest
from fildes.opener import MAX_SITES
from fildes.streams.kernel import SocketStream
from fildes.wire.http1_body import LAST_CHUNK


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_many_documents(site: CountingServer, opener: fildes.Opener) -> None:
    """However many documents and answers there are, little is kept."""
    known(opener, site)
    site.reply = of_its_own
    for number in range(300):
        assert read(opener, site.address(f"/{number}")) == f"/{number}".encode()
    (only,) = opener.sites.values()
    assert (len(only.shapes), site.connections) == (1, 1)


def test_many_shapes(site: CountingServer, opener: fildes.Opener) -> None:
    """A server that answers otherwise each time is understood each time."""

    def another(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        return sent.replace(b"ETag", f"ETag-{server.count}".encode()), closing

    site.reply = another
    for _ in range(MAX_SHAPES + 4):
        assert read(opener, site.address()) == DATA
    (only,) = opener.sites.values()
    assert len(only.shapes) == MAX_SHAPES


def test_many_sites(opener: fildes.Opener) -> None:
    """However many sites there are, few are kept."""
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(CountingServer(DATA))
        known(opener, first)
        (place,) = opener.sites
        opener.sites.update(
            {f"http://{number}": opener.sites[place] for number in range(MAX_SITES)}
        )
        del opener.sites[place]
        known(opener, first)
        assert [*opener.sites] == [place]


def test_document_behind_its_head(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that comes right behind its head costs no other way."""
    address = known(opener, site)

    def apart(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        server.socks[-1].sendall(sent[:-1000])
        return sent[-1000:], closing

    site.reply = apart
    assert [read(opener, address) for _ in range(9)] == [DATA] * 9
    assert site.connections == 1


def test_last_chunk_behind(site: CountingServer, opener: fildes.Opener) -> None:
    """A document whose last chunk comes by itself is as one that comes in one piece."""

    def apart(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = in_chunks(server, asked)
        server.socks[-1].sendall(sent.removesuffix(LAST_CHUNK))
        return LAST_CHUNK, closing

    site.reply = apart
    for _ in range(9):
        assert read(opener, site.address()) == DATA
    site.reply = in_chunks
    with opener.open(site.address()) as file:
        assert isinstance(file, HereStream)
        assert (file.read(), file.trailers, file.size) == (DATA, None, None)
    assert site.connections == 1


@pytest.mark.parametrize("opens", [True, False])
def test_trickling(opens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that comes little by little is waited for a moment, and then read as it comes."""
    now = 0.0
    monkeypatch.setattr(again, "monotonic", lambda: now)
    exchange = Exchange(
        Site("http", b"", "key", asking=False), "", b"", Connection(Rest(io.BytesIO()), ""), 0
    )
    assert exchange.patience() == again.MAX_LATE
    now = again.MAX_LATE / 2 if opens else again.MAX_LATE * 2
    assert (exchange.patience() > 0) == opens


def test_cut_behind_its_head(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that is cut is asked for again, and one that stays cut is an error."""
    address = known(opener, site)
    asked = site.count

    def cut(server: CountingServer, each: Asked) -> tuple[bytes, bool]:
        sent, _ = ranged(server, each)
        return sent[:-9], True

    site.reply = lambda server, each: (cut if server.count == asked + 1 else ranged)(server, each)
    assert read(opener, address) == DATA
    with fildes.Opener(http={"resume": False}) as strict:
        site.reply = ranged
        address = known(strict, site)
        site.reply = cut
        with pytest.raises(fildes.IncompleteError):
            read(strict, address)


def test_jar(site: CountingServer) -> None:
    """Cookies that an answer sets go with the next request, to whatever document."""
    with fildes.Opener(http={"cookies": CookieJar()}) as opener:
        read(opener, site.address("/a"))
        site.reply = lambda server, asked: (
            ranged(server, asked)[0].replace(b"ETag", b"Set-Cookie: a=b; Path=/\r\nETag"),
            False,
        )
        read(opener, site.address("/b"))
        read(opener, site.address("/c"))
    assert [b"\r\nCookie: a=b" in asked.head for asked in site.asked] == [False, False, True]


def test_user_of_the_address(site: CountingServer, opener: fildes.Opener) -> None:
    """Who is somebody at a site is nobody where no user is named."""
    known(opener, site)
    named = site.address("/a").replace("://", "://user@")
    assert read(opener, named) == read(opener, site.address("/a")) == DATA
    heads = [asked.head for asked in site.asked[-2:]]
    assert [b"Authorization" in head for head in heads] == [True, False]


def test_threads(site: CountingServer, opener: fildes.Opener) -> None:
    """Threads that share an Opener get each its own document."""
    known(opener, site)
    site.reply = of_its_own
    got: dict[str, bytes] = {}

    def work(name: str) -> None:
        for number in range(20):
            target = f"/{name}{number}"
            got[target] = read(opener, site.address(target))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {target: target.encode() for target in got}
    assert len(got) == 80


def test_after_fork(site: CountingServer, opener: fildes.Opener) -> None:
    """A child process asks over a connection of its own."""
    address = known(opener, site)
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os._exit(0 if read(opener, address) == DATA else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert read(opener, address) == DATA
    assert [asked.connection for asked in site.asked] == [0, 0, 1, 0]


def test_in_order(site: CountingServer) -> None:
    """Documents that are asked for whole have no positions, however they came."""
    with fildes.Opener(http={"hint": "sequential"}) as opener:
        for _ in range(3):
            with opener.open(site.address()) as file:
                assert (file.seekable(), file.read()) == (False, DATA)
        assert isinstance(file, HereStream)
    assert [asked.start for asked in site.asked] == [None, None, None]


def test_with_and_without_ranges(site: CountingServer, opener: fildes.Opener) -> None:
    """What a server gives parts of has positions, whatever it does for the next document."""
    for number in range(9):
        site.reply = (ranged, whole)[number % 2]
        with opener.open(site.address()) as file:
            assert (file.seekable(), file.read()) == (not number % 2, DATA)
    (only,) = opener.sites.values()
    assert len(only.shapes) == 2


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 70000])
@pytest.mark.parametrize("reply", [ranged, whole, in_chunks])
def test_sizes(site: CountingServer, opener: fildes.Opener, size: int, reply: Reply) -> None:
    """Documents of any size are whole, and small ones in between do not change that."""
    site.reply = reply
    for _ in range(2):
        read(opener, site.address())
    site.data = bytes(size)
    for _ in range(2):
        assert read(opener, site.address()) == bytes(size)
    site.data = DATA
    assert read(opener, site.address()) == DATA


class Layered(SocketStream):
    """A stream that receives all of an answer at once, and gives it out in pieces."""

    pieces: ClassVar[list[bytes | None]] = []

    def try_recv_into(self, buffer: memoryview) -> int | None:
        piece = self.pieces.pop(0)
        if piece is None:
            return None
        with contextlib.suppress(BlockingIOError):
            self.sock.recv(1, socket.MSG_DONTWAIT)
        buffer[: len(piece)] = piece
        return len(piece)


def test_document_that_a_layer_has_already(pair: tuple[socket.socket, socket.socket]) -> None:
    """What a layer has received with the head is not waited for."""
    ours, theirs = pair
    head = answer("200 OK", b"document").removesuffix(b"document")
    site = Site("http", b"", "key", asking=False)
    site.learn(head)
    pool = Pool()
    pool.give(Connection(Layered(ours), "key"))
    Layered.pieces = [None, head, b"document"]  # at first nothing, or it would not be used
    theirs.send(b"x")
    exchange = site.exchange("http://h/", "/", pool, 1.0)
    assert exchange is not None
    assert exchange.here is not None
    assert exchange.here.read() == b"document"
