"""A relay of datagrams: its conversations, and what ends them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from datagram_clients import client
from datagram_relays import StartServing, start_serving

import fildes
from fildes.drivers.loop import Loop
from fildes.relaying.datagram_half import BATCH
from fildes.relaying.datagrams import DatagramPair
from fildes.streams.datagrams import DatagramStream

__all__ = ["start_serving"]  # a fixture


def test_each_sender_is_a_conversation(start_serving: StartServing) -> None:
    """What a client has sent before it was accepted comes first, and answers go to who asked."""
    serving = start_serving()
    with client(serving.listener, b"1", b"", b"2") as one, client(serving.listener, b"3") as other:
        found = serving.receive(4)
        assert sorted(data for data, _ in found) == [b"", b"1", b"2", b"3"]
        places = dict(found)
        assert places[b"1"] == places[b"2"] != places[b"3"]
        serving.behind.sendto(b"answer", places[b"3"])
        serving.run(lambda: serving.service.totals[1] == 6)
        assert other.recv(100) == b"answer"
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(100)


def test_many_before_the_other_side_is_open(start_serving: StartServing) -> None:
    """What a sender says before there is a way is passed on to the last, though nothing follows."""
    serving = start_serving()
    wanted = [b"%d" % index for index in range(3 * BATCH)]
    with client(serving.listener, *wanted):
        assert [data for data, _ in serving.receive(len(wanted))] == wanted


def test_many_for_a_slow_sink(nothing_left_behind: None) -> None:
    """As much waits in order for a sink that takes little, and nothing has to follow."""
    wanted = [b"%d" % index for index in range(2 * BATCH)]
    right, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, *wanted), right, far:
        f: Any = listener.accept(timeout=20)
        with f, Loop() as loop:
            pair: DatagramPair[None] = DatagramPair(
                loop, f.description.stream, DatagramStream(far), lambda *_: None, None
            )
            pair.start()
            found: list[bytes] = []
            while len(found) < len(wanted):
                try:
                    found.append(right.recv(100, socket.MSG_DONTWAIT))
                except BlockingIOError:
                    loop.round()  # a sink without anything under way is ready
            pair.stop()
    assert found == wanted


def test_silence_ends_a_conversation(start_serving: StartServing) -> None:
    """A sender that was silent for the listener's idle limit has gone, which is no error."""
    serving = start_serving("?idle-timeout=0.05&max-connections=1")
    with client(serving.listener, b"first") as one, client(serving.listener, b"second"):
        ((_, first),) = serving.receive(1)
        serving.run(lambda: serving.log.errors == [None])
        ((data, _),) = serving.receive(1)  # there is room for the next one
        assert data == b"second"
        serving.run(lambda: serving.log.errors == [None, None])
        one.send(b"again")
        ((data, place),) = serving.receive(1)
        assert (data, place != first) == (b"again", True)


def test_what_comes_at_the_end_of_a_silence_is_not_lost(
    start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look for a datagram and the close one may come: it begins anew."""
    serving = start_serving("?idle-timeout=0.05")
    with client(serving.listener, b"first") as one:
        ((_, first),) = serving.receive(1)
        look = DatagramPair.is_addressed

        def looked(pair: DatagramPair[Any]) -> bool:
            found = look(pair)
            if not found and not serving.log.errors:
                one.send(b"late")
                one.send(b"later")
            return found

        with monkeypatch.context() as patch:
            patch.setattr(DatagramPair, "is_addressed", looked)
            serving.run(lambda: bool(serving.log.errors))
        (late, place), later = serving.receive(2)
    assert serving.log.errors[0] is None
    assert (late, later) == (b"late", (b"later", place))
    assert place != first


def test_who_parts_is_told_nothing_any_more() -> None:
    """What a sender says while its conversation is given up goes to the listener, in order."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"1") as one:
        old: Any = listener.accept(timeout=20)
        with old:
            assert old.read(9) == b"1"
            one.send(b"2")
            old.description.stream.give_back()
            one.send(b"3")
        with listener.accept(timeout=20) as f:
            assert [f.read(9), f.read(9)] == [b"2", b"3"]


def test_empty_datagrams_are_no_silence(start_serving: StartServing) -> None:
    """Who says nothing in many datagrams is still there."""
    serving = start_serving()
    with client(serving.listener, b"first") as one:
        serving.receive(1)
        (connection,) = serving.service.connections
        assert connection.pair is not None
        connection.pair.silence()
        before = connection.pair.since
        one.send(b"")
        serving.receive(1)
        connection.pair.silence()
        assert connection.pair.since > before


def test_limit_of_the_user_is_an_error(start_serving: StartServing) -> None:
    """Where an idle limit was asked for, who passes it is told of as anybody else."""
    serving = start_serving(idle_timeout=0.05)
    with client(serving.listener, b"first"):
        serving.receive(1)
        serving.run(lambda: bool(serving.log.errors))
    assert isinstance(serving.log.errors[0], TimeoutError)


def test_refusal_ends_only_its_conversation(start_serving: StartServing) -> None:
    """Where nobody receives the conversation is an error; the relay goes on."""
    serving = start_serving()
    serving.behind.close()
    with client(serving.listener, b"anybody?"), client(serving.listener, b"or else?"):
        serving.run(lambda: len(serving.log.errors) == 2)
    assert [type(error) for error in serving.log.errors] == [ConnectionRefusedError] * 2
    assert not serving.service.ended
