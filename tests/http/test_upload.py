"""Documents on their way to a server: what counts there, and when."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from http_script import answering, chunks, fields_of, response_of
from peers import Conversation, ScriptedPeer, StartPeer
from upload_script import LARGE, TOO_LARGE, body_of, decoded, recording, taking

import fildes

SOURCE = Path(fildes.__file__).parents[1]


def assert_incomplete(server: ScriptedPeer) -> None:
    """Fail if what *server* got is a whole request."""
    server.wait()
    assert b"Transfer-Encoding: chunked" in server.received
    assert not server.received.endswith(b"0\r\n\r\n")


def test_put(peer: StartPeer) -> None:
    """What is written comes as the chunked body of a PUT, and close checks the answer."""
    server = peer(taking())
    with fildes.open(server.address("http", "/a?b"), "wb") as file:
        assert not file.readable()
        file.write(b"hello")
        file.flush()
        file.write(b"world")
    assert response_of(file).status == 201
    assert response_of(file).headers["etag"] == '"new"'
    assert server.received.startswith(b"PUT /a?b HTTP/1.1\r\n")
    assert body_of(server.received) == chunks(b"hello", b"world") + b"0\r\n\r\n"
    assert fields_of(server.received)["transfer-encoding"] == ["chunked"]


def test_put_of_known_size(peer: StartPeer) -> None:
    """With size= the body has a Content-Length, and comes as it is."""
    server = peer(taking(size=10))
    with fildes.open(server.address("http", "/"), "wb", http={"size": 10}) as file:
        file.write(b"hello")
        file.write(b"world")
    assert fields_of(server.received)["content-length"] == ["10"]
    assert body_of(server.received) == b"helloworld"


@pytest.mark.parametrize("options", [{}, {"size": 0}])
def test_put_of_nothing(peer: StartPeer, options: dict[str, Any]) -> None:
    """A document of no bytes is one."""
    server = peer(taking(size=options.get("size")))
    with fildes.open(server.address("http", "/"), "wb", http=options):
        pass
    assert body_of(server.received) == (b"" if options else b"0\r\n\r\n")
    assert server.received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize("options", [{}, {"size": len(LARGE)}])
def test_large_document(peer: StartPeer, options: dict[str, Any], buffering: int) -> None:
    """Every byte arrives once, though the connection takes less than it is given."""
    server = peer(taking(size=options.get("size")))
    with fildes.open(server.address("http", "/"), "wb", buffering, http=options) as file:
        left = memoryview(LARGE)
        while left:
            left = left[file.write(left) :]
    received = server.received
    assert (body_of(received) if options else decoded(received)) == LARGE


def test_put_under_tls(peer: StartPeer, tls_ca: Authority) -> None:
    """An https address is written like any other."""
    server = peer(taking(), tls=tls_ca.server_context())
    address = f"https://localhost:{server.port}/x"
    with fildes.open(address, "wb", https={"ca": str(tls_ca.ca_file)}) as file:
        file.write(LARGE)
    assert decoded(server.received) == LARGE


def test_text(peer: StartPeer) -> None:
    """Text modes write text."""
    server = peer(taking())
    with fildes.open(server.address("http", "/"), "w", encoding="utf-8") as file:
        print("straße", file=file)
    assert decoded(server.received) == "straße\n".encode()


@pytest.mark.parametrize(
    ("status", "kind", "number"),
    [
        (404, FileNotFoundError, errno.ENOENT),
        (403, PermissionError, errno.EACCES),
        (412, OSError, errno.EIO),
        (413, OSError, errno.EFBIG),
        (507, OSError, errno.ENOSPC),
        (301, OSError, errno.EIO),
        (500, OSError, errno.EIO),
    ],
)
def test_refused_at_the_end(peer: StartPeer, status: int, kind: type[OSError], number: int) -> None:
    """An answer that is no success is an error of close, as it is when reading."""
    server = peer(taking(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status))
    file = fildes.open(server.address("http", "/"), "wb")
    file.write(b"x")
    with pytest.raises(kind, match=f"HTTP status {status} No") as caught:
        file.close()
    assert caught.value.errno == number


def test_new_only(peer: StartPeer) -> None:
    """Mode xb asks the server to refuse what is there, which is a FileExistsError."""
    server = peer(taking(b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"))
    with (
        pytest.raises(FileExistsError) as caught,
        fildes.open(server.address("http", "/"), "xb") as file,
    ):
        file.write(b"x")
    assert caught.value.errno == errno.EEXIST
    assert vars(caught.value)["status"] == 412
    assert fields_of(server.received)["if-none-match"] == ["*"]


def refusing(talk: Conversation) -> None:
    """Refuse as soon as the head is there, and go away without reading the body."""
    talk.recv_until(b"\r\n\r\n")
    talk.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    talk.stall()
    talk.close()


@pytest.mark.parametrize("options", [{}, {"size": TOO_LARGE}])
def test_refused_early(peer: StartPeer, options: dict[str, Any]) -> None:
    """A server that refuses before it has read all says why; it is no broken pipe."""
    server = peer(refusing)
    file = fildes.open(server.address("http", "/"), "wb", http=options)
    with pytest.raises(OSError, match="413 Too Large") as caught:
        file.write(bytes(TOO_LARGE))
    assert caught.value.errno == errno.EFBIG
    file.abort()


def test_server_that_goes_away(peer: StartPeer) -> None:
    """A server that ends without an answer took nothing."""
    server = peer(answering(b""))
    with (
        pytest.raises(OSError, match=r"without an HTTP reply|peer|pipe"),
        fildes.open(server.address("http", "/"), "wb") as file,
    ):
        file.write(LARGE)


@pytest.mark.parametrize("options", [{"size": 3}, {"size": 9}])
def test_not_the_announced_size(peer: StartPeer, options: dict[str, Any]) -> None:
    """More or less than size= is an error, and no whole request."""
    server = peer(recording)
    with (
        pytest.raises(OSError, match="size= announced") as caught,
        fildes.open(server.address("http", "/"), "wb", http=options) as file,
    ):
        file.write(b"hello")
    assert caught.value.errno in (errno.EFBIG, errno.EIO)
    server.wait()
    assert len(body_of(server.received)) < options["size"]


class Boom(Exception):
    """What goes wrong in a test."""


def plain(file: Any, data: bytes = b"half") -> None:
    with file:
        file.write(data)
        file.flush()
        raise Boom


def zipped(file: Any) -> None:
    with file, gzip.GzipFile(fileobj=file, mode="wb") as outer:
        outer.write(b"half")
        raise Boom


def wrapped(file: Any) -> None:
    with io.TextIOWrapper(file) as outer:
        outer.write("half")
        raise Boom


def wrapped_twice(file: Any) -> None:
    with file, io.TextIOWrapper(file) as outer:
        outer.write("half")
        raise Boom


def closed_anyway(file: Any) -> None:
    try:
        file.write(b"half")
        raise Boom
    finally:
        file.close()


@pytest.mark.parametrize("fail", [plain, zipped, wrapped, wrapped_twice, closed_anyway])
def test_exception_commits_nothing(peer: StartPeer, fail: Callable[[Any], None]) -> None:
    """An exception on its way out leaves an incomplete request, whatever closes the file."""
    server = peer(recording)
    with pytest.raises(Boom):
        fail(fildes.open(server.address("http", "/"), "wb"))
    assert_incomplete(server)


@pytest.mark.parametrize("data", [b"", b"whole"])
def test_exception_after_the_last_byte(peer: StartPeer, data: bytes) -> None:
    """Even when all announced bytes were written the request is not complete."""
    server = peer(recording)
    file = fildes.open(server.address("http", "/"), "wb", http={"size": len(data)})
    with pytest.raises(Boom):
        plain(file, data)
    server.wait()
    head = server.received.partition(b"\r\n\r")[0]
    assert server.received == (head + b"\r\n\r\n" + data)[:-1]


def test_earlier_exception_does_not_matter(peer: StartPeer) -> None:
    """A file that is opened because of an exception is committed as any other."""
    server = peer(taking())
    try:
        raise Boom
    except Boom:
        with fildes.open(server.address("http", "/"), "wb") as file:
            file.write(b"instead")
    assert decoded(server.received) == b"instead"


def test_garbage_commits_nothing(peer: StartPeer) -> None:
    """A file that is forgotten is not committed."""
    server = peer(recording)
    file = fildes.open(server.address("http", "/"), "wb")
    file.write(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del file
        gc.collect()
    assert_incomplete(server)


@pytest.mark.slow
def test_killed_process_commits_nothing(peer: StartPeer) -> None:
    """A process that is killed leaves an incomplete request."""

    def to_be_killed(talk: Conversation) -> None:
        talk.recv_until(b"half\r\n")
        os.kill(child.pid, signal.SIGKILL)
        talk.recv_all()

    server = peer(to_be_killed)
    program = (
        "import fildes, sys, time; f = fildes.open(sys.argv[1], 'wb', 0);"
        "f.write(b'half'); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, server.address("http", "/")]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, env=environment) as child:
        assert child.wait() == -signal.SIGKILL
    assert_incomplete(server)


def test_no_descriptor(peer: StartPeer) -> None:
    """An upload has no descriptor: the end of a killed program would look like success."""
    server = peer(recording)
    file = fildes.open(server.address("http", "/"), "wb")
    with pytest.raises(io.UnsupportedOperation):
        file.fileno()
    file.abort()
    assert_incomplete(server)


def test_server_that_never_answers(peer: StartPeer) -> None:
    """The wait for the answer ends after the idle limit."""
    server = peer(Conversation.stall)
    file = fildes.open(server.address("http", "/"), "wb", idle_timeout=0.05)
    file.write(b"x")
    with pytest.raises(TimeoutError):
        file.close()
    server.release()
