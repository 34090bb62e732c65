"""Documents are opened and read in every event loop as in blocking code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from http_script import CHUNKED_HEAD, LENGTH_20, answering, chunks, document, redirect
from loops import LOOPS, RunLoop
from peers import Conversation, StartPeer

import fildes
import fildes.aio

every_loop = pytest.mark.parametrize("loop", LOOPS)


async def read(address: str, **options: Any) -> bytes:
    async with fildes.aio.open(address, **options) as file:
        assert file.response is not None
        assert file.response.status == 200
        return bytes(await file.read())


@every_loop
def test_document_after_a_redirect(loop: RunLoop, peer: StartPeer, tls_ca: Authority) -> None:
    """A redirect to https is followed, and the document read to its proved end."""
    chunked = CHUNKED_HEAD + chunks(b"there", b" it is") + b"0\r\n\r\n"
    secure = peer(answering(chunked), tls=tls_ca.server_context())
    server = peer(answering(redirect(secure.address("https", "/").encode())))
    got = loop(read(server.address("http", "/"), tls={"ca": str(tls_ca.ca_file)}))
    assert got == b"there it is"


@every_loop
@pytest.mark.parametrize("end", [Conversation.fin, Conversation.rst], ids=["end", "reset"])
def test_short_document(loop: RunLoop, peer: StartPeer, end: object) -> None:
    """A short document is an error of the read, never a short result."""
    server = peer(answering(LENGTH_20 + b"short", end))  # type: ignore[arg-type]  # an Ending
    with pytest.raises(OSError):
        loop(read(server.address("http", "/")))


@every_loop
def test_status(loop: RunLoop, peer: StartPeer) -> None:
    """A document that is not there is not found."""
    server = peer(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(FileNotFoundError):
        loop(read(server.address("http", "/")))


def step_given_up(open_within: Callable[[float], object]) -> str:
    """Return the step that meets a deadline, which is later where the first steps took long."""
    step = "connect"
    for timeout in (0.01, 0.1, 1.0, 10.0):
        if step in ("connect", "request"):
            with pytest.raises(TimeoutError) as caught:
                open_within(timeout)
            failure = fildes.failure_of(caught.value)
            assert failure is not None
            step = failure.step
    return step


@every_loop
def test_deadline_ends_the_wait_for_a_head(loop: RunLoop, peer: StartPeer) -> None:
    """A server that does not answer is given up at the deadline, and nothing is left."""
    address = peer(Conversation.stall, repeat=True).address("http", "/")

    async def wait(timeout: float) -> None:
        await fildes.aio.open(address, timeout=timeout)

    assert step_given_up(lambda timeout: loop(wait(timeout))) == "response"


def test_deadline_in_blocking_code(peer: StartPeer) -> None:
    """A server that does not end its head is given up at the deadline."""
    script = answering(b"HTTP/1.1 200 OK\r\nX:", Conversation.stall)
    address = peer(script, repeat=True).address("http", "/")
    assert step_given_up(lambda timeout: fildes.open(address, timeout=timeout)) == "response"


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_close_wakes_a_reader(peer: StartPeer, tls_ca: Authority, secure: bool) -> None:
    """A thread that waits for a stalled document is woken when another one closes it."""
    tls = tls_ca.server_context() if secure else None
    server = peer(answering(LENGTH_20 + b"short", Conversation.stall), tls=tls)
    address = server.address("https" if secure else "http", "/")
    file = fildes.open(address, buffering=0, https={"ca": str(tls_ca.ca_file)})
    got: list[object] = []
    begun = threading.Event()

    def read() -> None:
        try:
            while data := file.read(20):
                got.append(data)
                begun.set()
        except (OSError, ValueError) as error:
            got.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    file.close()
    reader.join(10)
    assert not reader.is_alive()
    assert got[0] == b"short"
    assert isinstance(got[-1], OSError | ValueError)


def test_two_documents_at_once(peer: StartPeer) -> None:
    """Documents share nothing: one that stalls does not hold up another."""
    server = peer(
        answering(LENGTH_20, Conversation.stall), answering(document(b"second", b"X: y\r\n"))
    )
    with fildes.open(server.address("http", "/")), fildes.open(server.address("http", "/")) as file:
        assert file.read() == b"second"
