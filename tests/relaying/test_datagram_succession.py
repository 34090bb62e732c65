"""Who listens for datagrams no more, and who does from then on: none is lost between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from datagram_clients import client
from datagram_relays import StartServing, start_serving

import fildes
from fildes.drivers import blocking
from fildes.listening.accepting import Acceptor
from fildes.listening.udp import UdpAcceptor
from fildes.relaying import gate
from fildes.relaying.datagrams import DatagramPair
from fildes.verbs import prepare_to_listen

__all__ = ["start_serving"]  # a fixture


@contextlib.contextmanager
def successor_of(acceptor: Acceptor) -> Iterator[Acceptor]:
    """Listen at the socket of *acceptor* from now on, as a changed relay does."""
    place = f"udp-listen://127.0.0.1:{acceptor.address.port}"
    opening, _ = prepare_to_listen(place, "r+b", None, {}, {})
    opening.leaving = [acceptor]
    found = blocking.run(opening.listen())
    try:
        yield found
    finally:
        found.close()


def text_of(acceptor: Acceptor) -> bytes:
    """Return what the next sender has said."""
    stream = acceptor.try_accept()
    assert stream is not None
    room = bytearray(99)
    size = stream.try_recv_into(memoryview(room))
    stream.abort()
    return bytes(room[:size])


def test_who_goes_leaves_the_queue_to_the_successor() -> None:
    """What nobody has received is for who listens at the same socket from then on."""
    with fildes.listen("udp://127.0.0.1:0") as old, client(old, b"before"):
        f: Any = old.accept(timeout=20)
        with f, successor_of(old.acceptor) as new, client(old, b"first"), client(old, b"second"):
            old.close()
            assert [text_of(new), text_of(new)] == [b"first", b"second"]


def test_a_process_that_shares_leaves_it_to_the_others() -> None:
    """So does one of several processes, and the one that only looks after them takes nothing."""
    with (
        fildes.listen("udp://127.0.0.1:0") as old,
        client(old, b"before"),
        successor_of(old.acceptor) as watcher,
        successor_of(old.acceptor) as new,
    ):
        f: Any = old.accept(timeout=20)
        old.acceptor.outlived = False
        old.acceptor.share(0, 2)
        with f, client(old, b"first"):
            old.close()
            watcher.close()
            assert text_of(new) == b"first"


def test_who_was_received_is_served_before_the_end(
    start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this process has taken out of the queue nobody else can have: it passes on."""
    monkeypatch.setattr(gate, "BATCH", 1)
    serving = start_serving()
    with client(serving.listener, b"1", b"2"), client(serving.listener, b"3", b"4"):
        acceptor: UdpAcceptor = serving.listener.acceptor
        serving.service.gate.accept()
        assert acceptor.arrivals
        serving.service.drain()
        assert not acceptor.arrivals
        assert acceptor.closed
        assert sorted(data for data, _ in serving.receive(4)) == [b"1", b"2", b"3", b"4"]


def test_limit_holds_at_the_end(start_serving: StartServing) -> None:
    """There are no more conversations than there may be, though one is going to end."""
    serving = start_serving("?max-connections=1")
    with client(serving.listener, b"1"), client(serving.listener, b"2"):
        serving.receive(1)
        serving.service.drain()
        assert len(serving.service.connections) == 1


def test_without_descriptors_it_ends_all_the_same(
    start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no more sockets can be made, whoever waits is lost, and the rest goes on."""
    monkeypatch.setattr(gate, "BATCH", 1)
    serving = start_serving()

    def fail(arrival: object) -> None:
        raise OSError(24, "Too many open files")

    with client(serving.listener, b"1"), client(serving.listener, b"2"):
        acceptor: UdpAcceptor = serving.listener.acceptor
        serving.service.gate.accept()
        assert acceptor.arrivals
        monkeypatch.setattr(acceptor, "begin", fail)
        serving.service.drain()
        assert acceptor.closed
        assert len(serving.receive(1)) == 1


@pytest.mark.parametrize("closed", [True, False])
def test_what_comes_at_the_end_of_a_silence(
    start_serving: StartServing, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    """Who listens no more goes on with a conversation that is silent no more; others begin anew."""
    serving = start_serving("?idle-timeout=0.05")
    with client(serving.listener, b"first") as one:
        ((_, first),) = serving.receive(1)
        if closed:
            serving.service.drain()
        look = DatagramPair.is_addressed
        sent: list[None] = []

        def looked(pair: DatagramPair[Any]) -> bool:
            found = look(pair)
            if not found and not sent:
                one.send(b"late")
                one.send(b"later")
                sent.append(None)
            return found

        monkeypatch.setattr(DatagramPair, "is_addressed", looked)
        (late, place), (later, other) = serving.receive(2)
        assert (late, later, place) == (b"late", b"later", other)
        assert (place == first) == closed
        serving.behind.sendto(b"answer", place)
        serving.run(lambda: serving.service.totals[1] == 6)
        assert one.recv(99) == b"answer"
        serving.run(lambda: not serving.service.connections)
        assert set(serving.log.errors) == {None}


def test_a_place_that_systemd_keeps_is_left_as_it_is() -> None:
    """Who has passed the socket may start the program anew, which then gets what waits."""
    with fildes.listen("udp://127.0.0.1:0") as kept:
        number = kept.acceptor.sockets[0].fileno()
        with fildes.listen(f"fd-listen:{number}") as old, client(kept, b"1"):
            f: Any = old.accept(timeout=20)
            with f, client(kept, b"2"):
                old.close()
                assert text_of(kept.acceptor) == b"2"


def test_who_cannot_be_answered_any_more_has_gone(
    start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there is no way back to the sender, a conversation that nobody can go on with ends."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"1") as one:
        f: Any = listener.accept(timeout=20)
        with f:
            listener.close()
            assert f.read(9) == b"1"
            stream = f.description.stream
            one.send(b"2")
            monkeypatch.setattr(stream, "first", stream.first._replace(peer=one.getsockname()))
            assert not stream.give_back()
            assert f.read(9) == b"2"
            assert stream.give_back()
