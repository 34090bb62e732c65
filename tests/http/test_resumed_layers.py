"""Documents that are cut again and again, read through whatever lies above them."""

from __future__ import annotations

import gzip
import io
import os
import random
import socket
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import commands
import pytest
import tars
import zips
from counting import Asked, CountingServer, Reply
from downloads import Sent, part
from loops import LOOPS, RunLoop
from ways import WAYS, Way

import fildes
from fildes import aio

CUTS = 200

#: Without structure, so that no byte is like its neighbour, nor smaller when compressed.
NOISE = random.Random(11).randbytes(300_000)
TEXT = "".join(random.Random(12).choices("aé☃\n", k=130_000))

#: Reads a document; the whole of it has to be the second part of the pair.
Reader = Callable[[str], bytes]


class Cutting:
    """Cuts every answer somewhere, in more places than `CUTS`; the seed says where."""

    def __init__(self, seed: int, size: int, *, chunked: bool = False) -> None:
        self.places = random.Random(seed)
        self.most = size // CUTS
        self.chunked = chunked

    def __call__(self, server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        size = self.places.randint(0, self.most)
        sent = body[:size]
        if self.chunked:
            head = head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length")
            sent = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            sent = (sent + b"0\r\n\r\n")[: size + 7] if len(body) <= size else sent[: size + 7]
        return head + b"\r\n\r\n" + sent, len(body) > size


def reset(sock: socket.socket) -> None:
    """End a connection as a server that is killed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def text(address: str) -> bytes:
    with fildes.open(address, "rt", encoding="utf-8") as file:
        data: str = file.read()
    return data.encode()


def plain(address: str) -> bytes:
    with fildes.open(address, http={"hint": "sequential"}) as file:
        data: bytes = file.read()
    return data


def at_random(address: str) -> bytes:
    with fildes.open(address) as file:
        data: bytes = file.read()
    return data


def cat(source: Any) -> bytes:
    done = subprocess.run(["cat"], stdin=source, stdout=subprocess.PIPE, check=True)
    return bytes(done.stdout)


def through_descriptor(address: str) -> bytes:
    with fildes.open(address) as file:
        return cat(file)


def through_pipe(address: str) -> bytes:
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as reader, Path("got").open("wb") as got:
        with os.fdopen(sink, "wb") as writer, fildes.open(address) as file:
            child = subprocess.Popen(["cat"], stdin=reader, stdout=got)
            fildes.pipe(file, writer)
        assert child.wait(commands.LIMIT) == 0
    return Path("got").read_bytes()


def by_cat(address: str) -> bytes:
    done = commands.run("cat", address)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def by_get(address: str) -> bytes:
    done = commands.run("get", "-o", "got", address)
    assert (done.returncode, done.stderr) == (0, b"")
    return Path("got").read_bytes()


def by_relay(address: str) -> bytes:
    done = commands.run("relay", "-u", address, "-", stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def zipped(method: int) -> bytes:
    return zips.archive({"first": b"1" * 500, "noise": NOISE, "last": b"2" * 500}, method)


#: What is read and how, the document on the server, and what has to come out.
CASES: dict[str, tuple[Reader, bytes, bytes]] = {
    "plain": (plain, NOISE, NOISE),
    "at random": (at_random, NOISE, NOISE),
    "text": (text, TEXT.encode(), TEXT.encode()),
    "gzip": (lambda at: at_random(f"gzip::{at}"), gzip.compress(NOISE), NOISE),
    "tar": (
        lambda at: at_random(f"tar://noise::{at}"),
        tars.archive({"first": b"1" * 500, "noise": NOISE, "last": b""}),
        NOISE,
    ),
    "tar.gz": (
        lambda at: at_random(f"tar://noise::gzip::{at}"),
        gzip.compress(tars.archive({"noise": NOISE})),
        NOISE,
    ),
    "zip": (lambda at: at_random(f"zip://noise::{at}"), zipped(zipfile.ZIP_DEFLATED), NOISE),
    "zip, stored": (
        lambda at: at_random(f"zip://noise::{at}"),
        zipped(zipfile.ZIP_STORED),
        NOISE,
    ),
    "descriptor": (through_descriptor, NOISE, NOISE),
    "descriptor of gzip": (
        lambda at: through_descriptor(f"gzip::{at}"),
        gzip.compress(NOISE),
        NOISE,
    ),
    "pipe": (through_pipe, NOISE, NOISE),
    "fildes cat": (by_cat, NOISE, NOISE),
    "fildes cat gzip": (lambda at: by_cat(f"gzip::{at}"), gzip.compress(NOISE), NOISE),
    "fildes get": (by_get, NOISE, NOISE),
    "fildes relay": (by_relay, NOISE, NOISE),
}


@pytest.fixture(params=["fin", "rst"])
def server(request: pytest.FixtureRequest) -> Iterator[CountingServer]:
    """Return a server that ends the connections which it cuts, in order or by a reset."""
    with CountingServer(b"") as site:
        if request.param == "rst":
            site.end = reset
        yield site


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of our own, and try again at once: in this process only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fildes.http.resuming.delay_before", lambda attempt, error: 0.0)
    monkeypatch.setattr("fildes.http.ranged.delay_before", lambda attempt, error: 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_two_hundred_cuts(server: CountingServer, case: tuple[Reader, bytes, bytes]) -> None:
    """Wherever a document is cut, and however often, what is read is the document."""
    reader, server.data, wanted = case
    server.reply = Cutting(3, len(server.data))
    assert reader(server.address()) == wanted
    assert server.count > CUTS


@pytest.mark.slow
def test_chunked(server: CountingServer) -> None:
    """So is a document of which the server does not know the size."""
    server.data = NOISE
    server.reply = Cutting(4, len(NOISE), chunked=True)
    assert plain(server.address()) == NOISE
    assert server.count > CUTS


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(server: CountingServer, loop: RunLoop) -> None:
    """Under asyncio and trio, below a decoder and by a descriptor."""

    async def read(address: str) -> bytes:
        async with aio.open(f"gzip::{address}") as file:
            data: bytes = await file.read()
        return data

    async def by_descriptor(address: str) -> bytes:
        async with aio.open(address, http={"hint": "sequential"}) as file:
            return cat(file.fileno())

    server.data = gzip.compress(NOISE)
    server.reply = Cutting(5, len(server.data))
    assert loop(read(server.address())) == NOISE
    assert loop(by_descriptor(server.address())) == server.data


def once(size: int, after: Reply = part) -> Reply:
    """Return the reply that cuts the first answer to the whole, and is *after* then."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        if server.count > 1:
            return after(server, asked)
        return head + b"\r\n\r\n" + body[:size], len(body) > size

    return reply


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("size", [1, 10, 1000, 2999])
def test_every_way_below_a_decoder(way: Way, size: int) -> None:
    """However decompressed data is read, the document below goes on where it was cut."""
    got = bytearray()
    data = gzip.compress(NOISE[:3000])
    with CountingServer(data, once(size)) as server:
        with fildes.open(f"gzip::{server.address()}") as file:
            way(file, got)
        assert [asked.start for asked in server.asked] == [None, size]
    assert got == NOISE[:3000]


@pytest.mark.slow
def test_every_cut_of_a_chunked_body() -> None:
    """Cut at each byte of its framing, a chunked body is whole or goes on, and never ends short."""
    body = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "v1"\r\n\r\n'
    for size in range(len(body)):

        def reply(server: CountingServer, asked: Asked, size: int = size) -> Sent:
            if server.count > 1:
                return part(server, asked)
            return head + body[:size], True

        with CountingServer(b"hello world", reply) as server:
            assert plain(server.address()) == b"hello world"
            assert server.count == 2


def test_archive_with_positions() -> None:
    """An archive in an archive is received whole, over all cuts."""
    inner = zips.archive({"noise": NOISE[:5000]})
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner)
    with CountingServer(outer.getvalue()) as server:
        server.reply = Cutting(6, 500_000)
        assert at_random(f"zip://noise::zip://inner.zip::{server.address()}") == NOISE[:5000]
