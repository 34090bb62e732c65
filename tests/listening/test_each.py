"""Listening for datagrams of which each is a connection: a question, its end, and answers."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datagram_clients import answerer, client
from loops import LOOPS, RunLoop
from pair_ends import abstract_name
from peers import LIMIT

import fildes
import fildes.aio

UDP = "udp-listen://127.0.0.1:0?each=on"


@pytest.fixture
def listener() -> Iterator[Any]:
    with fildes.listen(UDP) as listener:
        yield listener


@pytest.fixture(params=["path", "abstract"])
def unix_listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    name = str(tmp_path / "ours") if request.param == "path" else abstract_name()
    with fildes.listen(f"unix-dgram:{name}") as listener:
        yield listener


def asker(listener: Any, name: str = "") -> Any:
    """Return a socket that is connected to a unix *listener*, and is called *name*."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(LIMIT)
    if name:
        sock.bind(name)
    sock.connect(listener.acceptor.sockets[0].getsockname())
    return sock


def test_each_datagram_is_a_connection(listener: Any) -> None:
    """One sender's datagrams are several streams, each with an end; answers are its own."""
    with client(listener, b"one", b"two") as sock:
        for question in (b"one", b"two"):
            with listener.accept(timeout=LIMIT) as f:
                assert (f.peer, f.local) == (
                    "udp://{}:{}".format(*sock.getsockname()),
                    listener.address,
                )
                assert [f.read(99), f.read(99), f.read(99)] == [question, b"", b""]
                f.write(b"first of " + question)
                f.write(b"second of " + question)
            assert sock.recv(99) == b"first of " + question
            assert sock.recv(99) == b"second of " + question


def test_answers_in_any_order(listener: Any) -> None:
    """Streams that are open at once are answered each at its sender."""
    with client(listener, b"one") as first, client(listener, b"two") as second:
        with listener.accept(timeout=LIMIT) as f, listener.accept(timeout=LIMIT) as g:
            g.write(b"to two")
            f.write(b"to one")
            f.half_close()
            assert g.read(99) == b"two"
        assert (first.recv(99), second.recv(99)) == (b"to one", b"to two")


@pytest.mark.parametrize(
    ("wildcard", "host"), [("0.0.0.0", "127.0.0.2"), ("[::]", "::1")], ids=["4", "6"]
)
def test_answer_comes_from_where_it_was_asked(wildcard: str, host: str) -> None:
    """Who has asked one of several addresses of ours is answered from that one."""
    with (
        fildes.listen(f"udp-listen://{wildcard}:0?each=on") as listener,
        client(listener, b"question", host=host) as sock,  # a connected one hears no other
        listener.accept(timeout=LIMIT) as f,
    ):
        f.write(b"answer")
        assert sock.recv(99) == b"answer"
        assert f.local == "udp://{}:{}".format(*host_and_port(sock.getpeername()))


def host_and_port(name: Any) -> tuple[str, int]:
    host, port = name[:2]
    return (f"[{host}]" if ":" in host else host), port


def test_unix_sender_with_a_name(unix_listener: Any, tmp_path: Path) -> None:
    """A process that has bound its socket is answered, by the socket that it knows."""
    with asker(unix_listener, str(tmp_path / "asker")) as sock:
        sock.send(b"question")
        with unix_listener.accept(timeout=LIMIT) as f:
            assert f.peer == f"unix-dgram:{tmp_path / 'asker'}"
            assert [f.read(99), f.read(99)] == [b"question", b""]
            f.write(b"answer")
        assert sock.recv(99) == b"answer"


def test_unix_sender_without_a_name(unix_listener: Any) -> None:
    """A process that cannot be answered is heard; an answer is an error that says why."""
    with asker(unix_listener) as sock:
        sock.send(b"statement")
        with unix_listener.accept(timeout=LIMIT) as f:
            assert f.peer is None
            assert f.read(99) == b"statement"
            with pytest.raises(OSError, match="no name") as caught:
                f.write(b"answer")
            assert caught.value.errno == errno.EDESTADDRREQ


