"""The rules of relays where a side is a WebSocket, whose ends and answers are its own."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from http_script import END_OF_HEAD
from peers import Conversation, StartPeer, echo
from relay_ends import read_up_to_a_reset
from relays_under_test import RelayTo, service, verbs
from websocket_listeners import echoing
from websocket_script import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    answer,
    close_frame,
    frame,
    key_of,
    recv_frame,
    switched,
)

import fildes
from fildes.address import parse
from fildes.opening.registry import find_scheme
from fildes.relaying.coded import CodedPair
from fildes.relaying.pairing import pair_for
from fildes.streams.kernel import SocketStream
from fildes.verbs import prepare
from fildes.websocket.frames import Frames
from fildes.websocket.messages import MessageStream
from fildes.websocket.options import make_stream
from fildes.websocket.stream import HoldingStream, Manner, WebSocketStream

#: More than any queue on the way holds.
LARGE = bytes(range(256)) * 8192


@pytest.mark.parametrize("front", ["ws-listen://127.0.0.1:0/x", "tcp-listen://127.0.0.1:0"])
def test_much_both_ways(front: str, relay_to: RelayTo) -> None:
    """R1, R2: all bytes and both ends pass between messages and a stream, in both orders."""
    with echoing("ws-listen://127.0.0.1:0/x") as listener:
        relay = relay_to(listener.address, front)
        with fildes.open(relay.address, timeout=20, idle_timeout=20) as f:

            def say_all(f: Any = f) -> None:
                f.write(LARGE)
                f.half_close()

            writer = threading.Thread(target=say_all)
            writer.start()
            assert f.read() == LARGE
            writer.join()
        assert relay.outcome() is None


def test_tcp_behind_a_websocket(relay_to: RelayTo, peer: StartPeer) -> None:
    """A client's Close is the end of file of a tcp server, whose end is a Close to the client."""
    server = peer(echo)
    relay = relay_to(server.address(), "ws-listen://127.0.0.1:0/x")
    with fildes.open(relay.address, timeout=20, idle_timeout=20) as f:
        f.write(b"hello")
        assert f.read(5) == b"hello"
        f.half_close()
        assert f.read() == b""
    assert relay.outcome() is None
    assert server.received == b"hello"


def test_early_words_of_a_server(relay_to: RelayTo, peer: StartPeer) -> None:
    """What a server sends together with its answer is passed on at once."""

    def greets(talk: Conversation) -> None:
        talk.send(answer(key_of(talk.recv_until(END_OF_HEAD))) + frame(BINARY, b"220 hello"))
        assert recv_frame(talk) == (BINARY, b"HELO")
        talk.send(close_frame())
        assert recv_frame(talk)[0] == CLOSE

    relay = relay_to(peer(greets).address("ws"))
    with fildes.open(relay.address, timeout=20, idle_timeout=20) as f:
        assert f.read(9) == b"220 hello"
        f.write(b"HELO")
        assert f.read() == b""
    assert relay.outcome() is None


def test_pings_are_answered(relay_to: RelayTo, peer: StartPeer) -> None:
    """A ping is answered by the relay, while neither side has anything to say."""

    def pings(talk: Conversation) -> None:
        for name in (b"one", b"two"):
            talk.send(frame(PING, name))
            assert recv_frame(talk) == (PONG, name)
        talk.send(frame(BINARY, b"all") + close_frame())
        assert recv_frame(talk)[0] == CLOSE

    relay = relay_to(peer(switched(pings)).address("ws"))
    with fildes.open(relay.address, timeout=20, idle_timeout=20) as f:
        assert f.read() == b"all"
    assert relay.outcome() is None


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left_behind")
@pytest.mark.parametrize("kind", [verbs, service])
def test_pings_of_ours(kind: Any, peer: StartPeer) -> None:
    """A relay pings while nobody says anything, and goes on as long as it is answered."""

    def answers(talk: Conversation) -> None:
        for _ in range(2):
            assert recv_frame(talk)[0] == PING
            talk.send(frame(PONG))
        talk.send(frame(BINARY, b"all") + close_frame())
        while recv_frame(talk)[0] != CLOSE:
            pass

    target = peer(switched(answers)).address("ws")
    # Long enough for an answer on a loaded machine.
    with kind(target, "tcp://127.0.0.1:0", {"ws": {"ping": 0.5}}) as relay:
        with fildes.open(relay.address, timeout=20, idle_timeout=20) as f:
            assert f.read() == b"all"
        assert relay.outcome() is None


@pytest.mark.usefixtures("nothing_left_behind")
@pytest.mark.parametrize("kind", [verbs, service])
def test_peer_that_answers_no_ping_is_gone(kind: Any, peer: StartPeer) -> None:
    """Who answers no ping has gone, which the other side is told by a reset."""
    target = peer(switched(lambda talk: talk.stall())).address("ws")
    with kind(target, "tcp://127.0.0.1:0", {"ws": {"ping": 0.001}}) as relay:
        with fildes.open(relay.address, timeout=20, idle_timeout=20, buffering=0) as f:
            assert read_up_to_a_reset(f) == b""
        assert isinstance(relay.outcome(), TimeoutError)


@pytest.mark.parametrize("end", [b"", close_frame(1011, b"why"), b"\xff\xff", frame(BINARY)[:1]])
def test_other_ends_are_none(end: bytes, relay_to: RelayTo, peer: StartPeer) -> None:
    """R3: a connection that is cut, fails or breaks the protocol has no end for the client."""
    relay = relay_to(peer(switched(frame(BINARY, b"some") + end)).address("ws"))
    with fildes.open(relay.address, timeout=20, idle_timeout=20, buffering=0) as f:
        assert b"some".startswith(read_up_to_a_reset(f))
    assert isinstance(relay.outcome(), OSError | EOFError)


def stream_of(kind: Any, manner: Manner) -> Any:
    return kind(SocketStream(socket.socket()), Frames(client=True), manner)


@pytest.mark.parametrize(
    ("kind", "manner", "by_callbacks"),
    [
        (WebSocketStream, Manner(), True),
        (WebSocketStream, Manner(ping=20), True),
        (HoldingStream, Manner(hold=True), False),
        (MessageStream, Manner(), False),
    ],
)
def test_which_are_copied_by_callbacks(kind: Any, manner: Manner, by_callbacks: bool) -> None:
    """What its socket alone does not wake, or ends otherwise, is copied by protocol code."""
    streams = [stream_of(kind, manner), stream_of(WebSocketStream, Manner())]
    found = pair_for(*streams)
    assert found is (CodedPair if by_callbacks else None)
    for stream in streams:
        stream.abort()


def test_manner_decides_the_kind() -> None:
    """A stream that holds its Close is one that its socket alone does not tell."""
    for options, kind in (
        ({}, WebSocketStream),
        ({"ping": 20.0}, WebSocketStream),
        ({"half-close": "hold"}, HoldingStream),
        ({"framing": "message"}, MessageStream),
    ):
        opening, _ = prepare("ws://localhost/", "r+b", None, {"ws": options})
        inner: Any = stream_of(WebSocketStream, Manner())
        address = parse("ws://localhost/", find_scheme)
        stream = make_stream(opening, address, inner, client=True, deflate=None)
        assert type(stream) is kind
        stream.abort()
