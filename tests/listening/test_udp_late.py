"""Datagrams that come to the listener although their conversation is there already.

The kernel had chosen the listener's socket for them before the conversation's was connected,
on another processor. The tests play that processor: what is sent as the new socket is made
goes to the listener, and it is there, for whoever looks, only when they say so.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from datagram_clients import client
from datagram_relays import StartServing, start_serving
from loops import LOOPS, RunLoop
from peers import LIMIT

import fildes
import fildes.aio
from fildes.listening import conversation, udp
from fildes.listening.arrivals import Arrival, receive_from

__all__ = ["start_serving"]  # a fixture


class Processor:
    """Another processor, with a datagram for the listener.

    Attributes:
      sender: who sends it, when the socket of the first conversation is made.
      busy: the datagram is not in the queue yet.
      looks: how often somebody has looked for it since.
    """

    def __init__(self) -> None:
        self.sender: socket.socket | None = None
        self.busy = False
        self.looks = 0
        self.most = -1

    def receive_from(self, listener: socket.socket) -> Arrival | None:
        if self.busy:
            self.looks += 1
            if self.looks != self.most:
                raise BlockingIOError
            self.busy = False
        return receive_from(listener)

    def send(self) -> None:
        """Send the datagram."""
        if self.sender is not None:
            self.sender.send(b"late")
            self.sender, self.busy = None, True


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processor]:
    """A processor that is busy with what the first sender sends meanwhile."""
    found = Processor()

    class Interrupted(socket.socket):
        def bind(self, address: Any) -> None:
            found.send()
            super().bind(address)

    monkeypatch.setattr(udp, "receive_from", found.receive_from)
    with monkeypatch.context() as patch:
        with fildes.listen("udp://127.0.0.1:0"):  # what it imports derives from sockets, too
            pass
        patch.setattr(socket, "socket", Interrupted)
        yield found


@pytest.fixture
def only_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody who waits look by himself."""
    monkeypatch.setattr(conversation, "LOOKS", (1000.0,))


def test_who_waits_looks_for_it(processor: Processor) -> None:
    """Though nobody accepts, a read gets it: it looks at the listener now and then."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"first") as sock:
        processor.sender, processor.most = sock, 4
        with listener.accept(timeout=LIMIT) as f:
            assert [f.read(99), f.read(99)] == [b"first", b"late"]


@pytest.mark.parametrize("loop", LOOPS)
def test_who_waits_in_a_loop_looks_for_it(processor: Processor, loop: RunLoop) -> None:
    """Nor does anybody need to accept in an event loop."""

    async def main() -> list[bytes]:
        async with fildes.aio.listen("udp://127.0.0.1:0") as listener:
            with client(listener, b"first") as sock:
                processor.sender, processor.most = sock, 4
                async with await listener.accept(timeout=LIMIT) as f:
                    return [await f.read(99), await f.read(99)]

    assert loop(main()) == [b"first", b"late"]


def is_waiting(file: Any) -> bool:
    """Tell whether a read of *file* waits, and can be woken."""
    return bool(file.description.stream.alarm.fd >= 0)


@pytest.mark.usefixtures("only_woken")
def test_who_waits_is_woken(processor: Processor) -> None:
    """Who accepts in another thread gets it, and wakes the read that waits for it."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"first") as sock:
        processor.sender = sock
        with listener.accept(timeout=LIMIT) as f:
            assert f.read(99) == b"first"
            got: list[bytes] = []
            thread = threading.Thread(target=lambda: got.append(f.read(99)))
            thread.start()
            while not is_waiting(f):
                time.sleep(0)
            processor.busy = False
            assert listener.acceptor.try_accept() is None
            thread.join(LIMIT)
            assert got == [b"late"]


@pytest.mark.usefixtures("only_woken")
@pytest.mark.parametrize("loop", LOOPS)
def test_who_waits_in_a_loop_is_woken(processor: Processor, loop: RunLoop) -> None:
    """Who accepts in another task does the same."""

    async def main() -> list[bytes]:
        async with fildes.aio.listen("udp://127.0.0.1:0") as listener:
            with client(listener, b"first") as sock:
                processor.sender = sock
                async with await listener.accept(timeout=LIMIT) as f:
                    received = [await f.read(99)]

                    def look() -> None:
                        while not is_waiting(f):
                            time.sleep(0)
                        processor.busy = False
                        assert listener.acceptor.try_accept() is None

                    thread = threading.Thread(target=look)
                    thread.start()
                    received.append(await f.read(99))
                    thread.join(LIMIT)
                    return received

    assert loop(main()) == [b"first", b"late"]


def test_a_relay_passes_it_on(processor: Processor, start_serving: StartServing) -> None:
    """A relay between two sockets, which waits for nothing but those, is told of it."""
    serving = start_serving()
    with client(serving.listener, b"first") as sock:
        processor.sender = sock
        assert [data for data, _ in serving.receive(1)] == [b"first"]
        processor.busy = False
        assert [data for data, _ in serving.receive(1)] == [b"late"]


def test_others_are_not_lost_by_a_look(processor: Processor) -> None:
    """What a read finds at the listener of somebody new begins a conversation with him."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"first") as sock:
        processor.sender, processor.most = sock, 3
        with listener.accept(timeout=LIMIT) as f, client(listener, b"new"):
            assert [f.read(99), f.read(99)] == [b"first", b"late"]
            with listener.accept(timeout=LIMIT) as g:
                assert g.read(99) == b"new"


def test_a_listener_that_closes_gives_it_away(processor: Processor) -> None:
    """What is in the queue when the listener is closed is its conversation's."""
    with fildes.listen("udp://127.0.0.1:0") as listener, client(listener, b"first") as sock:
        processor.sender = sock
        with listener.accept(timeout=LIMIT) as f:
            processor.busy = False
            listener.close()
            assert [f.read(99), f.read(99)] == [b"first", b"late"]


def test_looking_ends(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all must be there a read waits for its socket alone, and holds no more descriptors."""
    monkeypatch.setattr(conversation, "LOOKS", (0.0,))
    with (
        fildes.listen("udp://127.0.0.1:0") as listener,
        client(listener, b"first") as sock,
        listener.accept(timeout=LIMIT) as f,
    ):
        assert f.read(99) == b"first"
        stream: Any = f.description.stream
        assert stream.try_recv_into(memoryview(bytearray(9))) is None
        assert list(stream.recv_wants()) == [f.fileno()]
        sock.send(b"second")
        assert f.read(99) == b"second"
