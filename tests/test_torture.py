"""Whatever call fails, and wherever a wait is cut off, nothing is left behind."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from leaks import holdings, leftovers
from tars import archive as make_tar
from torture import failures_of
from torture_servers import CONVERSATIONS, Servers
from zips import archive as make_zip

import fildes
from fildes.drivers import blocking
from fildes.streams.stream import Stream
from fildes.testing import open_stream
from fildes.waiting import CallBlocking, WaitAny

pytestmark = pytest.mark.slow


def converse(address: str, **options: Any) -> None:
    """Ask and get the answer, half-closing."""
    with fildes.open(address, **options) as f:
        f.write(b"hello")
        f.half_close()
        assert f.read() == b"hello"


def read(address: str, **options: Any) -> None:
    """Read a document."""
    with fildes.open(address, **options) as f:
        assert f.read() == b"hello"


def read_descriptor(address: str, **options: Any) -> None:
    """Read a document as a program would."""
    with fildes.open(address, **options) as f, os.fdopen(f.fileno(), "rb", closefd=False) as other:
        assert other.read() == b"hello"


def tcp(servers: Servers) -> None:
    converse(servers.plain.address())


def tcp_by_name(servers: Servers) -> None:
    converse(f"tcp://localhost:{servers.plain.port}?bind=127.0.0.1")


def unix(servers: Servers) -> None:
    converse(servers.unix.address("unix"))


def tls(servers: Servers) -> None:
    converse(f"tls://localhost:{servers.tls.port}?ca={servers.ca}")


def tls_bridged(servers: Servers) -> None:
    with fildes.open(f"tls://localhost:{servers.tls.port}?ca={servers.ca}") as f:
        f.write(b"hello")
        fd = f.fileno()
        assert os.read(fd, 5) == b"hello"
        f.half_close()
        assert f.read() == b""


def http(servers: Servers) -> None:
    read(servers.http.address("http", "/x"))


def https(servers: Servers) -> None:
    read(f"https://localhost:{servers.https.port}/x", https={"ca": servers.ca})


def http_bridged(servers: Servers) -> None:
    read_descriptor(servers.http.address("http", "/x"))


def ws(servers: Servers) -> None:
    converse(servers.ws.address("ws"), ws={"ping": 60})


def program(servers: Servers) -> None:
    converse("exec:cat")


def file_read(servers: Servers) -> None:
    read(str(servers.directory / "document"))


def file_written(servers: Servers) -> None:
    with fildes.open(str(servers.directory / "new"), "wb") as f:
        f.write(b"hello")


def compressed_written(servers: Servers) -> None:
    place = f"gzip::{servers.directory}/compressed"
    with fildes.open(place, "wb") as f:
        f.write(b"hello")


def member_of_zip(servers: Servers) -> None:
    place = servers.directory / "x.zip"
    if not place.exists():
        place.write_bytes(make_zip({"member": b"hello"}))
    read(f"zip:member::{place}")


def member_of_tar(servers: Servers) -> None:
    place = servers.directory / "x.tar.gz"
    if not place.exists():
        place.write_bytes(gzip.compress(make_tar({"member": b"hello"})))
    read(f"tar:member::gzip::{place}")


def udp(servers: Servers) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with fildes.open(f"udp://127.0.0.1:{other.getsockname()[1]}") as f:
            f.write(b"hello")


def listening(servers: Servers) -> None:
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        name = ("127.0.0.1", int(listener.address.rpartition(":")[2]))
        with socket.socket() as client:
            client.connect(name)
            with listener.accept() as f:
                client.sendall(b"hello")
                assert f.read(5) == b"hello"


def listening_unix(servers: Servers) -> None:
    path = servers.directory / "listener"
    with fildes.listen(f"unix:{path}") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        with listener.accept() as f:
            client.sendall(b"hello")
            assert f.read(5) == b"hello"


def listening_with_limits(servers: Servers) -> None:
    with fildes.listen("tcp://127.0.0.1:0", max_per_peer=2, max_connections=1) as listener:
        name = ("127.0.0.1", int(listener.address.rpartition(":")[2]))
        with socket.socket() as client:
            client.connect(name)
            with listener.accept() as f:
                client.sendall(b"hello")
                assert f.read(5) == b"hello"


def refused(servers: Servers) -> None:
    with pytest.raises(OSError):
        fildes.open(f"tcp://127.0.0.1:{servers.unused_port}")


SCENARIOS = [
    tcp, tcp_by_name, unix, tls, tls_bridged, http, https, http_bridged, ws, program,
    file_read, file_written, compressed_written, member_of_zip, member_of_tar,
    udp, listening, listening_unix, listening_with_limits, refused,
]  # fmt: skip

every_scenario = pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: scenario.__name__
)


@every_scenario
@pytest.mark.parametrize(
    "make",
    [lambda: OSError(errno.EIO, os.strerror(errno.EIO)), KeyboardInterrupt],
    ids=["EIO", "KeyboardInterrupt"],
)
def test_every_call_may_fail(
    scenario: Callable[[Servers], None], make: Callable[[], BaseException], servers: Servers
) -> None:
    """A failed call is an OSError or survived, Ctrl-C passes, and nothing is left behind."""
    assert list(failures_of(lambda: scenario(servers), make))


def test_a_leak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not clean up after itself fails this test's own machinery."""
    monkeypatch.setattr("leaks.GRACE", 0.0)
    opened: list[int] = []

    def careless() -> None:
        opened.append(os.open("/dev/null", os.O_RDONLY))
        os.fstat(opened[-1])
        os.close(opened.pop())

    with pytest.raises(AssertionError, match=r"fstat in .*failed and left behind"):
        list(failures_of(careless, lambda: OSError(errno.EIO, os.strerror(errno.EIO))))
    os.close(opened.pop())


