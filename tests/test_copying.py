"""pipe and relay: between files of every kind, with what their buffers hold."""

from __future__ import annotations

import errno
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import Conversation, StartPeer

import fildes

DATA = os.urandom(300_000)  # more than every buffer between two sockets


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(20)
        yield ours, theirs


def recv_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def send_all(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


class Collector(threading.Thread):
    """Receives all that comes, meanwhile."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock
        self.got = b""
        self.start()

    def run(self) -> None:
        self.got = recv_all(self.sock)

    def all(self) -> bytes:
        self.join(20)
        return self.got


def test_document_to_document(tmp_path: Path) -> None:
    """A file is copied, counted, and committed by its own close."""
    (tmp_path / "a").write_bytes(DATA)
    with fildes.open(tmp_path / "a") as source, fildes.open(tmp_path / "b", "wb") as sink:
        assert fildes.pipe(source, sink) == len(DATA)
        assert not (tmp_path / "b").exists()
    assert (tmp_path / "b").read_bytes() == DATA


def test_end_is_passed_on(tmp_path: Path, peer: StartPeer) -> None:
    """After pipe the peer has seen the end of file, and its answer can be read."""
    (tmp_path / "a").write_bytes(b"question")

    def script(talk: Conversation) -> None:
        assert talk.recv_all() == b"question"
        talk.send(b"answer")

    with fildes.open(peer(script).address()) as f, fildes.open(tmp_path / "a") as source:
        assert fildes.pipe(source, f) == 8
        assert f.read() == b"answer"


def test_pipes_into_one_document(tmp_path: Path) -> None:
    """Several sources can be written to one document, one after the other."""
    with fildes.open(tmp_path / "all", "wb") as sink:
        for data in (b"one", b"two"):
            (tmp_path / "part").write_bytes(data)
            with fildes.open(tmp_path / "part") as source:
                fildes.pipe(source, sink)
    assert (tmp_path / "all").read_bytes() == b"onetwo"


def test_nothing_buffered_is_lost(pair: tuple[socket.socket, socket.socket]) -> None:
    """Bytes read ahead and bytes not yet sent go first."""
    ours, theirs = pair
    other, far = socket.socketpair()
    theirs.sendall(b"line\nahead")
    theirs.shutdown(socket.SHUT_WR)
    with (
        other,
        far,
        fildes.open(f"fd:{ours.fileno()}") as source,
        fildes.open(f"fd:{other.fileno()}") as sink,
    ):
        assert source.readline() == b"line\n"
        sink.write(b"pending ")
        assert fildes.pipe(source, sink) == 5
        assert recv_all(far) == b"pending ahead"


def test_question_goes_before_its_answer_is_copied(peer: StartPeer, tmp_path: Path) -> None:
    """What was written to the source is sent before its answer is waited for."""
    server = peer(lambda talk: talk.send(talk.recv_exactly(3)))
    with fildes.open(server.address()) as source, fildes.open(tmp_path / "x", "wb") as sink:
        source.write(b"ask")
        assert fildes.pipe(source, sink) == 3


def built_in_file(sock: socket.socket, path: Path) -> io.BufferedReader:
    path.write_bytes(b"line\nahead")
    return path.open("rb")


def built_in_pipe(sock: socket.socket, path: Path) -> io.BufferedReader:
    source, sink = os.pipe()
    os.write(sink, b"line\nahead")
    os.close(sink)
    return open(source, "rb")


@pytest.mark.parametrize("make", [built_in_file, built_in_pipe])
def test_built_in_files(
    make: Callable[[Any, Path], io.BufferedReader],
    pair: tuple[socket.socket, socket.socket],
    tmp_path: Path,
) -> None:
    """Files of the built-in open are copied from where they are; theirs stay open."""
    with make(pair[0], tmp_path / "in") as source, (tmp_path / "out").open("wb") as sink:
        assert source.readline() == b"line\n"
        sink.write(b"first ")
        assert fildes.pipe(source, sink) == 5
        sink.write(b" last")
    assert (tmp_path / "out").read_bytes() == b"first ahead last"


def test_sockets_and_their_files(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket and its makefile are copied, too; the half-close reaches the peer."""
    ours, theirs = pair
    other, far = socket.socketpair()
    with other, far, ours.makefile("rb") as source:
        theirs.sendall(b"line\nahead")
        theirs.shutdown(socket.SHUT_WR)
        assert source.readline() == b"line\n"
        assert fildes.pipe(source, other) == 5
        assert recv_all(far) == b"ahead"
        far.send(b"back")
        assert other.recv(9) == b"back"


def test_text_is_refused(tmp_path: Path) -> None:
    """Characters cannot be copied as bytes; the error says what to do, all stays open."""
    (tmp_path / "a").write_bytes(b"x")
    with fildes.open(tmp_path / "a", "rt") as text, fildes.open(tmp_path / "b", "wb") as sink:
        with pytest.raises(TypeError, match="binary mode"):
            fildes.pipe(text, sink)
        assert not sink.closed


def test_relay_keeps_both_half_closes(peer: StartPeer) -> None:
    """A relay ends when both have ended: the answer after the question's end arrives."""

    def script(talk: Conversation) -> None:
        data = talk.recv_all()
        talk.send(data[::-1])

    client, middle = socket.socketpair()
    with client, middle, fildes.open(peer(script).address()) as right:
        answer = Collector(client)
        sender = threading.Thread(target=send_all, args=(client, DATA))
        sender.start()
        assert fildes.relay(middle, right) == (len(DATA), len(DATA))
        middle.close()
        sender.join()
        assert answer.all() == DATA[::-1]


def test_relay_between_programs(tmp_path: Path) -> None:
    """Two programs can talk to each other through a relay."""
    with (
        fildes.open(fildes.Exec("sh", "-c", "echo ping; read got; test $got = pong")) as left,
        fildes.open(fildes.Exec("sed", "-u", "s/ping/pong/")) as right,
    ):
        assert fildes.relay(left, right) == (5, 5)


def test_reset_aborts_both(peer: StartPeer) -> None:
    """A reset on one side is raised and resets the other: no end of file is invented."""

    def cut(talk: Conversation) -> None:
        talk.send(b"begin")
        talk.recv_exactly(1)
        talk.rst()

    def watch(talk: Conversation) -> None:
        talk.send(b"!")
        talk.recv_exactly(5)
        talk.recv_all()

    left, right = peer(cut), peer(watch)
    one, other = fildes.open(left.address()), fildes.open(right.address())
    with pytest.raises(ConnectionResetError) as caught:
        fildes.relay(one, other)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("read", left.address())
    assert (one.closed, other.closed) == (True, True)
    right.wait()
    assert isinstance(right.errors[0], ConnectionResetError)


def test_silence_ends_with_the_idle_timeout(pair: tuple[socket.socket, socket.socket]) -> None:
    """When nothing moves for idle_timeout, it is ETIMEDOUT."""
    other, far = socket.socketpair()
    with other, far, pytest.raises(TimeoutError) as caught:
        fildes.relay(pair[0], other, idle_timeout=0.01)
    assert caught.value.errno == errno.ETIMEDOUT


@pytest.mark.parametrize("run", [fildes.pipe, fildes.relay])
def test_wrong_direction_is_refused(run: Callable[..., object], tmp_path: Path) -> None:
    """A file that is not open for what is to be done with it: the error says which, and how."""
    (tmp_path / "a").write_bytes(b"x")
    with (
        fildes.open(tmp_path / "a") as source,
        fildes.open(tmp_path / "a") as sink,
        pytest.raises(io.UnsupportedOperation, match="/a is not open for writing"),
    ):
        run(source, sink)
    with (
        fildes.open(tmp_path / "b", "wb") as source,
        fildes.open(tmp_path / "c", "wb") as sink,
        pytest.raises(io.UnsupportedOperation, match="/b is not open for reading"),
    ):
        run(source, sink)


@pytest.mark.parametrize("other", [None, 1, "./address", io.BytesIO()])
def test_what_has_no_descriptor_is_refused(other: Any) -> None:
    """Only what has a descriptor is copied; the error says what was given instead."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TypeError, match=f"descriptor.*not {type(other).__name__}"):
            fildes.pipe(ours, other)
        with pytest.raises(TypeError, match=f"descriptor.*not {type(other).__name__}"):
            fildes.relay(other, ours)


def test_listener_is_relayed_to_an_address() -> None:
    """What accepts has no bytes: one with two sockets was waited at for ever."""
    with fildes.listen("tcp://:0") as listener, fildes.listen("tcp://:0") as other:
        for ends in ((listener, other), (other, listener)):
            with pytest.raises(TypeError, match="a listener is relayed to an address"):
                fildes.relay(*ends)


def test_options_are_for_an_address(pair: tuple[socket.socket, socket.socket]) -> None:
    """Between two files nothing is opened, so there can be no options of schemes."""
    with pytest.raises(TypeError, match="'tcp' is for opening an address"):
        fildes.relay(*pair, tcp={"nodelay": True})


def test_closed_file_is_refused(tmp_path: Path) -> None:
    """A closed file is a ValueError, and the other end is aborted, not committed."""
    (tmp_path / "a").write_bytes(b"x")
    source = fildes.open(tmp_path / "a")
    source.close()
    with fildes.open(tmp_path / "b", "wb") as sink, pytest.raises(ValueError, match="closed"):
        fildes.pipe(source, sink)


def test_datagrams_stay_datagrams() -> None:
    """Between two ends of datagrams each one is passed on whole, an empty one as well."""
    a, left = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    right, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with a, left, right, b:
        for record in (b"one", b"x" * 60_000, b"three"):
            a.send(record)
        a.shutdown(socket.SHUT_WR)
        assert fildes.pipe(left, right) == 60_008
        assert [b.recv(65536) for _ in range(3)] == [b"one", b"x" * 60_000, b"three"]


def test_looking_into_a_buffer_does_not_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    """With nothing read ahead a relay begins at once, though one side is silent."""
    source, sink = os.pipe()
    with open(source, "rb") as silent, open(sink, "wb", 0), pytest.raises(TimeoutError):
        fildes.pipe(silent, pair[0], idle_timeout=0.01)
