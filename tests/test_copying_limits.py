"""pipe and relay with limits, and with ends that are not passed on."""

from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loops import LOOPS, RunLoop
from peers import LIMIT, Conversation, StartPeer, echo

import fildes
import fildes.aio

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(20)
        yield ours, theirs


def recv_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def built_in_file(sock: socket.socket, path: Path) -> io.BufferedReader:
    path.write_bytes(b"line\nahead")
    return path.open("rb")


def built_in_pipe(sock: socket.socket, path: Path) -> io.BufferedReader:
    source, sink = os.pipe()
    os.write(sink, b"line\nahead")
    os.close(sink)
    return open(source, "rb")


def test_bytes_of_one_message(pair: Pair, tmp_path: Path) -> None:
    """At most `max_bytes` are copied, of those read ahead, too; what follows stays to be read."""
    ours, theirs = pair
    theirs.sendall(b"head\nfirst second third")
    theirs.shutdown(socket.SHUT_WR)
    with fildes.open(f"fd:{ours.fileno()}") as source, fildes.open(tmp_path / "x", "wb") as sink:
        assert source.readline() == b"head\n"
        assert fildes.pipe(source, sink, max_bytes=6) == 6
        assert source.read(7) == b"second "
        assert fildes.pipe(source, sink, max_bytes=100) == 5
    assert (tmp_path / "x").read_bytes() == b"first third"


@pytest.mark.parametrize("open_it", [built_in_file, built_in_pipe])
def test_bytes_of_a_built_in_file(
    open_it: Callable[[socket.socket, Path], io.BufferedReader],
    pair: Pair,
    tmp_path: Path,
) -> None:
    """A limit holds for what a built-in file has read ahead, and the rest stays in it."""
    ours, theirs = pair
    with open_it(ours, tmp_path / "x") as source:
        assert source.readline() == b"line\n"
        assert fildes.pipe(source, ours, max_bytes=2) == 2
        assert source.read() == b"ead"
    assert recv_all(theirs) == b"ah"


def test_limit_does_not_wait_for_more(pair: Pair) -> None:
    """After the last byte of the limit nobody waits for another one; the end is passed on."""
    ours, theirs = pair
    other, far = socket.socketpair()
    with other, far:
        theirs.sendall(b"12345")
        assert fildes.pipe(ours, other, max_bytes=3) == 3
        assert recv_all(far) == b"123"
        assert ours.recv(9) == b"45"


def test_end_that_is_not_passed_on(peer: StartPeer, tmp_path: Path) -> None:
    """With eof="ignore" several sources are one question, whose end comes with `half_close`."""
    server = peer(lambda talk: talk.send(talk.recv_all()[::-1]))
    with fildes.open(server.address()) as f:
        for data in (b"one ", b"two"):
            (tmp_path / "part").write_bytes(data)
            with fildes.open(tmp_path / "part") as source:
                assert fildes.pipe(source, f, eof="ignore") == len(data)
        f.half_close()
        assert f.read() == b"owt eno"


def test_relay_with_a_limit_in_each_direction(peer: StartPeer) -> None:
    """Each direction ends by itself after `max_bytes`, whatever else would come."""

    def left(talk: Conversation) -> None:
        talk.send(b"question")
        assert talk.recv_all() == b"answ"
        talk.stall()

    def right(talk: Conversation) -> None:
        assert talk.recv_all() == b"ques"
        talk.send(b"answer")
        talk.stall()

    with fildes.open(peer(left).address()) as a, fildes.open(peer(right).address()) as b:
        assert fildes.relay(a, b, max_bytes=4) == (4, 4)


def test_relay_that_ignores_ends(peer: StartPeer) -> None:
    """With eof="ignore" nobody learns that the other one has ended; both stay writable."""

    def left(talk: Conversation) -> None:
        talk.send(b"question")
        talk.fin()
        assert talk.recv_exactly(6) == b"answer"
        assert talk.recv_all() == b" and more"

    def right(talk: Conversation) -> None:
        assert talk.recv_exactly(8) == b"question"
        talk.send(b"answer")
        talk.fin()
        assert talk.recv_all() == b" and more"

    with fildes.open(peer(left).address()) as a, fildes.open(peer(right).address()) as b:
        assert fildes.relay(a, b, eof="ignore") == (8, 6)
        for file in (a, b):
            file.write(b" and more")
            file.half_close()


