"""Relays between a stream and datagrams: what is cut, and what ends them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from loops import DRIVERS, RunProtocol
from peers import LIMIT
from relay_commands import relay, relay_running
from stream_copies import pipe_streams, relay_streams

from fildes.streams.datagrams import DatagramStream, SeqpacketStream, socket_stream
from fildes.streams.dual import DualStream
from fildes.streams.shaped import ShapedStream


@pytest.fixture
def sink() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(LIMIT)
        yield sock


def udp_to(sink: socket.socket) -> str:
    """Return the address that leads to *sink*."""
    return f"udp://127.0.0.1:{sink.getsockname()[1]}"


def sizes(sink: socket.socket, total: int) -> list[int]:
    """Return the sizes of the datagrams that so many bytes have come in."""
    found: list[int] = []
    while sum(found) < total:
        found.append(len(sink.recv(70_000)))
    return found


def test_a_stream_is_cut_as_socat_cuts_it(sink: socket.socket) -> None:
    """What comes at once of a stream, and is longer than a datagram may be, goes out in pieces."""
    assert relay("-", udp_to(sink), given=bytes(100_000)) == (0, b"")
    assert sizes(sink, 100_000) == [8192] * 12 + [1696]


def test_b_says_how_long_they_are(sink: socket.socket) -> None:
    """-b N, as socat has it: datagrams of N bytes, as what plays a stream of films wants them."""
    assert relay("-u", "-b", "1316", "-", udp_to(sink), given=bytes(4000)) == (0, b"")
    assert sizes(sink, 4000) == [1316, 1316, 1316, 52]


def test_b_is_a_number_of_bytes() -> None:
    """What is none is said so, and how it is written."""
    assert relay("-b", "many", "-", "-")[0] == 2


@pytest.mark.parametrize("run", DRIVERS)
def test_datagrams_are_never_cut(run: RunProtocol) -> None:
    """What is one already stays one, however long, also where protocol code copies it."""
    left, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    far, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.send(bytes(30_000))
        left.shutdown(socket.SHUT_WR)
        source, sink = socket_stream(near), socket_stream(far)
        run(pipe_streams(source, sink))
        assert len(right.recv(70_000)) == 30_000
        source.abort()
        sink.abort()


@pytest.mark.parametrize("run", DRIVERS)
def test_records_are_cut_likewise(run: RunProtocol) -> None:
    """A stream that is longer than a record may be becomes several, also through what is shaped."""
    left, near = socket.socketpair()
    far, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        left.sendall(bytes(20_000))
        left.shutdown(socket.SHUT_WR)
        source, records = socket_stream(near), ShapedStream(SeqpacketStream(far))
        run(pipe_streams(source, DualStream(source, records)))
        assert [len(right.recv(70_000)) for _ in range(3)] == [8192, 8192, 3616]
        source.abort()
        records.abort()


@pytest.mark.parametrize("run", DRIVERS)
def test_who_fails_ends_what_has_no_end(run: RunProtocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be sent any more, nobody waits for datagrams, which never end."""
    left, near = socket.socketpair()
    far, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def fail(self: DatagramStream, data: memoryview) -> int:
        raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))

    monkeypatch.setattr(DatagramStream, "try_send", fail)
    with left, right:
        left.sendall(b"anything")
        streams: list[Any] = [socket_stream(near), socket_stream(far)]
        with pytest.raises(OSError) as caught:
            run(relay_streams(*streams))
        assert caught.value.errno == errno.ENETDOWN
        for stream in streams:
            stream.abort()


def test_a_sender_who_has_gone_is_not_taken_for_a_server(sink: socket.socket) -> None:
    """An answer for which nobody is there any more is an error, of which nobody can do a thing."""
    with relay_running("udp-listen://127.0.0.1:0", udp_to(sink)) as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"question", ("127.0.0.1", running.port))
            _, place = sink.recvfrom(99)
        sink.sendto(b"answer", place)
        assert b"refused (the sender has gone" in running.err.readline()
