"""Opening under asyncio and trio."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from loops import LOOPS, RunLoop
from peers import Conversation, StartPeer, echo

import fildes.aio

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def test_a_conversation(loop: RunLoop, peer: StartPeer) -> None:
    """A question is sent by the read of its answer; half-close ends the conversation."""
    server = peer(echo)

    async def main() -> None:
        async with fildes.aio.open(server.address()) as f:
            assert (f.peer, f.trace[0].name) == (server.address(), "connect")
            await f.write(b"one\ntwo\n")
            assert await f.readline() == b"one\n"
            await f.write(b"three")
            await f.half_close()
            assert await f.read() == b"two\nthree"
            assert await f.read() == b""
        assert f.closed

    loop(main())


def test_open_can_be_awaited(loop: RunLoop, peer: StartPeer) -> None:
    """`await open()` gives the file itself."""
    server = peer(echo)

    async def main() -> None:
        f = await fildes.aio.open(server.address())
        await f.aclose()

    loop(main())


def test_a_failed_open_says_what_the_blocking_one_says(loop: RunLoop) -> None:
    """Errors carry their errno, step and address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        loop(opened(f"tcp://127.0.0.1:{port}"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (failure.step, failure.address) == ("connect", f"tcp://127.0.0.1:{port}")


async def opened(address: str, **how: Any) -> None:
    """Open and close."""
    async with fildes.aio.open(address, **how):
        pass


def test_a_host_name_is_resolved_in_a_thread(loop: RunLoop, peer: StartPeer) -> None:
    """Names are resolved without blocking the loop."""
    server = peer(echo)
    loop(opened(f"tcp://localhost:{server.port}"))


def test_the_deadline_bounds_the_open(loop: RunLoop) -> None:
    """An open that takes too long raises ETIMEDOUT and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())  # now the queue is full
        with pytest.raises(TimeoutError) as caught:
            loop(opened(f"tcp://127.0.0.1:{listener.getsockname()[1]}", timeout=0.01))
    assert caught.value.errno == errno.ETIMEDOUT


def test_wrong_arguments_open_nothing(loop: RunLoop) -> None:
    """Contradicting arguments are refused before anything is opened."""
    with pytest.raises(ValueError, match="text modes"):
        loop(opened("tcp://127.0.0.1:9", encoding="utf-8"))
    with pytest.raises(ValueError, match="unbuffered"):
        loop(opened("tcp://127.0.0.1:9", mode="t", buffering=0))
    with pytest.raises(LookupError):
        loop(opened("tcp://127.0.0.1:9", mode="t", encoding="klingon"))


def test_outside_of_a_loop_there_is_no_open(loop: RunLoop) -> None:
    """Without a running loop an open fails with RuntimeError."""
    with pytest.raises(RuntimeError):
        opened("tcp://127.0.0.1:9").send(None)


def test_explain(loop: RunLoop, peer: StartPeer) -> None:
    """`explain` returns the steps, and the error if there is one."""
    server = peer(echo)
    address = server.address()
    explained = loop(fildes.aio.explain(address))
    assert ([step.name for step in explained.trace], explained.error) == (["connect"], None)
    server.wait()
    explained = loop(fildes.aio.explain(address))
    assert isinstance(explained.error, ConnectionRefusedError)


def test_an_exception_aborts_what_is_being_written(loop: RunLoop, peer: StartPeer) -> None:
    """The peer of a writer that failed sees an error, not an end of file."""

    def read_all(talk: Conversation) -> None:
        talk.recv_until(b"half")
        talk.stall()
        talk.recv_all()

    server = peer(read_all)

    async def main() -> None:
        async with fildes.aio.open(server.address()) as f:
            await f.write(b"half")
            await f.flush()
            raise RuntimeError("not written to the end")

    with pytest.raises(RuntimeError, match="not written"):
        loop(main())
    server.release()
    server.wait()
    assert [type(error) for error in server.errors] == [ConnectionResetError]


def test_a_reset_is_an_error(loop: RunLoop, peer: StartPeer) -> None:
    """Bytes before a reset are read; then comes ECONNRESET with step and address."""

    def reset(talk: Conversation) -> None:
        talk.send(b"ten bytes.")
        talk.recv_until(b"!")
        talk.rst()

    server = peer(reset)

    async def main() -> None:
        async with fildes.aio.open(server.address(), "rb") as f:
            assert await f.read(10) == b"ten bytes."
            f.description.stream.sock.send(b"!")
            with pytest.raises(ConnectionResetError) as caught:
                await f.read()
            failure = fildes.failure_of(caught.value)
            assert failure is not None
            assert failure.step == "read"

    loop(main())