@pytest.mark.parametrize(("how", "words"), [
    ({"eof": "last"}, "eof is propagate"), ({"max_bytes": 0}, "max_bytes is 1 or more"),
    ({"idle_timeout": -1}, "0 or more"), ({"idle_timeout": float("nan")}, "0 or more"),
])  # fmt: skip
def test_wrong_options_touch_nothing(how: dict[str, Any], words: str, pair: Pair) -> None:
    """A policy or a limit that is none is a ValueError, and neither side is aborted."""
    ours, theirs = pair
    with pytest.raises(ValueError, match=words):
        fildes.relay(ours, theirs, **how)
    with pytest.raises(ValueError, match=words.replace("eof is", "eof of one direction is")):
        fildes.pipe(ours, theirs, **how)
    theirs.send(b"still open")
    assert ours.recv(100) == b"still open"


@pytest.mark.parametrize("run", LOOPS)
def test_limits_in_an_event_loop(run: RunLoop, peer: StartPeer, pair: Pair) -> None:
    """`fildes.aio.pipe` and `relay` know the same limits; what is left can still be read."""
    ours, theirs = pair
    theirs.sendall(b"head\nfirst second")
    server = peer(lambda talk: talk.send(talk.recv_all()[::-1]))

    async def main() -> None:
        async with (
            await fildes.aio.open(f"fd:{ours.fileno()}") as source,
            await fildes.aio.open(server.address()) as sink,
        ):
            assert await source.readline() == b"head\n"
            assert await fildes.aio.pipe(source, sink, max_bytes=6, eof="ignore") == 6
            assert await fildes.aio.relay(source, sink, max_bytes=3) == (3, 3)
            assert await source.read(3) == b"ond"
            assert await sink.read() == b" tsrif"

    run(main())
    assert theirs.recv(3, socket.MSG_WAITALL) == b"ces"


@pytest.mark.parametrize("run", LOOPS)
def test_policies_in_an_event_loop(run: RunLoop, peer: StartPeer, pair: Pair) -> None:
    """`fildes.aio.relay` ends at the first end, or after a silence behind it, if it is told to."""
    ours, theirs = pair
    theirs.sendall(b"question")
    answers: list[bytes] = []

    def end_after_the_answer() -> None:
        answers.append(theirs.recv(100))
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=end_after_the_answer)
    thread.start()

    def never_ends(talk: Conversation) -> None:
        talk.recv_exactly(8)
        talk.send(b"answer")
        talk.stall()

    server = peer(never_ends)

    async def main() -> None:
        async with await fildes.aio.open(server.address()) as f:
            assert await fildes.aio.relay(ours, f, eof="linger:0.05") == (8, 6)
        with pytest.raises(ValueError, match="eof is"):
            await fildes.aio.relay(ours, ours, eof="last")

    run(main())
    thread.join()
    assert answers == [b"answer"]


@pytest.mark.parametrize(("how", "answer"), [
    ({"max_bytes": 4}, b"ques"), ({"eof": "ignore", "max_bytes": 8}, b"question"),
])  # fmt: skip
def test_limits_of_a_relay_that_serves_many(
    how: dict[str, Any], answer: bytes, peer: StartPeer
) -> None:
    """Between a listener and an address each connection has the limits, and ends by them."""
    server = peer(echo)
    outcome: list[tuple[int, int]] = []
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        thread = threading.Thread(
            target=lambda: outcome.append(fildes.relay(listener, server.address(), **how))
        )
        thread.start()
        with socket.create_connection(endpoint(listener.address), LIMIT) as client:
            client.sendall(answer)  # and no end: the limit is one
            assert client.recv(len(answer), socket.MSG_WAITALL) == answer
            assert client.recv(1) == b""
        listener.close()
        thread.join()
    assert outcome == [(len(answer), len(answer))]


def endpoint(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)
