"""Documents of which no more comes: the rest is asked for again, as if they had been cut."""

from __future__ import annotations

import errno
import gzip
from pathlib import Path
from typing import Any

import pytest
from counting import CountingServer
from downloads import DATA
from loops import LOOPS, RunLoop
from stalling import LIMIT, Stalling
from ways import WAYS, Way

import fildes
import fildes.aio
from fildes.http.retrying import MAX_STALLS

IN_ORDER, AT_RANDOM = {"hint": "sequential"}, {"hint": "random"}

#: How much comes of an answer that stalls: some of the body, none of it, not even the head.
SIZES = pytest.mark.parametrize("size", [1000, 0, None])


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    for module in ("resuming", "ranged"):
        monkeypatch.setattr(f"fildes.http.{module}.delay_before", lambda attempt, error: 0.0)


def stalling(monkeypatch: pytest.MonkeyPatch, stalls: range, size: int | None) -> Stalling:
    reply = Stalling(stalls, size)
    reply.patch(monkeypatch)
    return reply


def opened(server: CountingServer, http: dict[str, Any]) -> Any:
    return fildes.open(server.address(), http=http, idle_timeout=LIMIT)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("http", [IN_ORDER, AT_RANDOM], ids=["order", "random"])
def test_every_way_goes_on(monkeypatch: pytest.MonkeyPatch, http: dict[str, Any], way: Way) -> None:
    """However a document is read, one that stalls is asked for again, and nothing is lost."""
    reply = stalling(monkeypatch, range(2, 3) if http is AT_RANDOM else range(1, 3), 1000)
    got, data = bytearray(), DATA[:70_000]
    with CountingServer(data, reply) as server, opened(server, http) as file:
        way(file, got)
    assert got == data
    assert reply.count == len(reply.stalls)


@SIZES
def test_answer_that_stalls_again(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    """What is asked for again may stall too, in its body or before its head."""
    reply = stalling(monkeypatch, range(2, 4), size)
    with CountingServer(DATA, reply) as server, opened(server, AT_RANDOM) as file:
        assert file.pread(5000, 200_000) == DATA[200_000:205_000]
        assert (server.count, reply.count) == (4, 2)


@SIZES
def test_rest_that_stalls(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    """The rest of a document read in order may stall too, in its body or before its head."""
    cut = stalling(monkeypatch, range(2, 3), size)

    def reply(server: CountingServer, asked: Any) -> Any:
        if server.count == 1:
            return cut(server, asked)[0][:-100_000], True
        return cut(server, asked)

    with CountingServer(DATA, reply) as server, opened(server, IN_ORDER) as file:
        assert file.read() == DATA
        assert (server.count, cut.count) == (3, 1)


def test_stalls_end_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document read in order that stalls again and again is an error, with what had come."""
    reply = stalling(monkeypatch, range(1, 99), 0)
    with CountingServer(DATA, reply) as server, opened(server, IN_ORDER) as file:
        with pytest.raises(TimeoutError, match=f"no byte for 20 s after 0 of {len(DATA)} bytes"):
            file.read()
        assert server.count == 1 + MAX_STALLS


def test_stalls_end_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document read at random that stalls again and again is an error."""
    reply = stalling(monkeypatch, range(2, 99), 0)
    with CountingServer(DATA, reply) as server, opened(server, AT_RANDOM) as file:
        with pytest.raises(TimeoutError, match="no byte for 20 s") as caught:
            file.pread(5000, 200_000)
        assert caught.value.errno == errno.ETIMEDOUT
        assert server.count == 2 + MAX_STALLS


@pytest.mark.parametrize(("etag", "resume"), [("", True), ('"v1"', False)])
def test_stall_that_must_not_be_resumed(
    monkeypatch: pytest.MonkeyPatch, etag: str, resume: bool
) -> None:
    """Without a validator, or where resuming is switched off, a stall is an error at once."""
    reply = stalling(monkeypatch, range(1, 2), 1000)
    http = {**IN_ORDER, "resume": resume}
    with CountingServer(DATA, reply, etag) as server, opened(server, http) as file:
        with pytest.raises(TimeoutError, match="no byte for 20 s"):
            file.read()
        assert server.count == 1


@pytest.mark.parametrize("http", [IN_ORDER, AT_RANDOM], ids=["order", "random"])
@pytest.mark.parametrize("loop", LOOPS)
def test_stall_in_an_event_loop(
    monkeypatch: pytest.MonkeyPatch, loop: RunLoop, http: dict[str, Any]
) -> None:
    """An asynchronous file goes on after a stall, too."""
    reply = stalling(monkeypatch, range(2, 3) if http is AT_RANDOM else range(1, 3), 1000)
    with CountingServer(DATA, reply) as server:

        async def main() -> bytes:
            address = server.address()
            async with fildes.aio.open(address, http=http, idle_timeout=LIMIT) as file:
                data: bytes = await file.read()
            return data

        assert loop(main()) == DATA
        assert reply.count == len(reply.stalls)


def test_stall_under_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decoded goes on after a stall of what it is decoded from."""
    reply = stalling(monkeypatch, range(1, 3), 1000)
    with CountingServer(gzip.compress(DATA, 1), reply) as server:
        assert len(server.data) > 2000
        with fildes.open(f"gzip::{server.address()}", idle_timeout=LIMIT) as file:
            assert file.read() == DATA
        assert reply.count == 2


def test_stall_of_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is piped goes on after a stall of its source."""
    reply = stalling(monkeypatch, range(1, 3), 1000)
    with (
        CountingServer(DATA, reply) as server,
        opened(server, IN_ORDER) as file,
        fildes.open(tmp_path / "copy", "wb") as sink,
    ):
        assert fildes.pipe(file, sink, idle_timeout=LIMIT) == len(DATA)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_ranges_in_turn_that_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges that are asked for together go on after a stall of one of them."""
    reply = stalling(monkeypatch, range(3, 4), 100)
    ranges = [(start, start + 500) for start in (100_000, 290_000, 200_000)]
    with CountingServer(DATA, reply) as server, opened(server, AT_RANDOM) as file:
        assert file.read_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]
        assert reply.count == 1
