"""A status that is no success is the error that a file would fail with."""

from __future__ import annotations

import errno
import pickle

import pytest
from http_script import answering, document, response_of
from peers import StartPeer

import fildes


def answer(status: int) -> bytes:
    return (
        b"HTTP/1.1 %d Some \x1b[31mwords\xff\r\nX-Why: because\r\nContent-Length: 4\r\n\r\nbody"
        % (status)
    )


STATUSES = {
    300: (OSError, errno.EIO),
    304: (fildes.NotModifiedError, errno.EEXIST),
    400: (OSError, errno.EIO),
    401: (PermissionError, errno.EACCES),
    403: (PermissionError, errno.EACCES),
    404: (FileNotFoundError, errno.ENOENT),
    407: (PermissionError, errno.EACCES),
    408: (TimeoutError, errno.ETIMEDOUT),
    410: (FileNotFoundError, errno.ENOENT),
    414: (OSError, errno.ENAMETOOLONG),
    416: (OSError, errno.EIO),
    429: (OSError, errno.EBUSY),
    451: (PermissionError, errno.EACCES),
    500: (OSError, errno.EIO),
    503: (OSError, errno.EBUSY),
    504: (TimeoutError, errno.ETIMEDOUT),
    599: (OSError, errno.EIO),
}


@pytest.mark.parametrize("status", STATUSES)
def test_status_is_an_error(peer: StartPeer, status: int) -> None:
    """Each status is an error of its natural type that carries status and headers."""
    # Some of them may mean that there are no ranges, and are asked again.
    server = peer(answering(answer(status).replace(b"\x1b[31m", b"")), repeat=True)
    with pytest.raises(OSError) as caught:
        fildes.open(server.address("http", "/"))
    error = caught.value
    failure = fildes.failure_of(error)
    assert failure is not None
    assert (type(error), error.errno) == STATUSES[status]
    assert (error.status, error.headers["x-why"]) == (status, "because")  # type: ignore[attr-defined]  # set by us
    assert (error.filename, failure.step) == (server.address("http", "/"), "response")
    assert str(status) in str(error)


def test_reason_is_made_printable(peer: StartPeer) -> None:
    """What a server says reaches no terminal as it is; programs get it unchanged."""
    server = peer(answering(b"HTTP/1.1 404 \x9b31m\xff\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(FileNotFoundError) as caught:
        fildes.open(server.address("http", "/"))
    assert caught.value.strerror == "HTTP status 404 ?31m?"
    assert caught.value.reason == "\x9b31m\xff"  # type: ignore[attr-defined]  # set by us


def test_status_error_can_be_pickled(peer: StartPeer) -> None:
    """The error of a status reaches other processes with all that it carries."""
    server = peer(answering(answer(404).replace(b"\x1b[31m", b"")))
    with pytest.raises(FileNotFoundError) as caught:
        fildes.open(server.address("http", "/"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.errno, again.status, again.headers["X-Why"]) == (errno.ENOENT, 404, "because")


def test_response_of_a_file(peer: StartPeer) -> None:
    """The head of the response can be read from the file."""
    fields = b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Type: text/plain\r\n"
    server = peer(answering(document(fields=fields)))
    with fildes.open(server.address("http", "/x?y#z")) as file:
        response = response_of(file)
    assert (response.status, response.reason, response.version) == (200, "OK", (1, 1))
    assert response.address == server.address("http", "/x?y")
    assert response.headers["CONTENT-TYPE"] == response.headers.get("content-type") == "text/plain"
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Set-Cookie"] == "a=1"
    assert list(response.headers) == ["Set-Cookie", "Content-Type", "Content-Length"]
    assert len(response.headers) == 3
    assert "etag" not in response.headers
    assert "a=1" not in repr(response)


def test_file_without_response() -> None:
    """A file that was not read by HTTP has no response."""
    with fildes.open("data:,x") as file:
        assert file.response is None


def test_steps(peer: StartPeer) -> None:
    """Opening records what was asked and what was answered."""
    server = peer(answering(document(b"12345", b"Content-Type: text/plain\r\n")))
    with fildes.open(server.address("http", "/a?token=secret")) as file:
        steps = [(step.name, step.detail) for step in file.trace]
    assert steps == [
        ("connect", f"127.0.0.1:{server.port}"),
        ("request", f"GET {server.address('http', '/a?token=***')}"),
        ("response", "200 OK, 5 bytes, text/plain"),
    ]
