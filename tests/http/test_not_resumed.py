"""Documents that are cut and cannot go on: what is told, whatever lies above them."""

from __future__ import annotations

import errno
import gzip
import random
import subprocess
import zipfile

import commands
import pytest
import zips
from counting import Asked, CountingServer, Reply, answer, whole
from downloads import Sent, part

import fildes
from fildes.cli.status import Status
from fildes.http.retrying import MAX_ATTEMPTS, delay_before

NOISE = random.Random(21).randbytes(300_000)
CUT = 100_000

#: How a document is read, and what the server has for it.
LAYERS: dict[str, tuple[str, bytes]] = {
    "plain": ("", NOISE),
    "gzip": ("gzip::", gzip.compress(NOISE)),
    "zip": ("zip://noise::", zips.archive({"noise": NOISE, "more": NOISE}, zipfile.ZIP_STORED)),
}

each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def then(*replies: Reply) -> Reply:
    """Return the reply that cuts the first large answer, and is each of *replies* after it."""
    later = iter(replies)
    begun = False

    def reply(server: CountingServer, asked: Asked) -> Sent:
        nonlocal begun
        if begun:
            return next(later, replies[-1])(server, asked)
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        begun = len(body) > CUT
        return head + b"\r\n\r\n" + body[:CUT], begun

    return reply


@pytest.fixture(autouse=True)
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Try again at once, and note how long that would have been waited for."""
    waited: list[float] = []

    def note(attempt: int, error: OSError | EOFError) -> float:
        waited.append(delay_before(attempt, error, 0.5))
        return 0.0

    monkeypatch.setattr("fildes.http.resuming.delay_before", note)
    return waited


def failure(address: str, got: bytearray, **options: object) -> OSError:
    """Return the error of reading *address*, and what came before it in *got*."""
    with fildes.open(address, "rb", 0, http={"hint": "sequential", **options}) as file:
        try:
            while data := file.read(1000):
                got += data
        except OSError as error:
            return error
    raise AssertionError("nothing failed")


def changed(server: CountingServer, asked: Asked) -> Sent:
    """Replace the document, by another of the same size, and answer as asked."""
    server.data, server.etag = server.data[::-1], '"v2"'
    return part(server, asked)


@each_layer
def test_changed_document(layer: tuple[str, bytes]) -> None:
    """A document that has changed is stale, and all that came is of the old one."""
    prefix, data = layer
    got = bytearray()
    with CountingServer(data, then(changed)) as server:
        error = failure(prefix + server.address(), got)
    assert error.errno == errno.ESTALE
    assert "changed on the server" in str(error)
    assert "; 100000 of " in str(error)
    assert len(got) > CUT // 2
    assert NOISE.startswith(got)


@each_layer
def test_without_ranges(layer: tuple[str, bytes]) -> None:
    """A server that sends all again instead of the rest is an error that says how much came."""
    prefix, data = layer
    got = bytearray()
    with CountingServer(data, then(whole)) as server:
        error = failure(prefix + server.address(), got)
    assert isinstance(error, fildes.IncompleteError)
    assert "ended after 100000 of " in str(error)
    assert "the rest could not be had: the server sent the whole document" in str(error)
    assert NOISE.startswith(got)


@each_layer
def test_trouble_in_between(layer: tuple[str, bytes], delays: list[float]) -> None:
    """A server that is busy is waited for as long as it asks, or longer each time."""
    prefix, data = layer
    busy = answer("503 Busy", Retry_After="7"), True
    trouble: tuple[Reply, ...] = (
        lambda server, asked: busy,
        lambda server, asked: (b"", True),
        lambda server, asked: (answer("500 Trouble"), False),
        part,
    )
    with (
        CountingServer(data, then(*trouble)) as server,
        fildes.open(prefix + server.address(), http={"hint": "sequential"}) as file,
    ):
        assert file.read() == NOISE
    assert delays == [0.0, 7.0, pytest.approx(0.3), pytest.approx(0.6)]


def test_budget(delays: list[float]) -> None:
    """After some attempts that bring nothing it is over, and all that came was delivered."""
    got = bytearray()
    with CountingServer(NOISE, then(lambda server, asked: (answer("503 Busy"), False))) as server:
        error = failure(server.address(), got)
        assert server.count == 1 + MAX_ATTEMPTS
    assert got == NOISE[:CUT]
    assert "ended after 100000 of 300000 bytes" in str(error)
    assert "could not be had: HTTP status 503 Busy" in str(error)
    assert len(delays) == MAX_ATTEMPTS


def test_nobody_listens_any_more() -> None:
    """A server that is gone for good is told with the bytes that it sent."""
    with CountingServer(NOISE, then(part)) as server:
        file = fildes.open(server.address(), http={"hint": "sequential"})
    with file, pytest.raises(fildes.IncompleteError, match="Connection refused"):
        file.read()


@each_layer
@pytest.mark.parametrize("hint", ["random", "sequential"])
def test_switched_off(layer: tuple[str, bytes], hint: str) -> None:
    """With resume off a cut is an error at once, and nothing more is asked for."""
    prefix, data = layer
    got = bytearray()
    with CountingServer(data, then(part)) as server:
        error = failure(prefix + server.address(), got, resume=False, hint=hint)
    assert isinstance(error, fildes.IncompleteError)
    last = server.asked[-1]
    assert (last.start, last.stop) != (CUT, None)
    assert NOISE.startswith(got)


def test_switched_off_in_the_shell() -> None:
    """In the shell, too, and the status is that of what was cut."""
    with CountingServer(NOISE, then(part)) as server:
        done = commands.run("cat", "-O", "http.resume=off", server.address())
    assert (done.returncode, done.stdout) == (Status.INCOMPLETE, NOISE[:CUT])
    assert b"HTTP body ended after 100000 of 300000 bytes" in done.stderr


def test_descriptor_of_what_cannot_go_on() -> None:
    """A child that reads a descriptor gets what came and then an error; the file says why."""
    with CountingServer(NOISE, then(changed)) as server:
        file = fildes.open(server.address(), http={"hint": "sequential"})
        done = subprocess.run(["cat"], stdin=file, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (1, NOISE[:CUT])
        with pytest.raises(OSError, match="changed on the server"):
            file.close()


def test_rest_without_a_version() -> None:
    """The rest of what may be another version is not taken, though nothing says it is."""

    def silent(server: CountingServer, asked: Asked) -> Sent:
        server.etag = ""
        return part(server, asked)

    with CountingServer(NOISE, then(silent)) as server:
        error = failure(server.address(), bytearray())
    assert "does not say of which version" in str(error)


def test_time_alone_does_not_tell_a_version_of_unknown_size() -> None:
    """A chunked body with a time of modification only is not asked for again."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLast-Modified: today\r\n\r\n"
    with CountingServer(b"", lambda server, asked: (head + b"5\r\nhello\r\n", True)) as server:
        error = failure(server.address(), bytearray())
        assert server.count == 1
    assert isinstance(error, fildes.IncompleteError)


