"""`fildes get -x`: one file over several connections at once."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from commands import LIMIT, RunMain, fildes, run_on_terminal
from counting import Asked, CountingServer, answer, parse, whole
from downloads import RECORD, Sent, folder, no_delay, part
from peers import Conversation, Script, StartPeer

from fildes.cli.ledger import ENDLESS, LEAST, Ledger
from fildes.cli.partial import Version
from fildes.cli.parting import Sources

__all__ = ["fildes", "folder", "no_delay"]

pytestmark = pytest.mark.usefixtures("folder", "no_delay")

DATA = os.urandom(1 << 20) * 12
DIGEST = hashlib.sha256(DATA).hexdigest()


def together(data: bytes, count: int, etag: str = '"v1"') -> Script:
    """Return a script that sends the most of a range only when so many are being sent."""
    all_there = threading.Event()
    numbers = itertools.count(1)

    def answer_one(talk: Conversation) -> None:
        asked = parse(0, talk.recv_until(b"\r\n\r\n"))
        start, stop = asked.start or 0, asked.stop or len(data)
        tag = f"ETag: {etag}\r\n" if etag else ""
        talk.send(
            f"HTTP/1.1 206 OK\r\nContent-Range: bytes {start}-{stop - 1}/{len(data)}\r\n"
            f"Content-Length: {stop - start}\r\n{tag}Connection: close\r\n\r\n".encode()
        )
        talk.send(data[start : start + 1000])
        if next(numbers) >= count:
            all_there.set()
        assert all_there.wait(LIMIT)
        talk.send(data[start + 1000 : stop])

    return answer_one


@pytest.mark.parametrize("count", [2, 3, 4])
def test_connections_share_a_file(fildes: RunMain, peer: StartPeer, count: int) -> None:
    """So many connections are busy at the same time, and the file is right."""
    server = peer(together(DATA, count), repeat=True)
    argv = ["get", "-x", str(count), "--sha256", DIGEST]
    assert fildes(*argv, server.address("http", "/document")) == (0, "", "")
    assert os.listdir() == ["document"]
    assert Path("document").read_bytes() == DATA


def test_small_file_takes_one(fildes: RunMain) -> None:
    """What is too small to share is received by one request."""
    with CountingServer(DATA[: 2 * LEAST - 1], part) as server:
        assert fildes("get", "-x", "8", server.address()).status == 0
        assert server.count == 1
    assert Path("document").read_bytes() == DATA[: 2 * LEAST - 1]


def test_server_without_ranges(fildes: RunMain) -> None:
    """One that sends the whole is listened to, over one connection."""
    with CountingServer(DATA, whole) as server:
        assert fildes("get", "-x", "4", server.address()) == (0, "", "")
        assert server.count == 1
    assert Path("document").read_bytes() == DATA


@pytest.mark.parametrize("status", ["400 Bad Request", "416 Bad Range", "501 Not Implemented"])
def test_server_that_refuses_ranges(fildes: RunMain, status: str) -> None:
    """One that refuses a range is asked again without."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        return part(server, asked) if asked.start is None else (answer(status), False)

    with CountingServer(DATA, reply) as server:
        assert fildes("get", "-x", "4", server.address()) == (0, "", "")
        assert server.count == 2
    assert Path("document").read_bytes() == DATA


