"""Documents that are read in order, and are cut: what is missing is asked for."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from commands import RunMain
from commands import fildes as command
from counting import Asked, CountingServer, Reply, answer, bounds, whole
from downloads import DATA, OTHER, Sent, folder, part
from loops import LOOPS, RunLoop
from ways import WAYS, Way

import fildes
from fildes import aio

__all__ = ["command", "folder"]

IN_ORDER = {"hint": "sequential"}


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr("fildes.http.resuming.delay_before", lambda attempt, error: 0.0)


def cutting(size: int) -> Reply:
    """Return the reply that sends so many bytes of each answer, and ends."""

    def cut(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:size], len(body) > size

    return cut


def then(later: Reply) -> Reply:
    """Return the reply that cuts the first answer, and then is *later*."""
    return lambda server, asked: (cutting(1000) if server.count == 1 else later)(server, asked)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_goes_on(way: Way) -> None:
    """However it is read, each cut is followed by a request for the rest, and nothing is lost."""
    got = bytearray()
    with CountingServer(DATA[:3000], cutting(1000)) as server:
        with fildes.open(server.address(), http=IN_ORDER) as file:
            way(file, got)
        assert [asked.start for asked in server.asked] == [None, 1000, 2000]
    assert got == DATA[:3000]


@pytest.mark.slow
def test_two_hundred_cuts() -> None:
    """A document that is cut again and again is read whole."""
    with (
        CountingServer(DATA, cutting(1499)) as server,
        fildes.open(server.address(), http=IN_ORDER) as file,
    ):
        assert file.read() == DATA
        assert server.count > 200


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous(loop: RunLoop) -> None:
    """Under asyncio and trio too."""

    async def read(server: CountingServer) -> bytes:
        async with aio.open(server.address(), http=IN_ORDER) as file:
            data: bytes = await file.read()
        return data

    with CountingServer(DATA, cutting(100_000)) as server:
        assert loop(read(server)) == DATA


def test_text() -> None:
    """Text is read in order, and goes on in the middle of a character."""
    text = "é" * 5000
    with (
        CountingServer(text.encode(), cutting(2001)) as server,
        fildes.open(server.address(), "rt", encoding="utf-8") as file,
    ):
        assert file.read() == text


def failure(reply: Reply) -> OSError:
    """Return the error of reading a document whose first answer is cut."""
    with CountingServer(DATA, then(reply)) as server:
        try:
            with fildes.open(server.address(), http=IN_ORDER) as file:
                file.read()
        except OSError as error:
            return error
    raise AssertionError("nothing failed")


NOT_TO_BE_HAD: dict[str, Reply] = {
    "whole again": whole,
    "refused": lambda server, asked: (answer("404 Not Found"), False),
    "always busy": lambda server, asked: (answer("503 Busy"), True),
    "hanging up": lambda server, asked: (b"", True),
}


@pytest.mark.parametrize("reply", NOT_TO_BE_HAD.values(), ids=NOT_TO_BE_HAD)
def test_cut_is_the_error(reply: Reply) -> None:
    """Where the rest cannot be had, what is told is that the document was cut."""
    error = failure(reply)
    assert isinstance(error, fildes.IncompleteError)
    assert "ended after 1000 of 300000 bytes" in str(error)


def test_changed_document_is_stale() -> None:
    """The rest of another version is never taken for the rest of this one."""

    def changed(server: CountingServer, asked: Asked) -> Sent:
        server.data, server.etag = OTHER, '"v2"'
        return part(server, asked)

    assert failure(changed).errno == errno.ESTALE


def test_error_is_told_again() -> None:
    """Once nothing more can be had, no later read passes for the end."""
    with (
        CountingServer(DATA, then(whole)) as server,
        fildes.open(server.address(), "rb", 0, http=IN_ORDER) as file,
    ):
        assert file.read(1000) == DATA[:1000]
        for _ in range(3):
            with pytest.raises(fildes.IncompleteError):
                file.read(10)
        assert server.count == 2


def test_without_a_validator() -> None:
    """A document that does not say which version it is, is not asked for again."""
    with CountingServer(DATA, cutting(1000), etag="") as server:
        with (
            pytest.raises(fildes.IncompleteError),
            fildes.open(server.address(), http=IN_ORDER) as file,
        ):
            file.read()
        assert server.count == 1


def test_bound_range_of_bytes() -> None:
    """What is asked for is what is missing, and it says so."""
    with CountingServer(DATA, cutting(200_000)) as server:
        with fildes.open(server.address(), http=IN_ORDER) as file:
            file.read()
        start, stop = bounds(server, server.asked[1])
    assert (start, stop) == (200_000, 300_000)


@pytest.mark.usefixtures("folder")
def test_in_the_shell(command: RunMain) -> None:
    """`fildes get` and `fildes cat` go on too."""
    with CountingServer(DATA, cutting(100_000)) as server:
        assert command("get", server.address()) == (0, "", "")
        assert Path("document").read_bytes() == DATA
        text = b"line\n" * 40_000
        server.data = text
        assert command("cat", server.address()).out == text.decode()
