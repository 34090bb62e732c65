"""fildes serve: what a client is told of the end of its program."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from peers import LIMIT
from serving_commands import ServeCommand, StartServer, serve
from tcp_ends import received
from tls_listeners import query

import fildes

__all__ = ["serve"]  # a fixture

pytestmark = pytest.mark.slow

#: More than any queue holds that the program could leave its answer in.
SIZE = 8_000_000

PLACES = ["tcp", "tls", "unix"]


class Places:
    """Starts servers at places of each kind, and opens them."""

    def __init__(self, start: StartServer, authority: Authority, directory: Path) -> None:
        self.start, self.authority, self.directory = start, authority, directory

    def serve(self, place: str, script: str, **options: Any) -> ServeCommand:
        """Serve a shell script."""
        at = {
            "tcp": "tcp://127.0.0.1:0",
            "tls": f"tls-listen://127.0.0.1:0?{query(self.authority)}",
            "unix": f"unix:{self.directory}/s",
        }
        return self.start("sh", "-c", script, at=at[place], **options)

    def open(self, server: ServeCommand) -> Any:
        """Open a connection."""
        tls = {"ca": self.authority.ca_file} if server.address.startswith("tls:") else {}
        options: dict[str, Any] = {"tls": tls} if tls else {}
        return fildes.open(server.address, timeout=LIMIT, idle_timeout=LIMIT, **options)


@pytest.fixture
def places(serve: StartServer, tls_ca: Authority, tmp_path: Path) -> Places:
    return Places(serve, tls_ca, tmp_path)


@pytest.mark.parametrize("place", ["tcp", "tls"])
def test_killed_program_has_not_said_all(place: str, places: Places) -> None:
    """A client gets what its program said before a signal killed it, and then an error."""
    server = places.serve(place, "printf half; read line; kill -9 $$")
    f = places.open(server)
    assert f.read(4) == b"half"
    f.write(b"go\n")
    with pytest.raises((OSError, EOFError)):
        f.read()
    f.abort()
    assert server.first_line() == "fildes: 1: the program was killed by signal 9\n"
    assert server.stop()[0] == 0


def test_unix_socket_has_no_reset(places: Places) -> None:
    """Where a client cannot be told of it, whoever reads the messages is."""
    server = places.serve("unix", "kill -9 $$")
    with places.open(server) as f:
        assert f.read() == b""
    said = "fildes: 1: the program was killed by signal 9, which its client cannot be told\n"
    assert server.first_line() == said
    server.stop()


@pytest.mark.parametrize("place", ["tcp", "tls"])
def test_all_that_was_said_arrives_first(place: str, places: Places) -> None:
    """The reset destroys nothing that the killed program has said, however slowly it is read."""
    server = places.serve(place, "head -c 300000 /dev/zero; kill -9 $$")
    f = places.open(server)
    assert server.first_line() == "fildes: 1: the program was killed by signal 9\n"
    assert len(f.read(300_000)) == 300_000
    with pytest.raises((OSError, EOFError)):
        f.read(1)
    f.abort()
    server.stop()


@pytest.mark.parametrize("place", PLACES)
def test_answer_of_who_does_not_listen(place: str, places: Places) -> None:
    """A program that ends without having read the question loses nothing of its answer."""
    server = places.serve(place, f"head -c {SIZE} /dev/zero")
    with places.open(server) as f:
        f.write(b"question" * 10_000)
        f.half_close()
        assert len(f.read()) == SIZE
    status, said = server.stop()
    assert status == 0
    # What it has sent may be here before it has seen its end.
    assert said in {"fildes: stopping\n", "fildes: stopping: 1 connections may finish\n"}


def test_answer_to_who_goes_on_speaking(serve: StartServer) -> None:
    """A client that still speaks when its program has ended gets the answer, and no reset."""
    server = serve("sh", "-c", f"head -c {SIZE} /dev/zero")
    with server.connect() as sock:
        speaker = threading.Thread(target=sock.sendall, args=(bytes(SIZE),))
        speaker.start()
        assert received(sock) == (SIZE, None)
        speaker.join(LIMIT)
    server.stop()


def test_silent_client_is_left(serve: StartServer) -> None:
    """A client that never says its end has its place for little longer than its program."""
    server = serve("echo", "hello", options=["--max-connections", "1"])
    with server.connect() as silent:
        assert received(silent) == (6, None)
        assert server.ask() == b"hello\n"
    server.stop()


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("place", PLACES)
def test_status_is_no_break(status: int, place: str, places: Places) -> None:
    """A program that ends by itself has said all, whatever its status."""
    server = places.serve(place, f"printf all; exit {status}")
    with places.open(server) as f:
        assert f.read() == b"all"
    server.stop()


@pytest.mark.parametrize("place", PLACES)
def test_connection_may_end_before_its_program(place: str, places: Places, tmp_path: Path) -> None:
    """A program that closes its connection and lives on has said all."""
    os.mkfifo(tmp_path / "fifo")
    script = f"printf all; exec <&- >&-; read line < {tmp_path / 'fifo'}; exit 5"
    server = places.serve(place, script)
    with places.open(server) as f:
        assert f.read() == b"all"
    (tmp_path / "fifo").write_text("now it may end\n")
    assert server.first_line() == "fildes: 1: the program ended with status 5\n"
    server.stop()


@pytest.mark.parametrize("place", PLACES)
def test_answer_of_who_hangs_up(place: str, places: Places, tmp_path: Path) -> None:
    """A program that closes its connection with the question unread loses nothing of its answer."""
    os.mkfifo(tmp_path / "fifo")
    script = f"head -c {SIZE} /dev/zero; exec <&- >&-; read line < {tmp_path / 'fifo'}"
    server = places.serve(place, script)
    with places.open(server) as f:
        f.write(b"question" * 10_000)
        assert len(f.read()) == SIZE
    (tmp_path / "fifo").write_text("now it may end\n")
    assert server.stop()[0] == 0


def test_others_may_have_what_a_program_has_closed(serve: StartServer) -> None:
    """A program that lives on may have left its connection to others of its group."""
    server = serve("sh", "-c", "exec 3<&0; cat <&3 >&3 & exec <&- >&- 3<&-; wait")
    folder = Path(f"/proc/{server.process.pid}/fd")
    before = len(list(folder.iterdir()))
    with server.connect() as sock:
        sock.sendall(b"hello")
        assert sock.recv(99) == b"hello"
        while len(list(folder.iterdir())) > before + 1:  # the pidfd
            pass
        sock.sendall(b"again")
        assert sock.recv(99) == b"again"
        sock.shutdown(socket.SHUT_WR)
        assert received(sock) == (0, None)
    server.stop()


@pytest.mark.parametrize(
    ("end", "said", "how"),
    [
        ("exit 3", "the program ended with status 3", None),
        ("kill -9 $$", "the program was killed by signal 9", ConnectionResetError),
    ],
)
def test_others_may_go_on(
    end: str, said: str, how: type[Exception] | None, serve: StartServer
) -> None:
    """A program may leave its connection to others, who say when it is over."""
    script = f"exec 3<&0; (read line <&3; echo got $line) & {end}"
    server = serve("sh", "-c", script)
    with server.connect() as sock:
        assert server.first_line() == f"fildes: 1: {said}\n"
        sock.sendall(b"it\n")
        assert sock.recv(99) == b"got it\n"
        assert received(sock) == (0, how)
    server.stop()


def test_nothing_is_kept(serve: StartServer) -> None:
    """However programs end, the server holds no descriptor of them any more."""
    server = serve("sh", "-c", "read end; eval $end")
    folder = Path(f"/proc/{server.process.pid}/fd")
    before = len(list(folder.iterdir()))
    for end in (b"exit", b"exit 3", b"kill -9 $$", b"exec <&- >&-; true", b"sleep 0 & exit"):
        with server.connect() as sock:
            sock.sendall(end + b"\nand more")
            received(sock)
    while server.children() or len(list(folder.iterdir())) > before:
        pass
    server.stop()


def test_reset_by_a_client_is_its_programs(serve: StartServer) -> None:
    """A client that goes away is told to its program, and is no failure of the server."""
    server = serve("sh", "-c", "cat; exit 0")
    with server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.ask(b"hello") == b"hello"
    said = server.stop()[1].splitlines()  # by cat, too
    ours = [line for line in said if line.startswith("fildes:")]
    assert [line.partition("stopping")[0] for line in ours] == ["fildes: "]  # maybe with a count
