"""Who was silent for long gives way: to a sender for whom there is no room, or to the end."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest
from datagram_clients import client
from datagram_relays import Serving, StartServing, start_serving

from fildes.listening import admission
from fildes.relaying.datagrams import DatagramPair
from fildes.relaying.sweeping import Sweeper

__all__ = ["start_serving"]  # a fixture


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Let it be looked often, at silences of any length; return how often it was."""
    found: list[None] = []
    look = Sweeper.make_room

    def noted(self: Sweeper) -> None:
        found.append(None)
        look(self)

    monkeypatch.setattr(admission, "LOOK", 0.001)
    monkeypatch.setattr(admission, "GRACE", 0)
    monkeypatch.setattr(Sweeper, "make_room", noted)
    return found


def begin(serving: Serving, sock: socket.socket, data: bytes) -> Any:
    """Let *sock* send *data*; return where it comes from behind the relay."""
    sock.send(data)
    ((found, place),) = serving.receive(1)
    assert found == data
    return place


def test_the_longest_silence_gives_way(start_serving: StartServing) -> None:
    """At the limit who waits gets the place of who was silent longest, and that is no error."""
    serving = start_serving("?max-connections=2")
    with contextlib.ExitStack() as stack:
        one, two, three = (stack.enter_context(client(serving.listener)) for _ in range(3))
        begin(serving, one, b"one")
        place = begin(serving, two, b"two")
        begin(serving, three, b"three")
        assert serving.log.errors == [None]
        assert begin(serving, two, b"two again") == place
        assert len(serving.service.connections) == 2


def test_who_gave_way_begins_anew(start_serving: StartServing) -> None:
    """Whoever speaks again waits for a place as anybody else, and loses nothing."""
    serving = start_serving("?max-connections=1")
    with client(serving.listener) as one, client(serving.listener) as two:
        first = begin(serving, one, b"1")
        begin(serving, two, b"2")
        assert begin(serving, one, b"3") != first


def test_who_spoke_just_now_does_not(
    start_serving: StartServing, looks: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for a silence that may be one, however many they are."""
    monkeypatch.setattr(admission, "GRACE", 1000)
    serving = start_serving("?max-connections=1")
    with client(serving.listener, b"1"), client(serving.listener):
        serving.receive(1)
        client(serving.listener, b"2").close()
        serving.run(lambda: len(looks) > 5)
        assert len(serving.service.connections) == 1
        assert not serving.log.errors


def test_who_is_spoken_to_just_now_does_not(
    start_serving: StartServing, looks: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come and is not received yet ends a silence."""
    monkeypatch.setattr(DatagramPair, "is_addressed", lambda self: True)
    serving = start_serving("?max-connections=1")
    with client(serving.listener, b"1"), client(serving.listener, b"2"):
        serving.receive(1)
        serving.run(lambda: len(looks) > 5)
        assert not serving.log.errors


def test_nobody_gives_way_for_nobody(start_serving: StartServing, looks: list[None]) -> None:
    """As long as nobody waits silence lasts as long as it may."""
    serving = start_serving("?max-connections=1")
    with client(serving.listener, b"1"):
        serving.receive(1)
        serving.run(lambda: len(looks) > 5)
        assert not serving.log.errors


def test_it_is_looked_only_while_it_fills(start_serving: StartServing, looks: list[None]) -> None:
    """With much room, or at the end, no timer wakes anybody."""
    serving = start_serving("?max-connections=5")
    with client(serving.listener) as one, client(serving.listener) as two:
        begin(serving, one, b"1")
        begin(serving, two, b"2")
        sweeper = serving.service.sweeper
        assert sweeper.crowd is None
        with client(serving.listener) as three:
            begin(serving, three, b"3")
            assert sweeper.crowd is not None
            serving.service.drain()
            before = len(looks)
            serving.run(lambda: len(looks) > before)
            assert sweeper.crowd is None


def test_the_end_waits_for_a_silence_and_no_longer(start_serving: StartServing) -> None:
    """SIGTERM: a conversation in datagrams has no end but silence, and need not be waited for."""
    serving = start_serving("?max-connections=2")  # of which one fills it
    with client(serving.listener) as one:
        begin(serving, one, b"1")
        serving.service.drain(1000)
        serving.run(lambda: serving.service.ended)
        assert serving.log.errors == [None]


def test_who_speaks_is_heard_until_the_limit(
    start_serving: StartServing, looks: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is not silent has as long as there is."""
    monkeypatch.setattr(admission, "GRACE", 1000)
    serving = start_serving()
    with client(serving.listener) as one:
        begin(serving, one, b"1")
        serving.service.drain(0.05)
        begin(serving, one, b"2")
        serving.run(lambda: serving.service.ended)
        assert [type(error) for error in serving.log.errors] == [ConnectionAbortedError]
