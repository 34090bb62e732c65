"""`fildes put`."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, run, run_on_terminal, start
from http_script import document, fields_of
from peers import Conversation, StartPeer
from upload_script import LARGE, body_of, decoded, recording, taking

__all__ = ["fildes"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file to be sent."""
    path = tmp_path / "file.bin"
    path.write_bytes(LARGE)
    return path


def test_file_is_put(fildes: RunMain, peer: StartPeer, file: Path) -> None:
    """A file is sent by PUT, with its size, and nothing is said."""
    server = peer(taking(size=len(LARGE)))
    assert fildes("put", str(file), server.address("http", "/x")) == (0, "", "")
    assert server.received.startswith(b"PUT /x HTTP/1.1\r\n")
    assert body_of(server.received) == LARGE


def test_standard_input_is_put(peer: StartPeer) -> None:
    """What comes from a pipe is sent in chunks, up to its end."""
    server = peer(taking())
    with start("put", "-", server.address("http", "/x"), stdin=subprocess.PIPE) as process:
        assert process.communicate(b"piped", timeout=LIMIT) == (b"", b"")
    assert process.returncode == 0
    assert decoded(server.received) == b"piped"


def test_rest_of_a_file_is_put(peer: StartPeer, file: Path) -> None:
    """Standard input that is a file is sent from where it stands."""
    server = peer(taking(size=100))
    with file.open("rb", 0) as source:
        source.seek(-100, 2)
        done = run("put", "-", server.address("http", "/x"), stdin=source)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert body_of(server.received) == LARGE[-100:]


def test_answer_is_written(fildes: RunMain, peer: StartPeer, file: Path) -> None:
    """With --method the answer comes on standard output."""
    server = peer(taking(document(b"thanks\n"), size=len(LARGE)))
    done = fildes("put", "--method", "POST", str(file), server.address("http", "/x"))
    assert done == (0, "thanks\n", "")
    assert server.received.startswith(b"POST /x HTTP/1.1\r\n")


def test_new_only(fildes: RunMain, peer: StartPeer, file: Path) -> None:
    """With --new the server is told to replace nothing; its refusal is status 22."""
    answer = b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"
    server = peer(taking(answer, size=len(LARGE)))
    done = fildes("put", "--new", str(file), server.address("http", "/x"))
    assert (done.status, done.out) == (22, "")
    assert "412" in done.err
    assert fields_of(server.received)["if-none-match"] == ["*"]


def test_refusal_says_what_to_do(fildes: RunMain, peer: StartPeer, file: Path) -> None:
    """A refusal is told with its status and advice."""

    def refusing(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n")

    done = fildes("put", str(file), peer(refusing).address("http", "/x"))
    assert done.status == 22
    assert "401 Who" in done.err
    assert "the server asks who you are" in done.err


def test_options_that_make_no_sense(fildes: RunMain, file: Path) -> None:
    """What an option asks for in vain is told as a mistake of the command line."""
    for option in ("auth=digest", "method=GET", "size=-1", "netrc=/dev/zero/none"):
        done = fildes("put", "-O", f"http.{option}", str(file), "http://127.0.0.1:9/")
        assert done.status in (1, 2, 3)
        assert "a mistake in fildes" not in done.err


def test_missing_file(fildes: RunMain, tmp_path: Path) -> None:
    """A file that is not there is an error before anything is opened."""
    done = fildes("put", str(tmp_path / "none"), "http://127.0.0.1:9/")
    assert done.status == 7  # as for any path that cannot be opened
    assert "No such file" in done.err


def test_interrupted_put(peer: StartPeer) -> None:
    """Ctrl-C leaves the server with an incomplete request."""
    server = peer(recording)
    with start("put", "-", server.address("http", "/x"), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(LARGE)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT)
    server.wait()
    assert not server.received.endswith(b"0\r\n\r\n")


def test_file_to_file(fildes: RunMain, file: Path, tmp_path: Path) -> None:
    """The address may be any that can be written; --new keeps what is there."""
    place = tmp_path / "copy"
    assert fildes("put", str(file), str(place)) == (0, "", "")
    assert place.read_bytes() == LARGE
    assert fildes("put", "--new", str(file), str(place)).status != 0
    assert fildes("put", "--method", "POST", str(file), str(place)).status == 2


def test_progress_on_a_terminal(peer: StartPeer, file: Path) -> None:
    """Somebody who watches sees how far it is."""
    server = peer(taking(size=len(LARGE)))
    status, shown = run_on_terminal("put", str(file), server.address("http", "/x"))
    assert status == 0
    assert b"file.bin" in shown
