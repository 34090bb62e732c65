"""Text files and conversations: encodings, line ends, and what is read ahead."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from peers import Conversation, StartPeer, echo

import fildes


def test_writing_drops_nothing_read_ahead(peer: StartPeer) -> None:
    """Lines that came together are all read, though something is written in between."""

    def script(talk: Conversation) -> None:
        talk.send(b"one\ntwo\nthree\n")
        assert talk.recv_exactly(6) == b"thanks"
        talk.send(b"four\n")

    with fildes.open(peer(script).address(), "r+t") as f:
        assert f.readline() == "one\n"
        f.write("thanks")
        assert f.readlines() == ["two\n", "three\n", "four\n"]


def test_question_is_sent_before_its_answer_is_read(peer: StartPeer) -> None:
    """A conversation in text needs no flush."""
    with fildes.open(peer(echo).address(), "t") as f:
        for word in ("eins\n", "zwei\n", "drü\n"):
            f.write(word)
            assert f.readline() == word


@pytest.mark.parametrize(
    ("newline", "written", "read"),
    [
        (None, b"a\nb\n", ["x\n", "y\n", "z\n"]),
        ("", b"a\nb\n", ["x\r\n", "y\r", "z\n"]),
        ("\n", b"a\nb\n", ["x\r\n", "y\rz\n"]),
        ("\r\n", b"a\r\nb\r\n", ["x\r\n", "y\rz\n"]),
        ("\r", b"a\rb\r", ["x\r", "\ny\r", "z\n"]),
    ],
)
def test_newline(peer: StartPeer, newline: str | None, written: bytes, read: list[str]) -> None:
    """Newline means what it means for the built-in open, in both directions."""

    def script(talk: Conversation) -> None:
        talk.send(b"x\r\ny\rz\n")
        talk.fin()
        assert talk.recv_all() == written

    server = peer(script)
    with fildes.open(server.address(), "r+t", newline=newline) as f:
        assert f.readlines() == read
        f.write("a\nb\n")
    server.wait()


def test_encoding_and_errors(peer: StartPeer) -> None:
    """Characters are encoded and decoded as asked; the encoder's state is kept."""
    server = peer(echo)
    with fildes.open(server.address(), "r+t", encoding="utf-16", errors="replace") as f:
        assert (f.encoding, f.errors) == ("utf-16", "replace")
        f.write("ä")
        f.write("ö")
        f.half_close()
        assert f.read() == "äö"
    assert server.received.decode("utf-16") == "äö"  # one byte order mark, not two


def test_character_in_two_segments(peer: StartPeer) -> None:
    """A character that the network has cut is one character."""

    def script(talk: Conversation) -> None:
        talk.send("ä".encode()[:1])
        talk.recv_exactly(1)
        talk.send("ä".encode()[1:])

    with fildes.open(peer(script).address(), "r+t", encoding="utf-8", buffering=1) as f:
        f.write("!")
        assert f.read(1) == "ä"


def test_line_buffering(peer: StartPeer) -> None:
    """With buffering=1 a whole line is sent at once."""

    def script(talk: Conversation) -> None:
        assert talk.recv_until(b"\n") == b"line\n"
        talk.send(b"got it")

    server = peer(script)
    with fildes.open(server.address(), "r+t", buffering=1) as f:
        f.write("li")
        f.write("ne\n")
        assert f.description.pending == b""
        assert f.read() == "got it"


@pytest.mark.parametrize("mode", ["rt", "wt"])
def test_one_direction(peer: StartPeer, mode: str) -> None:
    """A text file of one direction is an io.TextIOWrapper."""
    server = peer(echo)
    with fildes.open(server.address(), mode) as f:
        assert isinstance(f, io.TextIOWrapper)
        assert (f.readable(), f.writable()) == (mode == "rt", mode == "wt")
        assert f.name == server.address()


def test_iteration_and_close(peer: StartPeer) -> None:
    """A conversation iterates over lines, and is unusable after close."""
    with fildes.open(peer(lambda talk: talk.send(b"a\nb")).address(), "r+t") as f:
        assert list(f) == ["a\n", "b"]
    assert f.closed
    for use in (f.read, f.readline, f.flush, f.fileno):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(ValueError, match="closed"):
        f.write("x")


def test_editing_in_place_is_not_taken_back(tmp_path: Path) -> None:
    """An exception leaves a text file that is edited in place closed, and is the one raised."""
    path = tmp_path / "x"
    path.write_text("abc")
    f = fildes.open(path, "r+t")
    f.write("A")
    with pytest.raises(ZeroDivisionError), f:
        raise ZeroDivisionError
    assert (f.closed, path.read_text()) == (True, "Abc")


def test_bytes_are_refused(peer: StartPeer) -> None:
    """Text files take text only."""
    with fildes.open(peer(echo).address(), "r+t") as f, pytest.raises((TypeError, AttributeError)):
        f.write(b"x")  # type: ignore[arg-type]  # what is tested