def test_server_that_allows_few(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where further connections are refused, the others do the work."""
    genuine = Sources.open_part

    def open_part(self: Sources, number: int, start: int, stop: int, version: Version) -> Any:
        if number > 1:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "two are enough")
        return genuine(self, number, start, stop, version)

    monkeypatch.setattr(Sources, "open_part", open_part)
    with CountingServer(DATA, part) as server:
        assert fildes("get", "-x", "6", server.address()) == (0, "", "")
    assert Path("document").read_bytes() == DATA


def test_cut_connections(fildes: RunMain) -> None:
    """Connections that are cut are followed by others, wherever it happens."""

    def crumbs(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:700_001], len(body) > 700_001

    with CountingServer(DATA, crumbs) as server:
        assert fildes("get", "-x", "3", server.address()) == (0, "", "")
    assert Path("document").read_bytes() == DATA


def test_document_that_changes(fildes: RunMain) -> None:
    """Parts of two versions never meet in one file."""

    def changing(server: CountingServer, asked: Asked) -> Sent:
        if server.count > 1:
            server.etag = '"v2"'
        return part(server, asked)

    with CountingServer(DATA, changing) as server:
        done = fildes("get", "-x", "2", server.address())
    assert done.status == 22
    assert "the document has changed on the server" in done.err
    assert os.listdir() == []


def test_what_is_missing_is_kept_in_mind(fildes: RunMain) -> None:
    """With -c too, whichever parts had come are not asked for again."""

    def broken(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        first_two = server.asked.index(asked) < 2
        return (head + b"\r\n\r\n" + body[: 1 << 20] if first_two else b""), True

    with CountingServer(DATA, broken) as server:
        assert fildes("get", "-c", "-x", "2", server.address()).status == 18
        missing = json.loads(Path(RECORD).read_text())["missing"]
        left = sum(stop - start for start, stop in missing)
        assert left == len(DATA) - (2 << 20)
        server.reply = part
        server.asked.clear()
        assert fildes("get", "-c", "-x", "2", server.address()).status == 0
        starts = [each.start for each in server.asked]
        assert 0 not in starts
        assert {start for start, _ in missing} <= set(starts)
    assert os.listdir() == ["document"]
    assert Path("document").read_bytes() == DATA


def test_mirrors_share_the_work(fildes: RunMain, peer: StartPeer) -> None:
    """Parts come from mirrors whose strong tag and size are the same."""
    script = together(DATA, 2)
    servers = [peer(script, repeat=True) for _ in range(2)]
    first, second = (server.address("http", "/document") for server in servers)
    assert fildes("get", "-x", "2", "--mirror", second, first) == (0, "", "")
    assert all(server.conversations for server in servers)
    assert Path("document").read_bytes() == DATA


@pytest.mark.parametrize("etag", ['"v2"', 'W/"v1"', ""])
def test_mirror_of_another_version(fildes: RunMain, etag: str) -> None:
    """A mirror without the same strong tag is asked, but nothing of it is taken."""
    wrong = bytes(len(DATA))
    with CountingServer(DATA, part) as server, CountingServer(wrong, part, etag=etag) as mirror:
        argv = ["get", "-x", "2", "--mirror", mirror.address(), server.address()]
        assert fildes(*argv) == (0, "", "")
    assert Path("document").read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA, bytes(len(DATA))], ids=["good", "bad"])
def test_digest_stands_for_tags(fildes: RunMain, peer: StartPeer, data: bytes) -> None:
    """With --sha256 mirrors need no tags; one that has other bytes is found out."""
    good = peer(together(DATA, 1, etag=""), repeat=True)
    mirror = peer(together(data, 1, etag=""), repeat=True)
    first, second = (server.address("http", "/document") for server in (good, mirror))
    done = fildes("get", "-x", "2", "--sha256", DIGEST, "--mirror", second, first)
    assert done.status == 0 if data == DATA else 8
    assert os.listdir() == (["document"] if data == DATA else [])


def test_no_room(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is too small is an error before anything is received."""

    def full(sink: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with CountingServer(DATA, part) as server:
        done = fildes("get", "-x", "2", server.address())
    assert (done.status, os.listdir()) == (23, [])


@pytest.mark.parametrize("count", ["0", "-1", "17"])
def test_number_of_connections(fildes: RunMain, count: str) -> None:
    """A few is what a server bears."""
    done = fildes("get", "-x", count, "http://localhost:1/x")
    assert (done.status, "-x takes a number" in done.err) == (2, True)


@pytest.mark.slow
def test_progress_is_that_of_the_whole() -> None:
    """A terminal sees one line for the file, however many connections bring it."""
    with CountingServer(DATA, part) as server:
        status, shown = run_on_terminal("get", "-x", "3", server.address())
    assert status == 0
    assert b"100%" in shown
    assert b"12 MiB of 12 MiB" in shown


def test_ledger_divides_what_is_left() -> None:
    """Who comes takes a free range, the largest first, or else half of the largest share."""
    ledger = Ledger([(0, 5), (10, 10 + 8 * LEAST)])
    first = ledger.take()
    assert first is not None
    assert (first.position, first.stop) == (10, 10 + 8 * LEAST)
    assert ledger.take() is not None  # the small one
    first.position += 2 * LEAST
    third = ledger.take()
    assert third is not None
    assert (first.stop, third.position, third.stop) == (
        10 + 5 * LEAST, 10 + 5 * LEAST, 10 + 8 * LEAST
    )  # fmt: skip
    ledger.give_back(third)
    assert ledger.missing() == [(0, 5), (10 + 2 * LEAST, 10 + 8 * LEAST)]


def test_ledger_divides_nothing_without_an_end() -> None:
    """What has no known end is one share, and a little is not worth a request."""
    for ledger in (Ledger([(0, ENDLESS)]), Ledger([(0, 2 * LEAST - 1)])):
        assert ledger.take() is not None
        assert ledger.take() is None
