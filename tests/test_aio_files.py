"""What the methods of an asynchronous file return."""

from __future__ import annotations

import errno
import gc
import io
import os
import socket
from pathlib import Path

import pytest
from loops import LOOPS, RunLoop
from tasks import Pair, buffered, describe

from fildes import drivers
from fildes.aio import AsyncBufferedFile, AsyncDatagramFile, AsyncRawFile, AsyncTextFile
from fildes.files.async_description import AsyncDescription
from fildes.streams.kernel import DescriptorStream, SocketStream
from fildes.trace import Trace

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def test_the_ways_to_read(loop: RunLoop, ends: Pair) -> None:
    """Each method returns as much as the io module says."""
    left, right = ends

    async def main() -> None:
        async with buffered(left) as f:
            right.send(b"line\nabcdefgh\nrest\nof\nit")
            assert await f.readline(2) == b"li"
            assert await f.readline(100) == b"ne\n"
            assert await f.read(3) == b"abc"
            buffer = bytearray(2)
            assert await f.readinto(buffer) == 2
            assert buffer == b"de"
            assert (await f.peek())[:3] == b"fgh"
            assert await f.read1(2) == b"fg"
            assert await f.read(0) == b""
            assert await f.readline() == b"h\n"
            right.shutdown(socket.SHUT_WR)
            assert await f.readlines() == [b"rest\n", b"of\n", b"it"]
            assert await f.readline() == b""

    loop(main())


def test_closed_twice_and_used_after(loop: RunLoop, ends: Pair) -> None:
    """Close and abort may be repeated; everything else raises ValueError."""
    left, _ = ends

    async def main() -> None:
        f = buffered(left)
        for _ in range(2):
            await f.close()
            f.abort()
        for use in (f.read, f.readline, f.flush, f.half_close, f.__aenter__, f.peek):
            with pytest.raises(ValueError, match="closed"):
                await use()
        with pytest.raises(ValueError, match="closed"):
            await f.write(b"x")
        with pytest.raises(ValueError, match="closed"):
            f.fileno()

    loop(main())


def test_the_idle_limit(loop: RunLoop, ends: Pair) -> None:
    """A read and a write that wait longer than the idle limit raise ETIMEDOUT."""
    left, _ = ends

    async def main() -> None:
        f = buffered(left, idle_timeout=0.001)
        with pytest.raises(TimeoutError) as caught:
            await f.read()
        assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(TimeoutError):
            await f.write(bytes(1 << 24))
        f.abort()

    loop(main())


def test_the_direction_is_checked(loop: RunLoop, ends: Pair) -> None:
    """Reading what is only written, and the other way round, is UnsupportedOperation."""
    left, right = ends

    async def main() -> None:
        source, sink = buffered(left), buffered(right)
        source.description.stream.restrict("rb")
        sink.description.stream.restrict("wb")
        with pytest.raises(io.UnsupportedOperation):
            await sink.read(1)
        with pytest.raises(io.UnsupportedOperation):
            await source.write(b"x")
        with pytest.raises(io.UnsupportedOperation):
            await source.seek(0)
        await source.close()
        await sink.close()

    loop(main())


def test_unbuffered(loop: RunLoop, ends: Pair) -> None:
    """With no buffer each call is one on the stream."""
    left, right = ends

    async def main() -> None:
        async with AsyncRawFile(describe(left)) as f:
            assert await f.write(b"ab") == 2
            assert right.recv(9) == b"ab"
            right.send(b"cdef")
            assert await f.read(2) == b"cd"
            assert await f.read(0) == b""
            right.shutdown(socket.SHUT_WR)
            assert await f.read() == b"ef"
            with pytest.raises(io.UnsupportedOperation):
                await f.readline()
            f.abort()

    loop(main())


class Datagrams(SocketStream):
    """A stream of messages."""

    messages = endless = True


def test_datagrams(loop: RunLoop) -> None:
    """Each read is one datagram, an empty one too; so is each step of an iteration."""
    left, right = socket.socketpair(type=socket.SOCK_DGRAM)

    async def main() -> None:
        stream = Datagrams(left)
        description = AsyncDescription(drivers.here(), stream, "test:", Trace())
        async with AsyncDatagramFile(description) as f:
            for datagram in (b"one", b"", b"three"):
                right.send(datagram)
            assert [await f.read(), await f.read()] == [b"one", b""]
            async for datagram in f:
                assert datagram == b"three"
                break
            await f.write(b"")
            assert right.recv(9) == b""

    with right:
        loop(main())


def test_positions(loop: RunLoop, tmp_path: Path) -> None:
    """A seekable file is read and written where its position says."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789\nabc\n")

    async def main() -> None:
        fd = os.open(path, os.O_RDWR)
        stream = DescriptorStream(fd, fd)
        f = AsyncBufferedFile(
            AsyncDescription(drivers.here(), stream, "test:", Trace(), pending_size=8192)
        )
        async with f:
            assert f.seekable()
            assert await f.read(2) == b"01"
            assert await f.tell() == 2
            await f.write(b"XY")
            assert await f.seek(1, os.SEEK_CUR) == 5
            assert await f.read(1) == b"5"
            assert await f.seek(-4, os.SEEK_END) == 11
            text = AsyncTextFile(f, encoding="ascii")
            assert await text.read(1) == "a"
            assert await text.seek(0) == 0
            assert await text.readline() == "01XY456789\n"
            with pytest.raises(io.UnsupportedOperation):
                await text.seek(3)

    loop(main())


def test_a_genuine_descriptor(loop: RunLoop, ends: Pair) -> None:
    """`fileno` is the stream's own descriptor where it has one."""
    left, _ = ends

    async def main() -> None:
        async with buffered(left) as f:
            assert f.fileno() == left.fileno()

    loop(main())


def test_an_unclosed_file_is_reported(loop: RunLoop) -> None:
    """A file that is collected unclosed is aborted, with a ResourceWarning."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as left:
        accepted, _ = listener.accept()

        async def main() -> None:
            f = buffered(left)
            await f.write(b"unfinished")
            del f
            gc.collect()

        with accepted:
            with pytest.warns(ResourceWarning, match="unclosed file"):
                loop(main())
            with pytest.raises(ConnectionResetError):
                accepted.recv(1)


def test_what_the_peer_said_before_it_closed_is_read(loop: RunLoop) -> None:
    """A pending write that fails in a read delivers the answer first, then the error."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"no, thanks")
    theirs.close()

    async def main() -> None:
        description = describe(ours, pending_size=100)
        await description.write(b"a question")
        buffer = bytearray(100)
        received = await description.recv_into(buffer)
        assert buffer[:received] == b"no, thanks"
        with pytest.raises(BrokenPipeError):
            await description.recv_into(buffer)
        with pytest.raises(BrokenPipeError):
            await description.close()

    loop(main())