def test_own_range_is_the_callers_business() -> None:
    """What was asked for with the caller's own Range is not asked for again."""
    with CountingServer(NOISE, then(part)) as server:
        error = failure(server.address(), bytearray(), headers={"Range": "bytes=0-"})
        assert server.count == 1
    assert isinstance(error, fildes.IncompleteError)


@pytest.mark.parametrize("size", [99, CUT + 1])
def test_range_goes_on(size: int) -> None:
    """A range that was asked for goes on up to its own end, and no farther."""
    with CountingServer(NOISE, then(part)) as server:
        place = {"range": f"1000-{1000 + size - 1}"}
        with fildes.open(server.address(), http=place) as file:
            assert file.read() == NOISE[1000 : 1000 + size]
        wanted = [(1000, 1000 + size), (1000 + CUT, 1000 + size)][: server.count]
        assert [(asked.start, asked.stop) for asked in server.asked] == wanted


def test_rest_that_is_short() -> None:
    """A rest that ends early is followed by another request; its end is none of the document."""

    def short(server: CountingServer, asked: Asked) -> Sent:
        assert asked.start is not None
        return part(server, asked._replace(stop=asked.start + 50_000))

    with CountingServer(NOISE, then(short)) as server:
        with fildes.open(server.address(), http={"hint": "sequential"}) as file:
            assert file.read() == NOISE
        assert server.count == 5


@pytest.mark.parametrize("start", [0, CUT - 10])
def test_rest_that_begins_early(start: int) -> None:
    """Of a rest that begins before what is missing, nothing comes twice."""

    def early(server: CountingServer, asked: Asked) -> Sent:
        return part(server, asked._replace(start=start))

    with (
        CountingServer(NOISE, then(early)) as server,
        fildes.open(server.address(), http={"hint": "sequential"}) as file,
    ):
        assert file.read() == NOISE


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_rest_in_chunks(more: int) -> None:
    """A chunked rest is as long as its Content-Range, or is not believed."""

    def chunked(server: CountingServer, asked: Asked) -> Sent:
        head, _, body = part(server, asked)[0].partition(b"\r\n\r\n")
        head = head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length")
        body = body[:more] if more < 0 else body + b"!" * more
        return head + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), False

    with CountingServer(NOISE, then(chunked)) as server:
        got = bytearray()
        if more == 0:
            with fildes.open(server.address(), http={"hint": "sequential"}) as file:
                assert file.read() == NOISE
        elif more < 0:  # the byte that is missing comes with the next answer
            with fildes.open(server.address(), http={"hint": "sequential"}) as file:
                server.reply = then(chunked, part)
                assert file.read() == NOISE
        else:
            error = failure(server.address(), got)
            assert "longer than its Content-Range" in str(error)
            assert got == NOISE
