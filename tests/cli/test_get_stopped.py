"""`fildes get` of several addresses, ended before it is done."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path

import pytest
from commands import LIMIT, start
from peers import Conversation, StartPeer

from fildes.cli import get
from fildes.cli.getting import Getter
from fildes.cli.planning import plan
from fildes.cli.usage import parse


def site(talk: Conversation) -> None:
    """Serve two bytes; of /stall only one of them."""
    path = talk.recv_until(b"\r\n\r\n").split()[1]
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/")
    if path == b"/stall":
        talk.stall()
    talk.send(b"a")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def test_ctrl_c_leaves_what_is_complete(peer: StartPeer) -> None:
    """Ctrl-C ends all at once, and nothing half-written stays."""
    servers = [peer(site) for _ in range(3)]
    paths = ["/a", "/stall", "/stall"]
    lines = [
        f"{server.address('http', path)} out=f{number}\n"
        for number, (server, path) in enumerate(zip(servers, paths, strict=True))
    ]
    Path("../list").write_text("".join(lines))
    with start("get", "-i", "../list") as process:
        for server in servers[1:]:
            server.wait_stalled()
        while not os.path.exists("f0"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert os.listdir() == ["f0"]
    assert Path("f0").read_text() == "/a"


def test_stopping_takes_back_what_is_written(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files have names from the start, each thread removes its own."""
    genuine = os.open

    def old_file_system(path: str, flags: int, *rest: int, **how: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no nameless files")
        return genuine(path, flags, *rest, **how)

    monkeypatch.setattr(os, "open", old_file_system)
    server = peer(site)
    arguments = parse("get", get, [server.address("http", "/stall")])
    assert arguments is not None
    getter = Getter(arguments)
    failures: list[Exception] = []

    def work() -> None:
        try:
            getter.get(plan(arguments)[0])
        except (OSError, ValueError) as error:  # ValueError: between two reads
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    server.wait_stalled()
    while not os.listdir():
        assert thread.is_alive()
    getter.stop()
    thread.join(LIMIT)
    assert (os.listdir(), len(failures)) == ([], 1)
