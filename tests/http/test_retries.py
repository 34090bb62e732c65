"""An open that is tried again."""

from __future__ import annotations

import pytest
from http_script import answering, document
from peers import Conversation, StartPeer

import fildes

RETRY = {"retries": 2}


def busy(status: int = 503, after: bytes = b"0") -> bytes:
    """Return a refusal that lets us come back at once."""
    fields = b"Retry-After: %s\r\nContent-Length: 0\r\n\r\n" % after
    return b"HTTP/1.1 %d Busy\r\n" % status + fields


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_server(peer: StartPeer, status: int) -> None:
    """A server that is busy is asked again."""
    server = peer(answering(busy(status)), answering(busy(status)), answering(document(b"there")))
    with fildes.open(server.address("http", "/"), http=RETRY) as file:
        assert file.read() == b"there"


def test_lost_connection(peer: StartPeer) -> None:
    """A connection that is lost before an answer is made again, at first without a wait."""
    server = peer(Conversation.rst, answering(document(b"there")))
    with fildes.open(server.address("http", "/"), http=RETRY) as file:
        assert file.read() == b"there"


def test_retries_end(peer: StartPeer) -> None:
    """After so many attempts the last error is the error."""
    server = peer(*[answering(busy())] * 3)
    with pytest.raises(OSError, match="503"):
        fildes.open(server.address("http", "/"), http=RETRY)
    assert len(server.conversations) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_what_does_not_pass(peer: StartPeer, status: int) -> None:
    """What will not be otherwise the next time is not tried again."""
    server = peer(answering(busy(status)), answering(document()))
    with pytest.raises(OSError, match=str(status)):
        fildes.open(server.address("http", "/"), http={**RETRY, "hint": "sequential"})
    assert len(server.conversations) == 1


def test_no_retries_by_default(peer: StartPeer) -> None:
    """Nobody is asked twice who has not asked for it."""
    server = peer(answering(busy()), answering(document()))
    with pytest.raises(OSError, match="503"):
        fildes.open(server.address("http", "/"))
    assert len(server.conversations) == 1


def test_deadline_over_all(peer: StartPeer) -> None:
    """The time limit of the open ends the wait for another attempt."""
    server = peer(answering(busy(after=b"30")), answering(document()))
    with pytest.raises(TimeoutError):
        fildes.open(server.address("http", "/"), timeout=0.1, http=RETRY)
    assert len(server.conversations) <= 1  # none, where the limit has passed before


def test_writing_is_not_repeated(peer: StartPeer) -> None:
    """What is written is sent once, whatever the answer."""
    server = peer(answering(busy()), answering(document()))
    with (
        pytest.raises(OSError, match="503"),
        fildes.open(server.address("http", "/"), "wb", http=RETRY) as file,
    ):
        file.write(b"document")
    assert len(server.conversations) == 1
