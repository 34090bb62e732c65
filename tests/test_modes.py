"""Modes: what they mean, and which combinations are refused before anything is opened."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest
from peers import StartPeer, echo

import fildes
from fildes.files.modes import Mode, parse_mode


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", Mode("r+b", False)),
        ("b", Mode("r+b", False)),
        ("t", Mode("r+b", True)),
        ("r", Mode("rb", True)),
        ("br", Mode("rb", False)),
        ("+r", Mode("r+b", True)),
        ("w", Mode("wb", True)),
        ("rb+", Mode("r+b", False)),
        ("wt", Mode("wb", True)),
        ("xb", Mode("xb", False)),
        ("at", Mode("ab", True)),
    ],
)
def test_mode(text: str, mode: Mode) -> None:
    """As for the built-in open, but without a direction the natural one is meant, in bytes."""
    assert parse_mode(text, "r+b") == mode


@pytest.mark.parametrize("text", ["rw", "rr", "tb", "q", "+", "+b", "U", "r ", "R", "bb", "xa"])
def test_no_mode(text: str) -> None:
    """What the built-in open refuses is refused, with the mode in the message."""
    with pytest.raises(ValueError, match="invalid mode"):
        parse_mode(text, "r+b")


@pytest.fixture
def nothing_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", fail)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": "ab"}, io.UnsupportedOperation),
        ({"mode": "xb"}, io.UnsupportedOperation),
        ({"mode": "rw"}, ValueError),
        ({"mode": "rb", "encoding": "utf-8"}, ValueError),
        ({"newline": "\n"}, ValueError),
        ({"mode": "rt", "buffering": 0}, ValueError),
        ({"tcp": {"no_delay": True}}, TypeError),
        ({"tcp": {"nodelay": "maybe"}}, fildes.AddressError),
        ({"tcp": {"bind": 17}}, fildes.AddressError),
        ({"tcp": True}, TypeError),
        ({"tls": {"verify": 0}}, fildes.AddressError),
        ({"tls": {"min-version": "1.1"}}, fildes.AddressError),
        ({"https": {"headers": ["X: y"]}}, TypeError),
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": "5"}, TypeError),
        ({"idle_timeout": -1}, ValueError),
        ({"nonsense": {}}, fildes.AddressError),
    ],
)
def test_contradiction_opens_nothing(
    nothing_opens: None, arguments: dict[str, Any], error: type[Exception]
) -> None:
    """Arguments that make no sense are an error before anything is opened."""
    with pytest.raises(error):
        fildes.open("tcp://127.0.0.1:9", **arguments)


@pytest.mark.parametrize(
    ("address", "arguments", "kind"),
    [
        ("tcp", {}, fildes.BufferedFile),
        ("tcp", {"mode": "rb"}, fildes.BufferedFile),
        ("tcp", {"mode": "wb"}, fildes.BufferedWriteFile),
        ("tcp", {"buffering": 0}, fildes.RawFile),
        ("tcp", {"mode": "t"}, fildes.TextConversation),
        ("tcp", {"mode": "rt"}, fildes.TextFile),
        ("file", {}, fildes.BufferedFile),
        ("file", {"mode": "wb"}, fildes.BufferedWriteFile),
        ("file", {"mode": "r+b"}, fildes.RandomFile),
        ("file", {"mode": "r+t"}, fildes.TextFile),
        ("file", {"mode": "wb", "buffering": 0}, fildes.RawFile),
    ],
)
def test_face(
    peer: StartPeer, tmp_path: Path, address: str, arguments: dict[str, Any], kind: type
) -> None:
    """The mode and the buffering decide on the type of the file."""
    (tmp_path / "x").write_bytes(b"x")
    place = peer(echo).address() if address == "tcp" else tmp_path / "x"
    with fildes.open(place, **arguments) as f:
        assert type(f) is kind


def test_buffer_size(peer: StartPeer) -> None:
    """Buffering is the number of bytes that are read ahead and gathered."""
    with fildes.open(peer(echo).address(), buffering=4) as f:
        f.write(b"abc")
        assert f.description.pending == b"abc"
        f.write(b"de")
        assert f.description.pending == b""
        assert f.peek()[:4] == b"abcd"[: len(f.peek())]
        f.half_close()
        assert f.read() == b"abcde"


def test_waits_may_be_endless(peer: StartPeer) -> None:
    """Infinity is a time limit, too, and so is more than poll(2) can count."""
    server = peer(echo, echo)
    for seconds in (float("inf"), 1e9):
        with fildes.open(server.address(), timeout=seconds, idle_timeout=seconds) as f:
            f.write(b"x")
            assert f.read(1) == b"x"
