"""Streams with one thing changed."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import DRIVERS, RunProtocol

from fildes.drivers import blocking
from fildes.streams.datagrams import DatagramStream
from fildes.streams.kernel import SocketStream
from fildes.streams.shaped import (
    ClosingStream,
    EscapedStream,
    LimitedStream,
    LineEndStream,
    NullEndedStream,
    NullEndingStream,
    OpenEndedStream,
    PatientStream,
    ShapedStream,
)
from fildes.streams.stream import Stream
from fildes.streams.timer import Timer
from fildes.waiting import READ, wait_any

Ends = tuple[socket.socket, socket.socket]
Shape = Callable[[Stream], ShapedStream]


@pytest.fixture
def end(ends: Ends) -> Iterator[Callable[[Shape], ShapedStream]]:
    """Shape the left end of a socket pair; it is closed with the test."""
    made: list[ShapedStream] = []

    def make(shape: Shape) -> ShapedStream:
        made.append(shape(SocketStream(ends[0])))
        return made[-1]

    yield make
    for stream in made:
        stream.abort()


MakeEnd = Callable[[Shape], ShapedStream]


def received(stream: Stream, size: int = 100) -> bytes:
    """Return the next bytes of *stream*; empty at its end of file."""
    return blocking.run(stream.recv(size))


def test_limit_ends_at_once(end: MakeEnd, ends: Ends) -> None:
    """READBYTES: after so many bytes it is the end, though the peer is silent and open."""
    stream = end(lambda inner: LimitedStream(inner, 5))
    ends[1].sendall(b"hello world")
    assert [received(stream, 3), received(stream), received(stream)] == [b"hel", b"lo", b""]


def test_limit_may_not_be_reached(end: MakeEnd, ends: Ends) -> None:
    """READBYTES_EOF: a stream that ends before its limit ends there."""
    stream = end(lambda inner: LimitedStream(inner, 5))
    ends[1].sendall(b"hi")
    ends[1].shutdown(socket.SHUT_WR)
    assert [received(stream), received(stream)] == [b"hi", b""]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3)])
def test_escape_ends(end: MakeEnd, ends: Ends, cuts: tuple[int, ...]) -> None:
    """The escape byte is an end of file, wherever segments are cut, and is not delivered."""
    stream = end(lambda inner: EscapedStream(inner, 0x1D))
    data, got = b"ab\x1dcd", b""
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        ends[1].sendall(data[start:stop])
        got += received(stream)
    assert (got, received(stream)) == (b"ab", b"")


@pytest.mark.parametrize("run", DRIVERS)
def test_patience_outlasts_the_end_of_a_file(run: RunProtocol, tmp_path: os.PathLike[str]) -> None:
    """IGNOREEOF: what is appended to a file after its end was read is read, too."""
    from fildes.streams.kernel import DescriptorStream

    path = os.path.join(tmp_path, "log")
    with open(path, "xb", 0) as log:
        log.write(b"one")
        stream = PatientStream(DescriptorStream(os.open(path, os.O_RDONLY)))

        async def follow() -> list[bytes]:
            first = await stream.recv()
            assert stream.try_recv_into(memoryview(bytearray(9))) is None
            log.write(b"two")
            return [first, await stream.recv()]

        assert run(follow()) == [b"one", b"two"]
        blocking.run(stream.close())


def test_patience_spins_not(end: MakeEnd, ends: Ends) -> None:
    """Behind an end of file a timer is waited for, not the descriptor, which is readable."""
    stream = end(PatientStream)
    ends[1].shutdown(socket.SHUT_WR)
    assert stream.try_recv_into(memoryview(bytearray(9))) is None
    assert ends[0].fileno() not in stream.recv_wants()


def test_end_is_not_passed_on(end: MakeEnd, ends: Ends) -> None:
    """shut-none: the peer may go on hearing from others who hold the connection."""
    stream = end(OpenEndedStream)
    blocking.run(stream.half_close())
    ends[0].sendall(b"still open")
    assert ends[1].recv(100) == b"still open"


def test_end_closes(end: MakeEnd, ends: Ends) -> None:
    """shut-close: when its input ends the stream is closed, and that is its end of file."""
    stream = end(ClosingStream)
    blocking.run(stream.half_close())
    assert (ends[1].recv(100), received(stream)) == (b"", b"")
    blocking.run(stream.close())


def test_empty_datagram_is_an_end() -> None:
    """shut-null and null-eof: an empty datagram says the end, both ways."""
    ours, theirs = datagram_pair()
    left, right = NullEndingStream(DatagramStream(ours)), NullEndedStream(DatagramStream(theirs))
    blocking.run(left.send_all(b"x"))
    blocking.run(left.half_close())
    assert [received(right), received(right), received(right)] == [b"x", b"", b""]
    for stream in (left, right):
        stream.abort()


def datagram_pair() -> Ends:
    return socket.socketpair(type=socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("line_end", "sent", "got", "there"),
    [
        (b"\r\n", b"a\nb\n", b"a\r\nb\r\n", b"a\nb\n"),
        (b"\r", b"a\nb\n", b"a\rb\r", b"a\nb\n"),
    ],
)
def test_lines_end_as_the_peer_has_it(
    end: MakeEnd, ends: Ends, line_end: bytes, sent: bytes, got: bytes, there: bytes
) -> None:
    """crnl and cr: newlines are translated on the way out, and back on the way in."""
    stream = end(lambda inner: LineEndStream(inner, line_end))
    blocking.run(stream.send_all(sent))
    assert ends[1].recv(100) == got
    ends[1].sendall(got)
    assert received(stream) == there


@given(st.lists(st.binary(max_size=8).map(lambda data: data.replace(b"\x00", b"\n"))))
def test_lines_do_not_depend_on_segments(pieces: list[bytes]) -> None:
    """However the bytes are cut, the same ones come out; an empty piece is no end."""
    left, right = socket.socketpair()
    with left, right:
        stream = LineEndStream(SocketStream(left), b"\r\n")
        got = b""
        for piece in (piece for piece in pieces if piece):
            right.sendall(piece + b".")  # so that there is something to wait for
            got += received(stream)
        whole = b"".join(piece + b"." for piece in pieces if piece)
        assert got == whole.replace(b"\r", b"")


def test_slow_peer_holds_back_one_piece(end: MakeEnd, ends: Ends) -> None:
    """Nothing more is taken while a translated piece is not sent; all of it arrives."""
    stream = end(lambda inner: LineEndStream(inner, b"\r\n"))
    lines, taken = memoryview(b"\n" * 4_000_000), 0
    while (sent := stream.try_send(lines[taken:])) is not None:
        taken += sent
    assert stream.try_send(lines) is None
    got = bytearray()
    while len(got) < 2 * taken:
        got += ends[1].recv(1 << 20)
        stream.flush()  # type: ignore[attr-defined]  # what half_close does, in turns
    assert got == b"\r\n" * taken
    blocking.run(stream.half_close())
    assert ends[1].recv(1) == b""


def test_the_rest_is_that_of_the_stream_below(end: MakeEnd, ends: Ends) -> None:
    """Endpoints, waits and ends are those of the inner stream; a descriptor it has none."""
    stream = end(ShapedStream)
    assert stream.fileno() == -1
    assert stream.recv_wants() == {ends[0].fileno(): READ}
    assert stream.local == SocketStream(ends[0]).local
    stream.interrupt()
    assert received(stream) == b""  # whoever waits for it is woken


@pytest.mark.parametrize("run", DRIVERS)
def test_timer_is_a_descriptor(run: RunProtocol) -> None:
    """A timer becomes readable once, and again only after it was started again."""
    timer = Timer()
    timer.clear()
    for _ in range(2):
        timer.start(0.0)
        assert run(wait_any({timer.fd: READ}, 20.0)) == {timer.fd: READ}
        timer.clear()
        timer.clear()
        assert select.select([timer.fd], [], [], 0) == ([], [], [])
    timer.close()
    timer.close()
