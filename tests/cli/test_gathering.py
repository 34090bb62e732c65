"""udp-recv and unix-recv into one place: a datagram that is not taken ends nothing."""

from __future__ import annotations

import errno
import json
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ENVIRONMENT, LIMIT, command

import fildes
from fildes.cli.relaying.gathering import Gathering, gathers
from fildes.drivers import blocking
from fildes.streams.buffers import Buffers
from fildes.streams.datagrams import DatagramStream, socket_stream
from fildes.streams.everybody import HeardRecords
from fildes.streams.relay import copy
from fildes.streams.shaped import LimitedStream, OpenEndedStream

#: What udp over IPv4 cannot take, and a unix socket can; RFC 768, RFC 791.
TOO_LONG = bytes(65508)


class Collected:
    """Everybody, the direction from them, and a server that may go and come again."""

    def __init__(self) -> None:
        self.everybody, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.server = socket.socket(type=socket.SOCK_DGRAM)
        self.server.bind(("127.9.8.7", 0))  # nobody else takes the port here meanwhile
        self.place = self.server.getsockname()
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.connect(self.place)
        self.told: list[tuple[int | None, int]] = []
        self.half = Gathering(
            HeardRecords(ours),
            DatagramStream(sock),
            lambda error, count: self.told.append((error.errno, count)),
        )
        self.buffers = Buffers()

    def pass_on(self, *datagrams: bytes) -> None:
        """Have everybody send *datagrams*, and pass them on."""
        for datagram in datagrams:
            self.everybody.send(datagram)
            assert self.half.advance(self.buffers)

    def wait_for_refusal(self) -> None:
        poll = select.poll()
        poll.register(self.half.sink.fileno(), 0)  # an error is told all the same; poll(2)
        assert poll.poll(LIMIT * 1000)

    def received(self) -> bytes:
        self.server.settimeout(LIMIT)
        return self.server.recv(99)

    def come_again(self) -> None:
        self.server = socket.socket(type=socket.SOCK_DGRAM)
        self.server.bind(self.place)

    def close(self) -> None:
        self.half.source.abort()
        self.half.sink.abort()
        self.everybody.close()
        self.server.close()


@pytest.fixture
def collected() -> Iterator[Collected]:
    parts = Collected()
    yield parts
    parts.close()


def test_too_long_a_datagram_is_lost_alone(collected: Collected) -> None:
    """One that is too long for the sink is told of; those before and after it arrive."""
    collected.pass_on(b"one", TOO_LONG, b"two")
    assert [collected.received(), collected.received()] == [b"one", b"two"]
    assert collected.told == [(errno.EMSGSIZE, 1)]
    assert collected.half.copied == 6


def test_server_that_comes_again_is_sent_to_again(collected: Collected) -> None:
    """What a server that is away was sent is lost, and what it is sent later is not."""
    collected.server.close()
    collected.pass_on(b"lost")
    collected.wait_for_refusal()
    collected.come_again()
    collected.pass_on(b"two", b"three")
    assert [collected.received(), collected.received()] == [b"two", b"three"]
    assert collected.told == [(errno.ECONNREFUSED, 1)]


def test_many_losses_make_few_lines(collected: Collected) -> None:
    """It is told each time that twice as many are lost."""
    collected.pass_on(*[TOO_LONG] * 9)
    assert [count for _, count in collected.told] == [1, 2, 4, 8]


def test_losses_are_the_error_of_the_whole(collected: Collected) -> None:
    """Where there is an end, it is no end in order if something was lost."""
    collected.half.source = LimitedStream(collected.half.source, len(TOO_LONG) + 3)
    for datagram in (TOO_LONG, b"one"):
        collected.everybody.send(datagram)
    with pytest.raises(OSError) as caught:
        blocking.run(copy([collected.half]))
    assert caught.value.errno == errno.EMSGSIZE
    assert collected.received() == b"one"


def test_socket_that_is_of_no_use_ends_it(collected: Collected, tmp_path: Path) -> None:
    """A path at which nobody receives any more cannot be sent to again: that is the end."""
    collected.half.sink.abort()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
        gone.bind(str(tmp_path / "gone"))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.connect(str(tmp_path / "gone"))
        collected.half.sink = DatagramStream(sock)
    collected.pass_on(b"one")
    error = collected.half.error
    assert isinstance(error, OSError)
    assert error.errno == errno.ECONNREFUSED
    assert collected.told == []


@pytest.mark.parametrize(
    ("kind", "gathered"),
    [(socket.SOCK_DGRAM, True), (socket.SOCK_SEQPACKET, True), (socket.SOCK_STREAM, False)],
)
def test_into_what(kind: socket.SocketKind, gathered: bool, collected: Collected) -> None:
    """Datagrams and records are taken one by one, but a stream takes all or breaks."""
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sink = OpenEndedStream(socket_stream(sock))
        assert gathers(collected.half.source, sink) is gathered
        assert not gathers(collected.half.sink, sink)  # a conversation


@pytest.mark.slow
def test_command_goes_on(tmp_path: Path) -> None:
    """A relay from everybody tells what is lost, and passes on what comes then."""
    path = str(tmp_path / "s")
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.settimeout(LIMIT)
        server.bind(("127.0.0.1", 0))
        there = f"udp://127.0.0.1:{server.getsockname()[1]}"
        argv = [*command("relay"), "--json", "-u", f"unix-recv:{path}", there]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            try:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["event"] == "opened"
                with fildes.open(f"unix-dgram:{path}") as everybody:
                    for datagram in (TOO_LONG, b"one"):
                        everybody.write(datagram)
                assert server.recv(99) == b"one"
                told = json.loads(process.stdout.readline())
            finally:
                process.terminate()
    assert told["event"] == "error"
    assert told["message"] == (
        f"a datagram is lost, going on: unable to write to {there}: Message too long"
    )