def test_sizes(listener: Any) -> None:
    """An empty datagram is an end of file alone; one that is too large for a read is kept."""
    large = bytes(60_000)
    with client(listener, b"", large):
        with listener.accept(timeout=LIMIT) as f:
            assert f.read(99) == b""
        with listener.accept(timeout=LIMIT) as f:
            with pytest.raises(OSError, match="60000 bytes"):
                f.read(99)
            assert [f.read(99_999), f.read(99)] == [large, b""]


def test_there_is_no_descriptor(listener: Any) -> None:
    """A descriptor of the listener's socket would bring everything else, so none is given."""
    with (
        client(listener, b"one"),
        listener.accept(timeout=LIMIT) as f,
        pytest.raises(OSError, match="read it"),
    ):
        f.fileno()


@pytest.mark.parametrize("end", ["close", "abort", "half_close"])
def test_end_of_a_stream_is_nobody_elses(end: str, listener: Any) -> None:
    """However a stream ends, the listener and other streams go on."""
    with client(listener, b"one", b"two") as sock, listener.accept(timeout=LIMIT) as f:
        with listener.accept(timeout=LIMIT) as g:
            getattr(g, end)()
        f.write(b"answer")
        assert sock.recv(99) == b"answer"
        sock.send(b"three")
        with listener.accept(timeout=LIMIT) as h:
            assert h.read(99) == b"three"


def test_more_than_there_may_be_wait() -> None:
    """What is too much at once waits in the kernel's queue; an end lets the next one in."""
    with (
        fildes.listen(f"{UDP}&max-connections=1") as listener,
        client(listener, b"one", b"two") as sock,
    ):
        with listener.accept(timeout=LIMIT), pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        with listener.accept(timeout=LIMIT) as f:
            f.write(b"answer to " + f.read(99))
        assert sock.recv(99) == b"answer to two"


def test_who_is_not_allowed_is_not_heard() -> None:
    """Datagrams of others than those that are let in are dropped, and cost no descriptor."""
    with (
        fildes.listen("udp-listen://0.0.0.0:0?each=on&allow=127.0.0.3") as listener,
        client(listener, b"one"),
        answerer("127.0.0.3") as allowed,
    ):
        before = os.listdir("/proc/self/fd")
        with pytest.raises(TimeoutError):
            listener.accept(timeout=0.01)
        assert os.listdir("/proc/self/fd") == before
        allowed.sendto(b"two", ("127.0.0.1", int(listener.address.rpartition(":")[2])))
        with listener.accept(timeout=LIMIT) as f:
            assert f.read(99) == b"two"


@pytest.mark.parametrize("limits", ["", "&max-connections=1"])
def test_nothing_is_lost_where_descriptors_run_out(
    limits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A datagram for which there is no descriptor yet is accepted when there is one."""
    failures = [errno.EMFILE, errno.ENFILE]
    dup = socket.socket.dup

    def dup_later(sock: socket.socket) -> socket.socket:
        if failures:
            raise OSError(failures.pop(), "none left")
        return dup(sock)

    with fildes.listen(UDP + limits) as listener, client(listener, b"one", b"two"):
        monkeypatch.setattr(socket.socket, "dup", dup_later)
        for question in (b"one", b"two"):
            with listener.accept(timeout=LIMIT) as f:
                assert f.read(99) == question
    assert not failures


@pytest.mark.parametrize("loop", LOOPS)
def test_in_event_loops(loop: RunLoop) -> None:
    """Under asyncio and trio it is the same."""

    async def main() -> None:
        async with await fildes.aio.listen(UDP) as listener:
            with client(listener, b"question") as sock:
                async with await listener.accept() as f:
                    assert [await f.read(99), await f.read(99)] == [b"question", b""]
                    await f.write(b"answer")
                assert sock.recv(99) == b"answer"

    loop(main())


def test_opened_it_is_the_first_datagram(tmp_path: Path) -> None:
    """Opened, a place takes one datagram, and then nobody receives there any more."""
    path, heard = tmp_path / "ours", []

    def hear() -> None:
        with fildes.open(f"unix-dgram-listen:{path}", timeout=LIMIT) as f:
            heard.extend([f.read(99), f.read(99), path.exists()])

    thread = threading.Thread(target=hear)
    thread.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        while not path.exists():
            pass
        sock.sendto(b"question", str(path))
        thread.join(LIMIT)
    assert heard == [b"question", b"", False]
