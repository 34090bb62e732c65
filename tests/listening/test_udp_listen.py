"""Listening for datagrams: each sender is a conversation, and none of its datagrams is lost."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from datagram_clients import client
from loops import DRIVERS, LOOPS, RunLoop, RunProtocol

import fildes
import fildes.aio
from fildes.testing import both, open_stream

needs_socat = pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")


@pytest.fixture
def listener() -> Iterator[Any]:
    with fildes.listen("udp://127.0.0.1:0") as listener:
        yield listener


def test_each_sender_is_a_conversation(listener: Any) -> None:
    """Datagrams of two senders do not mix, and answers reach who has asked."""
    with (
        client(listener, b"one") as first,
        client(listener, b"two") as second,
        listener.accept(timeout=20) as f,
        listener.accept(timeout=20) as g,
    ):
        assert f.peer == "udp://{}:{}".format(*first.getsockname())
        assert g.peer == "udp://{}:{}".format(*second.getsockname())
        second.send(b"two again")
        first.send(b"one again")
        assert [f.read(99), f.read(99)] == [b"one", b"one again"]
        assert [g.read(99), g.read(99)] == [b"two", b"two again"]
        f.write(b"answer one")
        g.write(b"answer two")
        assert (first.recv(99), second.recv(99)) == (b"answer one", b"answer two")


def test_what_came_before_is_received_first(listener: Any) -> None:
    """All that senders have sent before they were accepted is there, in order, whole."""
    large = bytes(range(256)) * 200
    with client(listener, b"a1", b"", large) as first, client(listener, b"", b"b2") as second:
        first.send(b"a4")
        with listener.accept(timeout=20) as f, listener.accept(timeout=20) as g:
            second.send(b"b3")
            assert [f.read(99999) for _ in range(4)] == [b"a1", b"", large, b"a4"]
            assert [g.read(99) for _ in range(3)] == [b"", b"b2", b"b3"]


def test_short_buffer_loses_nothing(listener: Any) -> None:
    """A datagram that does not fit is kept for a larger buffer, the first one, too."""
    with client(listener, b"long one", b"next"), listener.accept(timeout=20) as f:
        with pytest.raises(OSError) as caught:
            f.read(4)
        assert caught.value.errno == errno.EMSGSIZE
        assert [f.read(99), f.read(99)] == [b"long one", b"next"]


def test_descriptor_is_genuine_once_all_is_in_it(listener: Any) -> None:
    """While there are datagrams that came before, no descriptor could carry them."""
    with client(listener, b"first") as sock, listener.accept(timeout=20) as f:
        with pytest.raises(io.UnsupportedOperation, match="read them"):
            f.fileno()
        assert f.read(99) == b"first"
        sock.send(b"second")
        assert os.read(f.fileno(), 99) == b"second"


def test_closed_conversation_begins_anew(listener: Any) -> None:
    """A sender whose conversation was closed is a new one."""
    with client(listener, b"one") as sock:
        with listener.accept(timeout=20) as f:
            assert f.read(99) == b"one"
        sock.send(b"two")
        with listener.accept(timeout=20) as f:
            assert f.read(99) == b"two"


def test_datagrams_between_bind_and_connect_are_not_lost(
    listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others send to a socket that has no peer yet becomes theirs."""
    with client(listener) as intruder, client(listener, b"first") as sock:

        class Interrupted(socket.socket):
            def connect(self, address: Any) -> None:
                intruder.send(b"from another")
                sock.send(b"second")
                super().connect(address)

        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", Interrupted)
            first = listener.accept(timeout=20)
        with first, listener.accept(timeout=20) as other:
            assert other.read(99) == b"from another"
            assert [first.read(99), first.read(99)] == [b"first", b"second"]


