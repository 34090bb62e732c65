"""The option `range`: one part of a document, exactly."""

from __future__ import annotations

import errno
import os

import pytest
from commands import RunMain
from commands import fildes as command
from counting import Asked, CountingServer, Reply, answer, ranged, whole
from cutting import WHOLE, by
from http_script import answering, redirect
from peers import Conversation, StartPeer

import fildes

__all__ = ["command"]

DATA = bytes(number * 7 % 256 for number in range(100_000))


def shifted(before: int, after: int, *, said: bool = True) -> Reply:
    """Return a reply that moves both ends of what was asked for, and perhaps says so."""

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        assert asked.start is not None
        assert asked.stop is not None
        start, stop = asked.start + before, asked.stop + after
        told = (start, stop) if said else (asked.start, asked.stop)
        where = f"bytes {told[0]}-{told[1] - 1}/{len(server.data)}"
        return answer("206 OK", server.data[start:stop], Content_Range=where), False

    return reply


def failure(address: str, text: str) -> OSError:
    """Return the error of reading the range *text*."""
    try:
        with fildes.open(address, http={"range": text}) as file:
            file.read()
    except OSError as error:
        return error
    raise AssertionError("nothing failed")


HONEST = {"early": shifted(-777, 0), "longer": shifted(0, 9), "early and longer": shifted(-5, 5)}
WRONG = {
    "late": shifted(1, 1),
    "elsewhere": shifted(-20_000, -20_000),
    "shorter than said": shifted(0, -1, said=False),
    "longer than said": shifted(0, 1, said=False),
    "without Content-Range": lambda server, asked: (answer("206 OK", b"x" * 10_000), False),
    "whole": whole,
}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0-99", DATA[:100]),
        ("99999-99999", DATA[-1:]),
        ("40000-", DATA[40000:]),
        ("90000-200000", DATA[90000:]),
        ("-10", DATA[-10:]),
        ("-200000", DATA),
        ("0-", DATA),
    ],
)
def test_range_is_read(text: str, part: bytes) -> None:
    """What is named is read with one request, and ends."""
    with CountingServer(DATA) as server:
        with fildes.open(server.address(), http={"range": text}) as file:
            assert file.read() == part
            assert not file.seekable()
        assert server.count == 1


@pytest.mark.parametrize("text", ["", "1", "5-4", "-0", "a-b", "1-2,3-4", "bytes=0-1", "٣-٤"])
def test_no_range(text: str) -> None:
    """What is no range is an error before anything is opened."""
    with CountingServer(DATA) as server:
        with pytest.raises(fildes.AddressError, match="FIRST-LAST"):
            fildes.open(server.address(), http={"range": text})
        assert server.count == 0


@pytest.mark.parametrize("reply", HONEST.values(), ids=HONEST)
def test_odd_answers(reply: Reply) -> None:
    """A part that says that it begins before, or ends behind, what was asked for is cut."""
    how = {"range": "50000-59999"}
    with CountingServer(DATA, reply) as server, fildes.open(server.address(), http=how) as file:
        assert file.read() == DATA[50000:60000]


def test_short_answer_is_no_end() -> None:
    """A part that says that it ends early is used, and then it is incomplete."""
    how = {"range": "50000-59999"}
    with (
        CountingServer(DATA, shifted(0, -99)) as server,
        fildes.open(server.address(), "rb", 0, http=how) as file,
    ):
        got = b""
        while len(got) < 9901:
            got += file.read(9901)
        assert got == DATA[50000:59901]
        with pytest.raises(fildes.IncompleteError, match="ends 99 bytes early"):
            file.read(1)


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
def test_wrong_answers(reply: Reply) -> None:
    """A part that is not the one asked for is never taken for it."""
    with CountingServer(DATA, reply) as server:
        caught = failure(server.address(), "50000-59999")
    assert caught.errno in (errno.EPROTO, errno.EOPNOTSUPP)


def test_server_without_ranges() -> None:
    """The whole document is not a part of it, unless the whole was asked for."""
    with CountingServer(DATA, whole) as server:
        with pytest.raises(OSError, match="no part") as caught:
            fildes.open(server.address(), http={"range": "0-99"})
        assert caught.value.errno == errno.EOPNOTSUPP
        with fildes.open(server.address(), http={"range": "0-"}) as file:
            assert file.read() == DATA


def test_beyond_the_end() -> None:
    """A range that begins at or after the end is refused by the server."""
    with CountingServer(DATA) as server, pytest.raises(OSError, match="416"):
        fildes.open(server.address(), http={"range": f"{len(DATA)}-"})


def test_range_goes_along_with_a_redirect(peer: StartPeer) -> None:
    """Also to another origin, where headers of the caller's own do not go."""
    with CountingServer(DATA) as server:
        first = peer(answering(redirect(server.address().encode())))
        with fildes.open(first.address("http", "/x"), http={"range": "7-9"}) as file:
            assert file.read() == DATA[7:10]


def test_connection_is_kept(peer: StartPeer) -> None:
    """An Opener uses the connection of a range that was read for the next one."""
    with CountingServer(DATA) as server, fildes.Opener() as opener:
        for start in (0, 500):
            how = {"range": f"{start}-{start + 9}"}
            with opener.open(server.address(), http=how) as file:
                assert file.read() == DATA[start : start + 10]
        assert [asked.connection for asked in server.asked] == [0, 0]


def unknown_total(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer with a part of what has no known size."""
    sent, closing = ranged(server, asked)
    return sent.replace(b"/100000\r\n", b"/*\r\n"), closing


def test_size_unknown() -> None:
    """Without the size a range with both its ends is sure, and the others are not."""
    with CountingServer(DATA, unknown_total) as server:
        with fildes.open(server.address(), http={"range": "5-9"}) as file:
            assert file.read() == DATA[5:10]
        for text in ("5-", "-5"):
            with pytest.raises(fildes.ProtocolError, match="does not say how large"):
                fildes.open(server.address(), http={"range": text})


@pytest.mark.parametrize("step", [1, WHOLE])
@pytest.mark.parametrize("size", [4, 5, 6])
def test_chunked_part_has_the_size_it_says(peer: StartPeer, step: int, size: int) -> None:
    """However it is cut, a chunked part is neither shorter nor longer than its range."""

    def script(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        head = (
            b"HTTP/1.1 206 OK\r\nContent-Range: bytes 2-6/9\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for part in by(step, head + b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)):
            talk.send(part)

    opened = fildes.open(peer(script).address("http", "/"), http={"range": "2-6"})
    with opened as file:
        if size == 5:
            assert file.read() == b"xxxxx"
        else:
            with pytest.raises(fildes.ProtocolError, match="than its Content-Range"):
                file.read()


def test_range_of_the_command(command: RunMain) -> None:
    """The shell sets it by -O."""
    with CountingServer(DATA) as server:
        done = command("cat", "-O", "http.range=0-0", server.address())
    assert (done.status, os.fsencode(done.out)) == (0, DATA[:1])


def test_error_status_is_itself() -> None:
    """A document that is not there is not, whatever part of it is asked for."""
    with CountingServer(DATA, lambda *_: (answer("404 Not Found"), False)) as server:
        assert isinstance(failure(server.address(), "0-1"), FileNotFoundError)
