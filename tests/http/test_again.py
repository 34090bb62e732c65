"""A small document asked for again: in few steps, and exactly as the first time."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from types import FrameType

import pytest
from authority import Authority
from counting import Asked, CountingServer, answer, ranged
from http_script import END_OF_HEAD
from known import DATA, known, read
from peers import Conversation, StartPeer

import fildes
from fildes.http.connection import Connection
from fildes.trace import Step, Trace

#: Python calls that a request may take; it takes 34.
MAX_CALLS = 60

#: Those that a document takes which nobody has asked for before; it takes 180.
MAX_CALLS_FOR_ANOTHER = 240


def calls_of(function: Callable[[], object]) -> int:
    """Return how many Python functions *function* calls."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls


def test_few_calls_for_another_document(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that nobody has asked for before costs more, but not as the first one does."""
    known(opener, site)
    other = site.address("/other")
    assert calls_of(lambda: read(opener, other)) <= MAX_CALLS_FOR_ANOTHER


def test_few_calls(site: CountingServer, opener: fildes.Opener) -> None:
    """A request on a kept connection costs few Python calls."""
    address = known(opener, site)
    assert calls_of(lambda: read(opener, address)) <= MAX_CALLS
    assert (site.count, site.connections) == (3, 1)


def test_other_head(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that has become another one is read as that."""
    address = known(opener, site)
    site.data, site.etag = b"another", '"v2"'
    for _ in range(2):
        with opener.open(address) as file:
            assert file.read() == b"another"
            assert file.response is not None
            assert file.response.headers["ETag"] == '"v2"'
    assert site.connections == 1


def test_other_bytes(site: CountingServer, opener: fildes.Opener) -> None:
    """Bytes come from the server each time, also where it claims that they are the same."""
    address = known(opener, site)
    site.data = DATA.upper()
    assert read(opener, address) == DATA.upper()


def test_grown(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that no longer fits with its head is read as others are."""
    address = known(opener, site)
    site.data = bytes(200_000)
    assert read(opener, address) == site.data


def scripted(site: CountingServer, reply: Callable[[CountingServer, Asked], bytes]) -> None:
    """Let *site* answer all further requests with what *reply* returns."""
    site.reply = lambda server, asked: (reply(server, asked), False)


def test_more_behind(site: CountingServer, opener: fildes.Opener) -> None:
    """What comes behind the document ends the connection, and is none of the next one."""
    address = known(opener, site)
    scripted(site, lambda server, asked: ranged(server, asked)[0] + b"HTTP/1.1 200 OK\r\n")
    assert [read(opener, address), read(opener, address)] == [DATA, DATA]
    assert site.connections == 2


def test_head_alone(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that comes after its head is waited for."""
    address = known(opener, site)

    def apart(server: CountingServer, asked: Asked) -> bytes:
        head, blank, body = ranged(server, asked)[0].partition(END_OF_HEAD)
        server.socks[-1].sendall(head[:9])
        server.socks[-1].sendall(head[9:] + blank)
        return body

    scripted(site, apart)
    assert [read(opener, address) for _ in range(9)] == [DATA] * 9
    assert site.connections == 1


def test_moved(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that has moved meanwhile is followed, and asked for at its place each time."""
    address = known(opener, site)

    def moved(server: CountingServer, asked: Asked) -> bytes:
        if asked.target == "/there":
            return ranged(server, asked)[0]
        return answer("302 Found", Location="/there")

    scripted(site, moved)
    asked = site.count
    assert [read(opener, address), read(opener, address)] == [DATA, DATA]
    assert [each.target for each in site.asked[asked:]] == ["/document", "/there"] * 2


def test_gone(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that is gone is an error, as if it had never been there."""
    address = known(opener, site)
    scripted(site, lambda server, asked: answer("404 Not Found", b"gone"))
    with pytest.raises(FileNotFoundError) as caught:
        read(opener, address)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("response", address)


def test_broken_answer(site: CountingServer, opener: fildes.Opener) -> None:
    """What is no HTTP is refused, and its connection closed."""
    address = known(opener, site)
    scripted(site, lambda server, asked: b"SSH-2.0-\r\n")
    with pytest.raises(fildes.ProtocolError):
        read(opener, address)
    assert opener.pool.idle == []


def test_ended_connection(site: CountingServer, opener: fildes.Opener) -> None:
    """A connection that the server has closed, or closes instead of answering, costs a new one."""
    address = known(opener, site)
    site.reply = lambda server, asked: (
        (b"", True) if asked.connection == 0 else ranged(server, asked)
    )
    assert read(opener, address) == DATA
    assert (site.count, site.connections) == (4, 2)
    site.socks[-1].shutdown(2)
    assert read(opener, address) == DATA
    assert site.connections == 3


def test_no_answer(peer: StartPeer) -> None:
    """The time limit of the Opener holds, and names the step and the address."""
    where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"

    def answer_twice(talk: Conversation) -> None:
        for _ in range(2):
            talk.recv_until(END_OF_HEAD)
            talk.send(answer("206 Partial Content", DATA, Content_Range=where))
        talk.recv_until(END_OF_HEAD)
        talk.stall()

    address = peer(answer_twice).address("http", "/")
    with fildes.Opener() as opener:
        assert [read(opener, address), read(opener, address)] == [DATA, DATA]
        opener.timeout = 0.0
        with pytest.raises(TimeoutError) as caught:
            read(opener, address)
    assert caught.value.errno == errno.ETIMEDOUT
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("response", address)


def test_interrupted(
    site: CountingServer, opener: fildes.Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while an answer is awaited closes its connection."""
    address = known(opener, site)
    ready = Connection.ready

    def interrupted(self: Connection, timeout: float | None) -> bool:
        if timeout != 0:
            raise KeyboardInterrupt
        return ready(self, timeout)

    monkeypatch.setattr(Connection, "ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(opener, address)
    monkeypatch.undo()
    assert opener.pool.idle == []
    assert read(opener, address) == DATA


def test_proxy_from_now_on(
    site: CountingServer, opener: fildes.Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names meanwhile is used from now on."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    address = known(opener, site)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    assert read(opener, address) == DATA
    assert site.asked[-1].target == address


def test_other_arguments(site: CountingServer, opener: fildes.Opener) -> None:
    """What one open is told besides is done, though the document is known."""
    address = known(opener, site)
    assert read(opener, address, http={"headers": {"X-Own": "1"}}) == DATA
    assert b"X-Own: 1" in site.asked[-1].head
    with opener.open(address, "rt", encoding="ascii") as file:
        assert file.read() == DATA.decode()
    with opener.open(address, buffering=0) as file:
        assert isinstance(file, fildes.RawFile)
    with pytest.raises(PermissionError):
        opener.open(address, policy=fildes.Policy.untrusted())


def test_inner_documents_are_not_known(site: CountingServer, opener: fildes.Opener) -> None:
    """What is known of a document is not taken for what is read out of it."""
    address = f"gzip::{known(opener, site)}"
    for _ in range(2):
        with pytest.raises(OSError, match="gzip"), opener.open(address) as file:
            file.read()
    assert opener.sites[address.removeprefix("gzip::").rpartition("/")[0]].shapes


def test_observed(
    site: CountingServer, opener: fildes.Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who observes steps sees those of each open."""
    address = known(opener, site)
    seen: list[Step] = []
    monkeypatch.setattr(Trace, "observer", seen.append)
    assert read(opener, address) == DATA
    assert [step.name for step in seen] == ["request", "response"]


def test_closed_opener(site: CountingServer, opener: fildes.Opener) -> None:
    """A closed Opener opens nothing, known or not."""
    address = known(opener, site)
    opener.close()
    with pytest.raises(ValueError, match="closed"):
        opener.open(address)


def test_under_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """A document under TLS is asked for again on its connection, too."""
    where = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"

    def serve(talk: Conversation) -> None:
        for _ in range(4):
            talk.recv_until(END_OF_HEAD)
            talk.send(answer("206 Partial Content", DATA, Content_Range=where))

    address = peer(serve, tls=tls_ca.server_context()).address("https", "/")
    with fildes.Opener(https={"ca": str(tls_ca.ca_file)}) as opener:
        assert [read(opener, address) for _ in range(4)] == [DATA] * 4
        assert opener.sites[address.rpartition("/")[0]].shapes