def test_datagrams_on_their_way_to_the_new_socket_are_not_lost(
    listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was on its way when the socket was connected goes to its own conversation."""
    with client(listener, b"first") as sock, client(listener) as intruder:

        class Interrupted(socket.socket):
            late = True

            def connect(self, address: Any) -> None:
                intruder.send(b"from another")
                super().connect(address)
                sock.send(b"second")

            def recvfrom(self, *args: Any) -> Any:
                if self.late:  # as long as another processor is at it
                    self.late = False
                    raise BlockingIOError
                return super().recvfrom(*args)

        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", Interrupted)
            first = listener.accept(timeout=20)
        with first:
            assert [first.read(99), first.read(99)] == [b"first", b"second"]
            with listener.accept(timeout=20) as other:
                assert other.read(99) == b"from another"


def test_order_is_kept_while_the_socket_is_made(
    listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes to the new socket comes after what waits at the listener."""
    with client(listener, b"1", b"2", b"3") as sock:

        class Interrupted(socket.socket):
            def bind(self, address: Any) -> None:
                sock.send(b"4")
                super().bind(address)

            def connect(self, address: Any) -> None:
                super().connect(address)
                sock.send(b"5")

        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", Interrupted)
            f = listener.accept(timeout=20)
        with f:
            assert [f.read(9) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.slow
def test_many_senders_at_once(listener: Any) -> None:
    """UDPLISTENFORK: of many that send at once each gets its own back, all of it."""
    answers: dict[int, list[bytes]] = {}

    def ask(number: int) -> None:
        with client(listener, b"%d-0" % number, b"%d-1" % number, b"%d-2" % number) as sock:
            answers[number] = [sock.recv(99) for _ in range(3)]

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(60)]
    for asker in askers:
        asker.start()
    with contextlib.ExitStack() as files:
        for _ in askers:
            f = files.enter_context(listener.accept(timeout=20))
            for _ in range(3):
                f.write(f.read(99))
        for asker in askers:
            asker.join()
    assert all(
        answers[number] == [b"%d-%d" % (number, turn) for turn in range(3)] for number in range(60)
    )


def test_silent_sender_is_gone_after_a_while() -> None:
    """Without a datagram for the idle limit a read is a TimeoutError; `open`'s own counts more."""
    with (
        fildes.listen("udp-listen://127.0.0.1:0?idle-timeout=0.02") as listener,
        client(listener, b"one"),
        listener.accept(timeout=20) as f,
    ):
        assert f.read(99) == b"one"
        with pytest.raises(TimeoutError):
            f.read(99)
    with fildes.listen("udp-listen://127.0.0.1:0") as listener:
        assert listener.acceptor.idle_timeout == 60


@pytest.mark.parametrize(("place", "host"), [("0.0.0.0", "127.0.0.2"), ("[::]", "::1")])
def test_answers_come_from_the_address_that_was_asked(place: str, host: str) -> None:
    """At a wildcard address each conversation is of the address that was sent to."""
    with (
        fildes.listen(f"udp://{place}:0") as listener,
        client(listener, b"one", host=host) as sock,
        listener.accept(timeout=20) as f,
    ):
        f.write(b"answer")
        assert sock.recv(99) == b"answer"
        assert f.local == "udp://{}:{}".format(
            f"[{host}]" if ":" in host else host, sock.getpeername()[1]
        )


@pytest.mark.parametrize("loop", LOOPS)
def test_under_event_loops(loop: RunLoop) -> None:
    """Conversations are asynchronous files, too."""

    async def main() -> list[bytes]:
        async with fildes.aio.listen("udp://127.0.0.1:0") as listener:
            with client(listener, b"one", b"two") as sock:
                async with await listener.accept(timeout=20) as f:
                    received = [await f.read(99), await f.read(99)]
                    await f.write(b"answer")
                return [*received, sock.recv(99)]

    assert loop(main()) == [b"one", b"two", b"answer"]


@pytest.mark.parametrize("run", DRIVERS)
def test_opening_takes_the_first_sender(run: RunProtocol) -> None:
    """An address that listens opens as the conversation with whoever sends first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    async def send() -> Any:
        theirs = await open_stream(f"udp://127.0.0.1:{port}")
        await theirs.send_all(b"hello")
        return theirs

    async def scenario() -> bytes:
        ours, theirs = await both(open_stream(f"udp-listen://127.0.0.1:{port}"), send())
        received: bytes = await ours.recv()
        await theirs.close()
        await ours.close()
        return received

    assert run(scenario()) == b"hello"


@needs_socat
def test_socat_is_answered(listener: Any) -> None:
    """socat's UDP reaches a conversation, and gets its answer."""

    def serve() -> None:
        with listener.accept(timeout=20) as f:
            f.write(f.read(99).upper())

    thread = threading.Thread(target=serve)
    thread.start()
    address = listener.address.replace("udp://", "UDP:")
    result = subprocess.run(
        ["socat", "-t0.5", "-", address], input=b"hello", capture_output=True, timeout=60
    )
    thread.join()
    assert result.stdout == b"HELLO"
