"""The open file description: waiting, in one thread and in several."""

from __future__ import annotations

import errno
import os
import socket
import threading
from typing import Any

import pytest
from peers import Conversation, StartPeer, echo
from tcp_ends import hang_up

import fildes
from fildes.files.description import Description
from fildes.streams.buffers import buffers_here
from fildes.streams.half import Half
from fildes.streams.kernel import SocketStream
from fildes.streams.stream import Stream
from fildes.trace import Trace
from fildes.waiting import Interest


def test_one_thread_reads_while_another_is_blocked_writing(peer: StartPeer) -> None:
    """A reader does not wait behind a writer whose peer takes nothing."""
    data = bytes(8_000_000)  # more than all socket buffers on the way

    def script(talk: Conversation) -> None:
        talk.recv_exactly(1)
        for number in range(10):
            talk.send(b"%d\n" % number)
        talk.recv_exactly(1)  # only after the ten lines were read
        talk.recv_all()

    server = peer(script)
    with fildes.open(server.address()) as f:
        f.write(b"!")
        f.flush()
        writer = threading.Thread(target=f.write, args=(data,))
        writer.start()
        assert [f.readline() for _ in range(10)] == [b"%d\n" % number for number in range(10)]
        writer.join(20)
        f.half_close()
        assert f.read() == b""
    assert len(server.received) == len(data) + 1


