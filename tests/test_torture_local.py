"""Whatever call fails on this machine's lines, pipes and sockets, nothing is left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest
from leaks import holdings, leftovers
from pair_ends import abstract_name
from test_torture import cut_off
from torture import failures_of
from torture_servers import Servers

import fildes
from fildes.testing import open_stream

pytestmark = pytest.mark.slow

Scenario = Callable[[Servers], None]


def serial(servers: Servers) -> None:
    far, ours = pty.openpty()
    try:
        with fildes.open(f"serial:{os.ttyname(ours)}?speed=250000") as f:
            f.write(b"hello")
            f.flush()
            assert os.read(far, 9) == b"hello"
    finally:
        os.close(far)
        os.close(ours)


def pipe(servers: Servers) -> None:
    with fildes.open(f"pipe:{servers.directory}/pipe?create=on") as f:
        f.write(b"hello")
        f.half_close()
        assert f.read() == b"hello"


def pipe_read(servers: Servers) -> None:
    path = servers.directory / "pipe"
    if not path.exists():
        os.mkfifo(path)
    holder = os.open(path, os.O_RDWR)
    try:
        with fildes.open(f"pipe:{path}", "rb") as f:
            os.write(holder, b"hello")
            assert f.read(5) == b"hello"
    finally:
        os.close(holder)


def named_client(servers: Servers) -> None:
    own = servers.directory / "own"
    with fildes.open(f"{servers.unix.address('unix')}?bind={own}") as f:
        f.write(b"hello")
        f.half_close()
        assert f.read() == b"hello"


def descriptors(servers: Servers) -> None:
    with (
        fildes.listen(f"unix:{abstract_name()}") as listener,
        fildes.open(listener.address) as f,
        listener.accept() as accepted,
    ):
        f.send_fds(b"hello", [0, 1])
        data, fds = accepted.recv_fds(9, 2)
        for fd in fds:
            os.close(fd)
        assert data == b"hello"


SCENARIOS: list[Scenario] = [serial, pipe, pipe_read, named_client, descriptors]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize(
    "make",
    [lambda: OSError(errno.EIO, os.strerror(errno.EIO)), KeyboardInterrupt],
    ids=["EIO", "KeyboardInterrupt"],
)
def test_every_call_may_fail(
    scenario: Scenario, make: Callable[[], BaseException], servers: Servers
) -> None:
    """A failed call is an OSError or survived, Ctrl-C passes, and nothing is left behind."""
    assert list(failures_of(lambda: scenario(servers), make))
    assert not (servers.directory / "own").exists()


async def opened(address: str, mode: str) -> None:
    """Open a stream that nobody is at the other end of."""
    stream = await open_stream(address, mode)
    stream.abort()


@pytest.mark.parametrize("scheme", ["pipe", "file"])
@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_every_wait_for_the_other_end_may_be_cut_off(
    scheme: str, mode: str, tmp_path: Path
) -> None:
    """Cut off while it waits for the other end of a pipe, an open leaves nothing behind."""
    os.mkfifo(tmp_path / "pipe")
    for at in range(4):
        before = holdings()
        assert cut_off(opened(f"{scheme}:{tmp_path}/pipe", mode), at, asyncio.CancelledError())
        left = leftovers(before)
        assert not left, f"cut off at wait {at} and left behind:\n{left}"
