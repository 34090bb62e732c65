"""What a relay promises to its two ends where one of them, or both, speak TLS."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from peers import Conversation, Script, ScriptedPeer, StartPeer
from relay_ends import pattern, read_up_to_a_reset
from relays_under_test import Relay, RelayTo

import fildes

DATA = pattern(300_000)  # more than a relay holds in one buffer
SIDES = [("left",), ("right",), ("left", "right")]

#: Starts a server with a script, a relay to it, and opens a client; which of them is under TLS.
StartEnds = Callable[[Script], tuple[Any, ScriptedPeer, Relay]]


@pytest.fixture(params=SIDES, ids=lambda sides: "tls: " + " ".join(sides))
def ends(
    request: pytest.FixtureRequest, relay_to: RelayTo, peer: StartPeer, tls_ca: Authority
) -> StartEnds:
    left, right = "left" in request.param, "right" in request.param
    files = f"cert={tls_ca.localhost.cert_file}&key={tls_ca.localhost.key_file}"
    listen = f"tls://127.0.0.1:0?{files}" if left else "tcp://127.0.0.1:0"

    def start(script: Script) -> tuple[Any, ScriptedPeer, Relay]:
        server = peer(script, tls=tls_ca.server_context() if right else None)
        target = f"tls://localhost:{server.port}?ca={tls_ca.ca_file}" if right else server.address()
        relay = relay_to(target, listen)
        scheme, options = ("tls", f"?ca={tls_ca.ca_file}") if left else ("tcp", "")
        client = fildes.open(f"{scheme}://127.0.0.1:{relay.port}{options}", idle_timeout=30)
        return client, server, relay

    return start


def test_answer_after_the_end_of_the_question(ends: StartEnds) -> None:
    """R1: a close_notify goes on as an end of file, and the answer to it arrives in full."""
    asked: list[bytes] = []

    def answer(talk: Conversation) -> None:
        asked.append(talk.recv_all())
        talk.send(DATA[::-1])

    client, server, relay = ends(answer)
    with client:
        client.write(DATA)
        client.half_close()
        assert client.read() == DATA[::-1]
    server.wait()
    assert asked == [DATA]
    assert relay.outcome() is None


def test_question_after_the_end_of_the_answer(ends: StartEnds) -> None:
    """R1, the other way round: the server says all and its end first, and then listens."""
    asked: list[bytes] = []

    def answer_first(talk: Conversation) -> None:
        talk.send(DATA)
        talk.fin()
        asked.append(talk.recv_all())

    client, server, relay = ends(answer_first)
    with client:
        assert client.read() == DATA
        client.write(DATA[::-1])
        client.half_close()
        server.wait()
    assert asked == [DATA[::-1]]
    assert relay.outcome() is None


def test_reset_of_the_server(ends: StartEnds) -> None:
    """R2: what was said before a reset may come; then there is an error, never an end of file."""

    def break_off(talk: Conversation) -> None:
        talk.send(b"half")
        talk.recv_exactly(2)
        talk.rst()

    client, server, relay = ends(break_off)
    assert client.read(4) == b"half"
    client.write(b"go")
    client.flush()
    with pytest.raises((OSError, EOFError)):
        client.read()
    client.abort()
    server.wait()
    assert isinstance(relay.outcome(), OSError)


def test_client_that_gives_up(ends: StartEnds) -> None:
    """R2: a server behind the relay takes no reset of the client for its end of file."""
    ended: list[bytes] = []

    def listen(talk: Conversation) -> None:
        assert talk.recv_exactly(4) == b"half"
        talk.send(b"yes")
        with contextlib.suppress(ConnectionResetError):
            ended.append(talk.recv_all())

    client, server, relay = ends(listen)
    client.write(b"half")
    assert client.read(3) == b"yes"
    client.abort()
    server.wait()
    assert ended == []
    assert isinstance(relay.outcome(), OSError | EOFError)


def test_server_that_does_not_read(ends: StartEnds) -> None:
    """R9: a server answers and closes with the question unread; its answer arrives first."""

    def refuse(talk: Conversation) -> None:
        talk.recv_exactly(1)  # the relay has connected, and its handshake is over
        talk.send(b"no, thank you")
        talk.fin()

    client, server, relay = ends(refuse)
    client.write(b"x")
    assert client.read(13) == b"no, thank you"
    assert client.read() == b""
    client.write(DATA)
    with contextlib.suppress(OSError):
        client.close()
    server.wait()
    relay.outcome()  # there is one: nothing hangs


@pytest.mark.parametrize("when", ["at once", "after some"])
def test_truncated_answer_is_none(
    when: str, relay_to: RelayTo, peer: StartPeer, tls_ca: Authority
) -> None:
    """R3: a server that ends without close_notify has not ended, for the client either."""
    data = b"" if when == "at once" else DATA

    def cut(talk: Conversation) -> None:
        talk.recv_exactly(1)
        talk.send(data)
        talk.fin(close_notify=False)

    server = peer(cut, tls=tls_ca.server_context())
    relay = relay_to(f"tls://localhost:{server.port}?ca={tls_ca.ca_file}")
    with fildes.open(f"tcp://127.0.0.1:{relay.port}", buffering=0) as client:
        client.write(b"x")
        assert DATA.startswith(read_up_to_a_reset(client))
    assert isinstance(relay.outcome(), OSError | EOFError)