def test_reset_that_a_write_met_is_no_end() -> None:
    """The kernel tells a reset once; when writing met it, reading finds no end of file."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        f = fildes.open(f"tcp://127.0.0.1:{listener.getsockname()[1]}", buffering=0)
        theirs, _ = listener.accept()
    theirs.send(b"begin")
    hang_up(theirs, f)
    with pytest.raises(ConnectionResetError):
        f.write(b"?")
    assert f.read(100) == b"begin"
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            f.read(100)
    f.abort()


@pytest.mark.parametrize("buffering", [-1, 0])
def test_close_wakes_a_reader(peer: StartPeer, buffering: int) -> None:
    """A thread that waits in read gets a ValueError when another one closes."""
    server = peer(lambda talk: talk.stall())
    f = fildes.open(server.address(), buffering=buffering)
    server.wait_stalled()
    caught: list[BaseException] = []
    about_to_read = threading.Event()

    def read() -> None:
        about_to_read.set()
        try:
            f.read(1)
        except ValueError as error:
            caught.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    about_to_read.wait()
    f.close() if buffering == 0 else f.description.close()
    reader.join(20)
    assert not reader.is_alive()
    assert [type(error) for error in caught] == [ValueError]
    f.close()


def test_idle_timeout_bounds_each_read(peer: StartPeer) -> None:
    """A read without a byte for idle_timeout fails, and the file goes on."""

    def script(talk: Conversation) -> None:
        talk.stall()
        talk.send(b"late")

    server = peer(script)
    with fildes.open(server.address(), idle_timeout=0.01) as f:
        with pytest.raises(TimeoutError) as caught:
            f.read(4)
        assert fildes.failure_of(caught.value) is not None
        f.description.idle_timeout = 20
        server.release()
        assert f.read(4) == b"late"


def test_idle_timeout_bounds_each_write(peer: StartPeer) -> None:
    """A write of which nothing is taken for idle_timeout fails."""
    server = peer(lambda talk: talk.stall())
    with fildes.open(server.address(), idle_timeout=0.01) as f:
        server.wait_stalled()
        with pytest.raises(TimeoutError):
            f.write(bytes(50_000_000))
        f.abort()


def test_descriptor_made_non_blocking_by_others(peer: StartPeer) -> None:
    """A holder of the descriptor that sets O_NONBLOCK does not break our reads and writes."""
    data = os.urandom(5_000_000)

    with fildes.open(peer(echo).address()) as f:
        os.set_blocking(f.fileno(), False)
        sender = threading.Thread(target=lambda: f.write(data))
        sender.start()
        assert f.read(len(data)) == data
        sender.join()


class Scripted(Stream):
    """A stream whose receives and sends give what a list says."""

    def __init__(self, receives: list[Any], sends: list[Any] | None = None) -> None:
        self.receives, self.sends = receives, sends or []
        self.sent = b""
        self.ends: list[str] = []

    def try_recv_into(self, buffer: memoryview) -> int | None:
        step = self.receives.pop(0)
        if isinstance(step, bytes):
            buffer[: len(step)] = step
            return len(step)
        if isinstance(step, Exception):
            raise step
        return None

    def try_send(self, data: memoryview) -> int | None:
        step = self.sends.pop(0) if self.sends else len(data)
        if isinstance(step, Exception):
            raise step
        if step is not None:
            self.sent += data[:step]
        return step

    def recv_wants(self) -> Interest:
        return {}

    send_wants = recv_wants

    async def half_close(self) -> None:
        self.ends.append("half_close")

    async def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")

    def interrupt(self) -> None:
        self.ends.append("interrupt")


def described(stream: Stream, **how: Any) -> Description:
    return Description(stream, "test:", Trace(), **how)


def reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def test_error_is_not_followed_by_an_end() -> None:
    """An error that a stream tells once is told again, where an end would follow it."""
    description = described(Scripted([b"some", reset(), b"", b""]))
    assert description.recv_into(bytearray(9)) == 4
    for _ in range(3):
        with pytest.raises(ConnectionResetError) as caught:
            description.recv_into(bytearray(9))
        failure = fildes.failure_of(caught.value)
        assert failure is not None
        assert (failure.step, failure.address) == ("read", "test:")
        if not description.stream.receives:  # type: ignore[attr-defined]  # a Scripted one
            break


def test_failed_flush_in_close_aborts() -> None:
    """When the last bytes cannot be sent, close raises that and aborts the stream."""
    stream = Scripted([], [reset()])
    description = described(stream, pending_size=99)
    description.write(b"last")
    with pytest.raises(ConnectionResetError):
        description.close()
    assert stream.ends == ["abort"]
    description.close()
    description.flush()
    assert stream.ends == ["abort"]


def test_short_sends_go_on() -> None:
    """A stream that takes a byte at a time gets them all, in order."""
    stream = Scripted([], [1, None, 1, 2])
    description = described(stream, pending_size=3)
    description.wait = lambda interest: None  # type: ignore[method-assign]  # nothing to poll
    description.write(b"ab")
    description.write(b"cdef")
    assert stream.sent == b"abcdef"


def test_half_close_is_passed_on_once() -> None:
    """half_close flushes, and reaches the stream the first time only."""
    stream = Scripted([])
    description = described(stream, pending_size=99)
    description.write(b"x")
    description.half_close()
    description.half_close()
    assert (stream.sent, stream.ends) == (b"x", ["half_close"])


def test_lost_source_and_refusing_sink_differ() -> None:
    """A Half says whether its source is lost, or only its sink takes no more."""
    lost = Half(Scripted([reset()]), Scripted([]))
    refused = Half(Scripted([b"x"]), Scripted([], [reset()]))
    for half in (lost, refused):
        assert half.advance(buffers_here())
        assert not half.running
    assert (lost.lost, refused.lost) == (True, False)


def test_what_the_peer_said_before_it_closed_is_read_though_a_write_fails() -> None:
    """A pending write that fails in a read delivers the answer first, then the error."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"no, thanks")
    theirs.close()
    description = Description(SocketStream(ours), "test:", Trace(), pending_size=100)
    description.write(b"a question")
    buffer = bytearray(100)
    received = description.recv_into(buffer)
    assert buffer[:received] == b"no, thanks"
    with pytest.raises(BrokenPipeError):
        description.recv_into(buffer)
    with pytest.raises(BrokenPipeError):
        description.close()
