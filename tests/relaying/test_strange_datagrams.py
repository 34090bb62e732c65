"""Datagrams of others in the queue of a conversation's socket, in a relay.

Until connect(2) has given the socket its peer, the kernel may choose it for anybody's. On
another processor such a datagram may be on its way still when all seem to be sorted. The
tests play that processor: what others send meanwhile is in the queue, and nobody who sorts
sees it before they say so.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from datagram_clients import client
from datagram_relays import Serving, StartServing, start_serving
from peers import LIMIT

import fildes
from fildes.listening import conversation
from fildes.listening.conversation import Conversation

__all__ = ["start_serving"]  # a fixture


#: A socket that has an address is chosen before a listener that has all, for whomever.
ANY = "0.0.0.0"


class Processor:
    """Another processor, which delivers what is sent while a socket has no peer.

    Attributes:
      send: called when the next socket has an address and no peer.
      busy: what was sent then is not in its queue yet.
    """

    def __init__(self) -> None:
        self.send: Callable[[], object] | None = None
        self.busy = False

    def meanwhile(self, *datagrams: tuple[socket.socket, bytes]) -> None:
        """Let *datagrams*, each with its sender, come to the next socket before its peer's."""

        def send() -> None:
            for sender, data in datagrams:
                sender.send(data)

        self.send = send


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processor]:
    """A processor that is busy with what strangers send to a new socket."""
    found = Processor()
    sort = Conversation.sort

    class Interrupted(socket.socket):
        def connect(self, address: Any) -> None:
            send, found.send = found.send, None
            if send is not None:
                send()
                found.busy = True
            super().connect(address)

    def sort_unless_busy(self: Conversation, others: Any) -> None:
        if not found.busy:
            sort(self, others)

    monkeypatch.setattr(Conversation, "sort", sort_unless_busy)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Interrupted)
        yield found


def begin_with_strangers(
    serving: Serving, processor: Processor, strangers: list[socket.socket], peer: socket.socket
) -> Any:
    """Let *strangers* speak into the queue of *peer*'s new socket; return where that leads."""
    processor.meanwhile(*[(each, b"stranger %d" % at) for at, each in enumerate(strangers)])
    peer.send(b"first")
    ((data, place),) = serving.receive(1)
    assert data == b"first"
    processor.busy = False
    return place


def test_a_strangers_datagram_is_a_conversation_of_its_own(
    processor: Processor, start_serving: StartServing
) -> None:
    """What comes of others to a conversation's socket goes where theirs goes, each by itself."""
    serving = start_serving(host=ANY)
    with (
        client(serving.listener) as peer,
        client(serving.listener) as a,
        client(serving.listener) as b,
    ):
        place = begin_with_strangers(serving, processor, [a, b], peer)
        found = dict(serving.receive(2))
        assert set(found) == {b"stranger 0", b"stranger 1"}
        assert len({place, *found.values()}) == 3
        serving.behind.sendto(b"answer", found[b"stranger 1"])
        serving.run(lambda: serving.service.totals[1] == 6)
        assert b.recv(99) == b"answer"


def test_the_peers_own_come_through_beside_it(
    processor: Processor, start_serving: StartServing
) -> None:
    """Around a stranger's datagram those of the peer keep their order, an empty one, too."""
    serving = start_serving(host=ANY)
    with client(serving.listener) as peer, client(serving.listener) as stranger:
        processor.meanwhile((peer, b"second"), (stranger, b"stranger"), (peer, b""), (peer, b"3"))
        peer.send(b"first")
        ((_, place),) = serving.receive(1)
        processor.busy = False
        found = serving.receive(4)
        assert [data for data, there in found if there == place] == [b"second", b"", b"3"]
        assert [data for data, there in found if there != place] == [b"stranger"]


def test_a_stranger_after_the_sorting_has_ended_is_none(
    processor: Processor, start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once all must be there and the queue was empty, the plain receive is used, as for others."""
    serving = start_serving(host=ANY)
    with client(serving.listener) as peer, client(serving.listener) as stranger:
        place = begin_with_strangers(serving, processor, [stranger], peer)
        assert serving.receive(1)[0][1] != place
        connection = next(each for each in serving.service.connections if each.number == 1)
        half: Any = connection.pair_now().there  # type: ignore[union-attr]  # it copies
        peer.send(b"early")
        assert serving.receive(1) == [(b"early", place)]
        assert half.mixed
        monkeypatch.setattr(conversation, "LOOKS", (0.0,))
        while half.mixed:  # it is not always looked whether there is another one
            peer.send(b"late")
            assert serving.receive(1) == [(b"late", place)]
        assert half.take == half.from_sock.recv_into
        peer.send(b"later")
        assert serving.receive(1) == [(b"later", place)]


@pytest.mark.parametrize("before", range(4))
def test_a_stranger_among_lone_ones(
    processor: Processor, start_serving: StartServing, before: int
) -> None:
    """Where each comes alone, and it is not looked for another one, a stranger's is none either."""
    serving = start_serving(host=ANY)
    with client(serving.listener) as peer, client(serving.listener) as stranger:
        place = begin_with_strangers(serving, processor, [], peer)
        for _ in range(before):
            peer.send(b"alone")
            assert serving.receive(1) == [(b"alone", place)]
        (connection,) = serving.service.connections
        sock: Any = connection.near.sock  # type: ignore[attr-defined]  # it is a socket's
        sock.connect(stranger.getsockname())  # the kernel chooses it for the stranger
        stranger.send(b"stranger")
        sock.connect(peer.getsockname())
        ((data, there),) = serving.receive(1)
        assert (data, there != place) == (b"stranger", True)
        peer.send(b"on")
        assert serving.receive(1) == [(b"on", place)]


def test_what_lay_there_when_all_must_be_there_is_sorted(
    processor: Processor, start_serving: StartServing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's datagram that nobody has received for long is the stranger's all the same."""
    monkeypatch.setattr(conversation, "LOOKS", (0.0,))
    serving = start_serving(host=ANY)
    with client(serving.listener) as peer, client(serving.listener) as stranger:
        place = begin_with_strangers(serving, processor, [stranger], peer)
        ((data, there),) = serving.receive(1)
        assert (data, there != place) == (b"stranger 0", True)


def test_who_parts_gives_strangers_back(processor: Processor) -> None:
    """At the end of a silence, too, each datagram goes to the conversation of its sender."""
    with (
        fildes.listen(f"udp://{ANY}:0") as listener,
        client(listener) as peer,
        client(listener) as stranger,
    ):
        processor.meanwhile((stranger, b"stranger"), (peer, b"last"))
        peer.send(b"first")
        old: Any = listener.accept(timeout=LIMIT)
        with old:
            assert old.read(9) == b"first"
            processor.busy = False
            old.description.stream.give_back()
        with listener.accept(timeout=LIMIT) as f, listener.accept(timeout=LIMIT) as g:
            assert [f.read(9), g.read(9)] == [b"stranger", b"last"]
            assert (f.peer, g.peer) == tuple(
                "udp://{}:{}".format(*each.getsockname()) for each in (stranger, peer)
            )