async def open_and_close(address: str, **options: Any) -> None:
    """Open a stream, exchange a word, close."""
    stream: Stream = await open_stream(address, **options)
    try:
        if stream.writable:
            await stream.send_all(b"hello")
            await stream.half_close()
        assert await stream.recv_exactly(5) == b"hello"
        assert await stream.recv(1) == b""
        await stream.close()
    except BaseException:
        stream.abort()
        raise


def cut_off(protocol: Coroutine[Any, Any, None], at: int, error: BaseException) -> bool:
    """Raise *error* at the wait number *at*; False if there are not so many.

    Raises:
      AssertionError: the coroutine went on to wait for something else.
    """
    try:
        request = protocol.send(None)
        for _ in range(at):
            request = protocol.send(answer_to(request))
    except StopIteration:
        return False
    try:
        request = protocol.throw(error)
    except type(error):
        return True
    raise AssertionError(f"after {error!r} it waits again: {request}")


def answer_to(request: WaitAny | CallBlocking) -> Any:
    """Answer as the blocking driver does."""
    if isinstance(request, WaitAny):
        return blocking.wait(request.interest, request.timeout)
    return request.function()


@pytest.mark.parametrize(
    "make",
    [
        asyncio.CancelledError,
        KeyboardInterrupt,
        lambda: TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)),
    ],
    ids=["cancelled", "KeyboardInterrupt", "deadline"],
)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_wait_may_be_cut_off(
    name: str, make: Callable[[], BaseException], servers: Servers
) -> None:
    """Cut off at any wait, protocol code cleans up without waiting for anything more."""
    address, options = CONVERSATIONS[name](servers)
    at = 0
    while True:
        before = holdings()
        more = cut_off(open_and_close(address, **options), at, make())
        left = leftovers(before)
        assert not left, f"cut off at wait {at} and left behind:\n{left}"
        if not more:
            break
        at += 1
    # A name is always waited for. Without one, all may be there before it is asked for.
    assert at > 0 or "localhost" not in address
