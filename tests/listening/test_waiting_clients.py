"""L1: where nothing is left to accept with clients wait, and are served in turn."""

from __future__ import annotations

import errno
import itertools
import os
import select
import socket
import threading
from typing import Any, NoReturn

import pytest
from loops import LOOPS, RunLoop
from tasks import a_turn, together

import fildes
import fildes.aio
from fildes.drivers import blocking
from fildes.listening import accepting
from fildes.listening.accepting import Acceptor
from fildes.listening.handshakes import Handshakes
from fildes.listening.taking import Taken

#: Seconds that only a failed test takes.
LIMIT = 20.0


class Shortage:
    """Nothing is left for one acceptor to accept with, as long as it lasts.

    Attributes:
      felt: set once the acceptor waits, for longer than any test, for something to be released.
    """

    def __init__(self, acceptor: Acceptor) -> None:
        self.lasts = True
        self.felt = threading.Event()
        self.acceptor, self.genuine = acceptor, acceptor.pause
        self.take = next(acceptor.turns)
        acceptor.turns = itertools.repeat(self.try_take)
        acceptor.pause = self.pause  # type: ignore[method-assign]  # this one only

    def try_take(self) -> Taken:
        if self.lasts:
            nothing_left()
        return self.take()

    async def pause(self, seconds: float, mine: Handshakes, error: OSError) -> float:
        if not self.acceptor.short:
            return await self.genuine(0.0, mine, error)
        self.felt.set()
        return await self.genuine(10 * LIMIT, mine, error)


def nothing_left(*arguments: Any) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def client_of(address: str, said: bytes = b"hello\n") -> socket.socket:
    """Return a client that has said something."""
    host, _, port = address.partition("://")[2].rpartition(":")
    sock = socket.create_connection((host, int(port)), LIMIT)
    sock.sendall(said)
    return sock


@pytest.fixture
def no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no pause be so long that it is told of."""
    monkeypatch.setattr(accepting, "LONGEST_PAUSE", 100 * LIMIT)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each pause be the longest there is, and take no time."""
    monkeypatch.setattr(accepting, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(accepting, "LONGEST_PAUSE", 0.0)


@pytest.mark.usefixtures("short_pauses")
def test_nobody_is_turned_away() -> None:
    """Who waits through the longest pauses is served in the end; it is told that he waits."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, client_of(listener.address) as ours:
        failures, take = iter(range(9)), next(listener.acceptor.turns)

        def take_at_last() -> Taken:
            if next(failures, None) is not None:
                nothing_left()
            return take()

        listener.acceptor.turns = itertools.repeat(take_at_last)
        with pytest.warns(RuntimeWarning, match="wait.*many open files.*raise `ulimit -n`"):
            f = listener.accept(timeout=LIMIT)
        with f:
            assert f.readline() == b"hello\n"
            f.write(b"world\n")
            f.flush()
            assert ours.recv(99) == b"world\n"


def test_timeout_says_why() -> None:
    """A time-out of who could have accepted somebody has the reason as its context."""
    with fildes.listen("tcp://127.0.0.1:0") as listener, client_of(listener.address):
        Shortage(listener.acceptor)
        with pytest.raises(TimeoutError) as caught:
            listener.accept(timeout=0)
    assert isinstance(caught.value.__context__, OSError)
    assert caught.value.__context__.errno == errno.EMFILE


@pytest.mark.usefixtures("no_warning")
def test_close_ends_a_pause() -> None:
    """A listener that is closed from another thread waits for no release any more."""
    ended: list[object] = []
    with fildes.listen("tcp://127.0.0.1:0") as listener, client_of(listener.address):
        shortage = Shortage(listener.acceptor)
        thread = threading.Thread(target=lambda: ended.extend([*listener, "end"]))
        thread.start()
        assert shortage.felt.wait(LIMIT)
        listener.close()
        thread.join(LIMIT)
    assert ended == ["end"]


def test_a_failure_ends_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes the last place, and gives it back for want of a socket, lets nothing spin."""
    made, answer = socket.socket, blocking._answer
    waited: list[object] = []

    class Exhausted(socket.socket):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            if len(waited) < 5:
                nothing_left()
            super().__init__(*arguments, **named)

    def wait(request: Any, *limits: Any) -> Any:
        waited.append(blocking.wait(request.interest, 0))
        return answer(request, *limits)

    with (
        fildes.listen("udp://127.0.0.1:0", max_connections=1) as listener,
        made(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.sendto(b"hello", ("127.0.0.1", int(listener.address.rpartition(":")[2])))
        blocking.wait(listener.acceptor.wants(), LIMIT)
        monkeypatch.setattr(socket, "socket", Exhausted)
        monkeypatch.setattr(blocking, "_answer", wait)
        with listener.accept(timeout=LIMIT) as f:
            assert f.read(99) == b"hello"
    assert waited == [{}] * 5


@pytest.mark.usefixtures("no_warning")
def test_clients_of_a_server_wait_for_a_handler() -> None:
    """Where nothing is left, the next client is served as soon as a handler has ended."""
    entered = threading.Event()

    def handle(f: Any) -> None:
        entered.set()
        f.write(f.readline().upper())

    with fildes.listen("tcp://127.0.0.1:0") as listener:
        thread = threading.Thread(target=fildes.serve, args=(listener, handle))
        thread.start()
        with client_of(listener.address, b"first") as first:
            assert entered.wait(LIMIT)
            shortage = Shortage(listener.acceptor)
            with client_of(listener.address) as second:
                assert shortage.felt.wait(LIMIT)
                shortage.lasts = False
                first.sendall(b"\n")
                assert first.recv(99) == b"FIRST\n"
                assert second.recv(99) == b"HELLO\n"
        listener.close()
        thread.join(LIMIT)


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize("loop", LOOPS)
def test_clients_of_tasks_wait_for_a_handler(loop: RunLoop) -> None:
    """So it is in event loops."""
    entered = threading.Event()

    async def handle(f: Any) -> None:
        entered.set()
        await f.write((await f.readline()).upper())

    async def ask(listener: Any) -> None:
        async with fildes.aio.open(listener.address) as first:
            await until(entered)
            shortage = Shortage(listener.acceptor)
            async with fildes.aio.open(listener.address) as second:
                await second.write(b"second\n")
                await second.flush()
                await until(shortage.felt)
                shortage.lasts = False
                await first.write(b"first\n")
                assert await first.readline() == b"FIRST\n"
                assert await second.readline() == b"SECOND\n"
        await listener.close()

    async def main() -> None:
        listener = await fildes.aio.listen("tcp://127.0.0.1:0")
        await together(lambda: ask(listener), lambda: fildes.aio.serve(listener, handle))

    loop(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_to_wait_takes_no_more(loop: RunLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first clients have taken everything, an event loop can wait still."""

    async def main() -> None:
        async with await fildes.aio.listen("tcp://127.0.0.1:0") as listener:
            failures, take = iter(range(2)), next(listener.acceptor.turns)

            def take_at_last() -> Any:
                if next(failures, None) is not None:
                    monkeypatch.setattr(select, "epoll", nothing_left)
                    nothing_left()
                return take()

            listener.acceptor.turns = itertools.repeat(take_at_last)
            with client_of(listener.address):
                async with await listener.accept() as f:
                    assert await f.readline() == b"hello\n"

    loop(main())


async def until(event: threading.Event) -> None:
    """Let other tasks go on until one of them sets *event*."""
    while not event.is_set():
        await a_turn()
