"""ws addresses: ends in order, and others."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from peers import Conversation, Script, StartPeer
from websocket_script import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    close_frame,
    frame,
    open_ws,
    recv_frame,
    switched,
)

import fildes


@pytest.mark.parametrize("code", [1000, 1001, None])
def test_ends_in_order(peer: StartPeer, code: int | None) -> None:
    """A Close that says that all is well, or nothing, is the end of file."""
    end = frame(CLOSE) if code is None else close_frame(code)
    with open_ws(peer, frame(BINARY, b"all") + end) as f:
        assert f.read() == b"all"
        assert f.read() == b""


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (1002, errno.EPROTO),
        (1008, errno.EACCES),
        (1009, errno.EMSGSIZE),
        (1011, errno.EIO),
        (1013, errno.EBUSY),
        (3000, errno.EIO),
        (4999, errno.EIO),
    ],
)
def test_other_ends_are_errors(peer: StartPeer, code: int, number: int) -> None:
    """Any other Close is an error that names code and reason, behind what came before."""
    f = open_ws(peer, frame(BINARY, b"some") + close_frame(code, b"why\x1b"))
    assert f.read(4) == b"some"
    for _ in range(2):
        with pytest.raises(OSError) as caught:
            f.read(1)
        error: Any = caught.value
        assert (error.errno, error.code, error.reason) == (number, code, "why\x1b")
        assert f"{code} 'why\\x1b'" in str(error)
    f.close()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(BINARY, b"x", mask=b"1234"), 1002),
        (frame(3), 1002),
        (frame(11), 1002),
        (frame(BINARY, b"x", rsv=4), 1002),
        (frame(BINARY, b"x", rsv=1), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(BINARY, b"x", last=False) + frame(BINARY, b"y"), 1002),
        (frame(PING, b"x", last=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (bytes([0x82, 126, 0, 5]) + b"short", 1002),
        (bytes([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5]) + b"short", 1002),
        (bytes([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xc3"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(CLOSE, b"x"), 1002),
        (close_frame(999), 1002),
        (close_frame(1005), 1002),
        (close_frame(1006), 1002),
        (close_frame(2000), 1002),
        (close_frame(5000), 1002),
        (close_frame(1000, b"\xff"), 1007),
    ],
)
def test_broken_frames(peer: StartPeer, bad: bytes, code: int) -> None:
    """What RFC 6455 forbids is a ProtocolError, and the peer is told why."""
    told: list[tuple[int, bytes]] = []

    def breaks(talk: Conversation) -> None:
        talk.send(bad)
        told.append(recv_frame(talk))

    server = peer(switched(breaks))
    f = fildes.open(server.address("ws"))
    with pytest.raises(fildes.ProtocolError):
        f.read()
    f.close()
    server.wait()
    assert told[0][0] == CLOSE
    assert int.from_bytes(told[0][1][:2]) == code


def test_closed_within_a_message(peer: StartPeer) -> None:
    """A Close between two parts of a message is no end of file."""
    f = open_ws(peer, frame(BINARY, b"half", last=False) + close_frame())
    assert f.read(4) == b"half"
    with pytest.raises(fildes.IncompleteError):
        f.read(1)
    f.close()


def test_reset_is_an_error(peer: StartPeer) -> None:
    """A reset is one, behind what came before."""

    def resets(talk: Conversation) -> None:
        talk.send(frame(BINARY, b"some"))
        talk.stall()
        talk.rst()

    server = peer(switched(resets))
    f = fildes.open(server.address("ws"))
    assert f.read(4) == b"some"
    server.release()
    with pytest.raises(ConnectionResetError):
        f.read(1)
    f.abort()


def test_pong_that_nobody_takes_is_no_error(peer: StartPeer) -> None:
    """A peer that pings, says all and goes away was read to its end."""

    def goes(talk: Conversation) -> None:
        talk.send(frame(BINARY, b"all") + frame(PING) + frame(PING))
        talk.stall()
        talk.send(close_frame())
        talk.end_gently()

    server = peer(switched(goes))
    with fildes.open(server.address("ws"), buffering=0) as f:
        assert f.read(3) == b"all"
        server.release()
        assert f.read(1) == b""


def answering(ends: Callable[[Conversation], None]) -> Script:
    """Return the script that takes a message and our Close, and then *ends*."""

    def run(talk: Conversation) -> None:
        assert recv_frame(talk) == (BINARY, b"question")
        assert recv_frame(talk)[0] == CLOSE
        ends(talk)

    return switched(run)


def closed(peer: StartPeer, ends: Callable[[Conversation], None]) -> None:
    """Write to a peer that *ends* so, and close."""
    f = fildes.open(peer(answering(ends)).address("ws"))
    f.write(b"question")
    f.close()


def test_close_tells_what_the_peer_says_of_it(peer: StartPeer) -> None:
    """A peer that answers our Close with a failure has not done what it was asked for."""
    with pytest.raises(OSError, match="1011 'no disk'"):
        closed(peer, lambda talk: talk.send(close_frame(1011, b"no disk")))


def test_close_tells_of_a_reset(peer: StartPeer) -> None:
    """A reset instead of the peer's Close: what was written may not have arrived."""
    with pytest.raises(ConnectionResetError):
        closed(peer, Conversation.rst)


def test_close_takes_an_end_without_a_close(peer: StartPeer) -> None:
    """A peer that just ends after our Close has read all: many answer none."""
    closed(peer, Conversation.fin)
