"""Descriptors that travel with the bytes of a unix socket, in asyncio and trio."""

from __future__ import annotations

import array
import io
import os
import socket
import threading
from typing import Any

import pytest
from loops import LOOPS, RunLoop
from pair_ends import abstract_name
from test_passing_descriptors import SCHEMES, read_all

import fildes.aio


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronously(loop: RunLoop, scheme: str) -> None:
    """The same in asyncio and trio, there and back, to the end of file."""

    async def main() -> None:
        async with (
            await fildes.aio.listen(f"{scheme}:{abstract_name()}") as listener,
            await fildes.aio.open(listener.address) as f,
            await listener.accept() as accepted,
        ):
            await converse(f, accepted)

    loop(main())


async def converse(f: Any, accepted: Any) -> None:
    source, sink = os.pipe()
    assert await f.send_fds(b"with", [sink]) == 4
    os.close(sink)
    data, fds = await accepted.recv_fds(10, 2)
    assert data == b"with"
    os.write(fds[0], b"written there")
    os.close(fds[0])
    assert read_all(source) == b"written there"
    await f.send_fds(b"more", [0, 1])
    with pytest.raises(OSError, match="more than 1"):
        await accepted.recv_fds(10, 1)
    await accepted.send_fds(b"back", [])
    assert await f.recv_fds(10, 1) == (b"back", [])
    for bad in ((b"", [0]), (b"x", [-1])):
        with pytest.raises((ValueError, OSError)):
            await f.send_fds(*bad)


@pytest.mark.parametrize("loop", LOOPS)
def test_asynchronous_large_data_and_read_ahead(loop: RunLoop) -> None:
    """A send that waits for room sends all, and what was read ahead is said here, too."""
    many = os.urandom(500_000)

    async def main() -> None:
        async with (
            await fildes.aio.listen(f"unix:{abstract_name()}") as listener,
            await fildes.aio.open(listener.address) as f,
            await listener.accept() as accepted,
        ):
            sock = f.description.stream.sock
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            reading = threading.Thread(target=drain, args=(accepted, len(many)))
            reading.start()
            await f.send_fds(many, [0])
            reading.join()
            await f.write(b"line\nrest")
            await f.flush()
            assert await accepted.readline() == b"line\n"
            with pytest.raises(io.UnsupportedOperation, match="4 bytes"):
                await accepted.recv_fds(1, 1)

    def drain(accepted: Any, size: int) -> None:
        """Receive *size* bytes and one descriptor, beside the loop."""
        got, fds = b"", array.array("i")
        sock = accepted.description.stream.sock
        while len(got) < size:
            data, told, _, _ = sock.recvmsg(65536, 100)
            got += data
            for _, _, packed in told:
                fds.frombytes(packed)
        for fd in fds:
            os.close(fd)
        assert got == many
        assert len(fds) == 1

    loop(main())
