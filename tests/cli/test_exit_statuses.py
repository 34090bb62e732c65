"""Each kind of failure, met for real, has the exit status of docs/exit-codes.md."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from authority import Authority
from commands import RunMain, fildes
from peers import Conversation, Script, StartPeer

from fildes.cli.status import Status

__all__ = ["fildes"]


def answer(response: bytes) -> Script:
    """Return a script that answers any request with *response*, then the end of file."""

    def script(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(response)

    return script


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Status.COMPLETE),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Status.HTTP_STATUS),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Status.HTTP_STATUS),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello", Status.INCOMPLETE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Status.INCOMPLETE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello", Status.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok", Status.PROTOCOL),
        (b"ICY 200 OK\r\n\r\n", Status.PROTOCOL),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", Status.HTTP_STATUS),
    ],
)
def test_http(fildes: RunMain, peer: StartPeer, response: bytes, status: Status) -> None:
    """What a web server does wrong is told apart."""
    done = fildes("cat", peer(answer(response)).address("http", "/x"))
    assert done.status == status, done.err
    assert bool(done.err) == bool(status)


@pytest.mark.parametrize("argv", [["cat"], ["get", "-o", "-"], ["run"], ["explain"]])
def test_every_command_tells_the_same(fildes: RunMain, peer: StartPeer, argv: list[str]) -> None:
    """The status does not depend on the command that met the failure."""
    server = peer(answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    program = ["--", "cat"] if argv == ["run"] else []
    done = fildes(*argv, server.address("http", "/x"), *program)
    assert done.status == Status.HTTP_STATUS
    assert "404" in done.err


def test_program_that_was_given_half(fildes: RunMain, peer: StartPeer) -> None:
    """A program that is content with half a document does not make it whole."""
    server = peer(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello"))
    program = "cat 2>/dev/null; exit 0"
    done = fildes("run", server.address("http", "/x"), "--", "sh", "-c", program)
    assert (done.status, done.out) == (Status.INCOMPLETE, "hello")
    assert "5 of 20 bytes" in done.err


def test_program_that_reads_no_further(fildes: RunMain, peer: StartPeer) -> None:
    """A program that has read enough of a whole document ends with its own status."""
    server = peer(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none\ntwo\n."))
    done = fildes("run", server.address("http", "/x"), "--", "head", "-n1")
    assert done == (0, "one\n", "")


@pytest.mark.parametrize(
    ("names", "until"),
    [(["wrong.test"], None), (["localhost"], datetime(2020, 1, 1, tzinfo=UTC))],
)
def test_certificate(
    fildes: RunMain, peer: StartPeer, tls_ca: Authority, names: list[str], until: datetime | None
) -> None:
    """A certificate that proves nothing has a status, and the message says what to do."""
    since = None if until is None else datetime(2019, 1, 1, tzinfo=UTC)
    identity = tls_ca.issue(*names, not_before=since, not_after=until)
    server = peer(lambda talk: None, tls=identity.server_context())
    ca = ["--ca", str(tls_ca.ca_file)]
    done = fildes("cat", *ca, f"https://localhost:{server.port}/")
    assert (done.status, server.received) == (Status.CERTIFICATE, b"")
    assert "certificate verify failed: " in done.err
    assert "[SSL" not in done.err
    assert "_ssl.c" not in done.err


def test_missing_authority(fildes: RunMain, peer: StartPeer) -> None:
    """A file that we need is named, and not taken for something of the peer's."""
    server = peer(lambda talk: None)
    done = fildes("cat", "--ca", "/missing.pem", server.address("https", "/"))
    assert done.err.endswith("/: /missing.pem: No such file or directory\n")


def test_insecure_warns(fildes: RunMain, peer: StartPeer, tls_ca: Authority) -> None:
    """--insecure takes any certificate, and says each time what that means."""
    script = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    server = peer(script, tls=tls_ca.issue("wrong.test").server_context())
    done = fildes("cat", "--insecure", f"https://localhost:{server.port}/")
    assert (done.status, done.out) == (0, "ok")
    assert done.err == (
        "fildes: warning: --insecure: the peer may be anybody, and may change what passes\n"
    )


def test_tls(fildes: RunMain, peer: StartPeer) -> None:
    """A peer that speaks no TLS has a status of its own."""
    server = peer(lambda talk: talk.send(b"220 hello, this is smtp\r\n"))
    done = fildes("cat", server.address("https", "/"))
    assert done.status == Status.TLS
    assert "the peer does not speak TLS on that port" in done.err


def test_proxy(fildes: RunMain, peer: StartPeer) -> None:
    """A proxy that refuses is told apart from a server that does."""
    server = peer(answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
    done = fildes("cat", f"http://example.com/::{server.address('connect')}")
    assert done.status == Status.PROXY


def test_deadline_of_the_open(fildes: RunMain, peer: StartPeer) -> None:
    """One time limit covers all steps of an open."""
    server = peer(Conversation.stall)
    done = fildes("cat", "--timeout", "0.05", server.address("http", "/"))
    assert done.status == Status.TIMEOUT


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "exec:id", "unix:/run/x", "fd:0", "http://127.0.0.1:1/"]
)
def test_policy(fildes: RunMain, address: str) -> None:
    """What an untrusted address may not reach is refused, not tried."""
    done = fildes("cat", "--untrusted", address)
    assert (done.status, done.out) == (Status.POLICY, "")
    assert "refused by the untrusted policy" in done.err
