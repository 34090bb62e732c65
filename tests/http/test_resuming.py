"""Answers that are cut, and servers in trouble: the document is read nevertheless."""

from __future__ import annotations

import pytest
from counting import Asked, CountingServer, Reply, answer, ranged

import fildes

DATA = bytes(number * 11 % 256 for number in range(400_000))

Sent = tuple[bytes, bool]


def cutting(size: int) -> Reply:
    """Return the reply that sends the head of an answer and so many bytes of it."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        sent, _ = ranged(server, asked)
        head, _, body = sent.partition(b"\r\n\r\n")
        whole = len(body) <= size
        return head + b"\r\n\r\n" + body[:size], not whole

    return reply


def failing(*replies: Reply) -> Reply:
    """Return the reply that is each of *replies* once, after a sound first one."""

    def reply(server: CountingServer, asked: Asked) -> Sent:
        number = server.count - 2
        return (replies[number] if 0 <= number < len(replies) else ranged)(server, asked)

    return reply


@pytest.mark.slow
def test_two_hundred_cuts() -> None:
    """A body that is cut again and again is resumed each time to the right bytes."""
    with CountingServer(DATA, cutting(1999)) as server, fildes.open(server.address()) as file:
        assert file.read() == DATA
        assert server.count > 200


@pytest.mark.parametrize("size", [0, 1, 50, 65_535])
def test_cut_anywhere(size: int) -> None:
    """Wherever an answer is cut, the rest is asked for and nothing twice."""
    with CountingServer(DATA, failing(cutting(size))) as server:
        with fildes.open(server.address()) as file:
            file.seek(200_000)
            assert file.read(100_000) == DATA[200_000:300_000]
        assert server.count <= 5


def refusing(status: str, **fields: str) -> Reply:
    return lambda server, asked: (answer(status, b"", **fields), False)


def hanging_up(server: CountingServer, asked: Asked) -> Sent:
    return b"", True


PASSING = {
    "503": refusing("503 Service Unavailable", Retry_After="0"),
    "429": refusing("429 Too Many Requests", Retry_After="0"),
    "500": refusing("500 Internal Server Error", Retry_After="0"),
    "hanging up": hanging_up,
}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING)
def test_trouble_that_passes(reply: Reply) -> None:
    """A server that is in trouble for a moment is asked again."""
    with CountingServer(DATA, failing(reply)) as server, fildes.open(server.address()) as file:
        assert file.pread(10, 300_000) == DATA[300_000:300_010]


def test_trouble_that_stays() -> None:
    """A server that stays in trouble is asked a few times, then its error is raised."""
    busy = refusing("503 Service Unavailable", Retry_After="0")
    reply = failing(*[busy] * 100)
    with CountingServer(DATA, reply) as server, fildes.open(server.address()) as file:
        with pytest.raises(OSError, match="503"):
            file.pread(10, 300_000)
        assert server.count == 7
        assert file.pread(10, 0) == DATA[:10]


def test_change_while_resuming() -> None:
    """A document that was changed between the cut and the rest is stale, not continued."""

    def changed(server: CountingServer, asked: Asked) -> Sent:
        server.etag = '"other"'
        return ranged(server, asked)

    reply = failing(cutting(100), changed)
    with CountingServer(DATA, reply) as server, fildes.open(server.address()) as file:
        file.seek(200_000)
        with pytest.raises(OSError, match="changed"):
            file.read(100_000)


def test_moved_document_is_asked_for_where_it_moved() -> None:
    """Ranges go to where redirects led, without being redirected again."""
    with CountingServer(DATA) as there:

        def moved(server: CountingServer, asked: Asked) -> Sent:
            return answer("302 Found", Location=there.address()), False

        with CountingServer(DATA, moved) as server, fildes.open(server.address()) as file:
            assert file.pread(10, 300_000) == DATA[300_000:300_010]
            assert (server.count, there.count) == (1, 2)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
def test_way_that_expired_is_asked_for_again(status: str) -> None:
    """Where a redirect led to for a while only, the address that was opened leads again."""

    def expiring(server: CountingServer, asked: Asked) -> Sent:
        return ranged(server, asked) if server.count != 2 else (answer(status), False)

    with CountingServer(DATA, expiring) as there:

        def moved(server: CountingServer, asked: Asked) -> Sent:
            return answer("302 Found", Location=there.address()), False

        with CountingServer(DATA, moved) as server, fildes.open(server.address()) as file:
            assert file.pread(10, 300_000) == DATA[300_000:300_010]
            assert (server.count, there.count) == (2, 3)


def test_memory_is_bounded() -> None:
    """However much is read at random, only so much is kept."""
    size = 200 << 20

    class Zeros:
        """A large document that is nowhere."""

        def __len__(self) -> int:
            return size

        def __getitem__(self, part: slice) -> bytes:
            return bytes(part.stop - part.start)

    with CountingServer(Zeros()) as server, fildes.open(server.address()) as file:  # type: ignore[arg-type]  # as far as used
        stream = file.description.stream
        for number in range(40):
            file.pread(1 << 20, number * 1_000_003 * 5 % (size - (1 << 20)))
            assert stream.extents.stored <= 34 << 20  # type: ignore[attr-defined]  # of RangedStream
