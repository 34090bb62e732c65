"""The bridge: a real descriptor, whose end of file means complete."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from typing import Any

import pytest
from authority import Authority
from peers import Conversation, Script, StartPeer, echo
from tls_cases import MEBIBYTE, cat, pattern

import fildes

#: A function, with what it has started as its attributes.
Connect = Any


@pytest.fixture(params=["rb", "r+b"])
def connect(request: pytest.FixtureRequest, peer: StartPeer, tls_ca: Authority) -> Connect:
    """Open tls to a script, for reading alone and for both ways: there is a bridge for each."""

    def connect(script: Script, **arguments: Any) -> Any:
        vars(connect)["server"] = server = peer(script, tls=tls_ca.server_context())
        address = f"tls://localhost:{server.port}"
        return fildes.open(address, request.param, tls={"ca": tls_ca.ca_file}, **arguments)

    return connect


def cut(talk: Conversation) -> None:
    talk.send(b"half")
    talk.fin(close_notify=False)


def test_program_reads_everything(connect: Connect) -> None:
    """A program gets all the bytes and an end of file."""
    data = pattern(MEBIBYTE)
    with connect(lambda talk: talk.send(data)) as f:
        assert cat(f) == (0, data)


def test_program_sees_the_cut(connect: Connect) -> None:
    """A program gets what came before the cut and then an error; so does close."""
    f = connect(cut)
    assert cat(f) == (1, b"half")
    with pytest.raises(OSError) as caught:
        f.close()
    assert fildes.failure_of(caught.value) is not None


def test_os_read(connect: Connect) -> None:
    """os.read on the descriptor gives the data, then ECONNRESET, and the object still knows."""
    f = connect(cut)
    assert os.read(f.fileno(), 100) == b"half"
    with pytest.raises(ConnectionResetError):
        os.read(f.fileno(), 100)
    for action in (f.read, f.close):
        with pytest.raises(OSError, match="EOF"):
            action()


@pytest.mark.parametrize("size", [4, 8 * MEBIBYTE])
def test_abort_is_no_end_for_other_holders(connect: Connect, size: int) -> None:
    """Who holds the descriptor when the object is aborted gets an error, and no end of file."""

    def begin(talk: Conversation) -> None:
        talk.send(pattern(size))
        talk.stall()

    f = connect(begin)
    command = ["sh", "-c", "head -c4; cat >/dev/null"]
    with subprocess.Popen(command, stdin=f, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        assert cat.stdout.read(4) == pattern(4)  # so it reads, and will wait for more
        f.abort()
        assert cat.wait() == 1


def test_object_reads_through_the_bridge(connect: Connect) -> None:
    """After fileno() the object reads on, and raises the stream's error, not the pair's."""
    with connect(cut) as f:
        f.fileno()
        assert f.read(4) == b"half"
        with pytest.raises(OSError, match="EOF"):
            f.read()
        with pytest.raises(OSError, match="EOF"):
            f.close()


def test_reset(connect: Connect) -> None:
    """A reset after some bytes: those bytes, then an error."""

    def script(talk: Conversation) -> None:
        talk.send(b"half")
        talk.stall()
        talk.rst()

    f = connect(script)
    fd = f.fileno()
    assert os.read(fd, 100) == b"half"
    connect.server.release()
    assert cat(f) == (1, b"")
    with pytest.raises(ConnectionResetError):
        f.close()


def test_stall(connect: Connect) -> None:
    """A stream idle for too long is an error for the program, and TimeoutError for us."""

    def script(talk: Conversation) -> None:
        talk.send(b"half")
        talk.stall()

    f = connect(script, idle_timeout=0.05)
    vars(connect)["server"].wait_stalled()  # half is here
    assert cat(f) == (1, b"half")
    with pytest.raises(TimeoutError):
        f.close()


def test_bug_in_a_stream(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any exception at all leaves the pair armed, and closes the stream."""
    raised: list[Any] = []
    monkeypatch.setattr("threading.excepthook", raised.append)

    def fail(buffer: memoryview) -> int:
        raise ZeroDivisionError

    f = connect(echo)
    monkeypatch.setattr(f.description.stream, "try_recv_into", fail)
    assert cat(f) == (1, b"")
    f.description.stream.pump.thread.join()
    f.close()
    assert [args.exc_type for args in raised] == [ZeroDivisionError]


HOLDER = """
import socket, sys
import fildes
_, address, ca, mode, fd = sys.argv
f = fildes.open(address, mode, tls={"ca": ca})
with socket.socket(fileno=int(fd)) as parent:
    socket.send_fds(parent, [b"x"], [f.fileno()])
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_killed_pump(mode: str, peer: StartPeer, tls_ca: Authority) -> None:
    """kill -9 of the process that pumps is no end of file for the program that reads."""

    def script(talk: Conversation) -> None:
        talk.send(b"half")
        talk.stall()

    server = peer(script, tls=tls_ca.server_context())
    address = f"tls://localhost:{server.port}"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        argv = [sys.executable, "-c", HOLDER, address, str(tls_ca.ca_file), mode]
        holder = subprocess.Popen(
            [*argv, str(theirs.fileno())], stdin=subprocess.PIPE, pass_fds=[theirs.fileno()]
        )
        with holder:
            _, [fd], *_ = socket.recv_fds(ours, 1, 1)
            with open(fd, "rb", buffering=0) as file:
                assert file.read(4) == b"half"
                holder.kill()
                assert cat(file) == (1, b"")


def test_reader_that_leaves_early(connect: Connect) -> None:
    """A program that reads a little and leaves makes no error, and the pump ends."""

    def script(talk: Conversation) -> None:
        while True:  # until the connection is gone
            talk.send(pattern(65536))

    with connect(script) as f:
        head = subprocess.run(["head", "-c", "5"], stdin=f, capture_output=True)
        assert head.stdout == pattern(5)


def test_child_holds_the_descriptor(connect: Connect) -> None:
    """A child goes on reading after our close, up to the end of file."""

    def script(talk: Conversation) -> None:
        talk.send(b"before ")
        talk.stall()
        talk.send(b"after")

    f = connect(script)
    with subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"before "
        f.close()
        connect.server.release()
        assert child.stdout.read() == b"after"
    assert child.returncode == 0


def test_bytes_read_ahead_come_first(connect: Connect) -> None:
    """What the object has read ahead is handed to the program first."""
    with connect(lambda talk: talk.send(b"one\ntwo\nthree\n")) as f:
        assert f.readline() == b"one\n"
        assert cat(f) == (0, b"two\nthree\n")


def test_select(connect: Connect) -> None:
    """The descriptor is readable when there is data, and not before."""

    def script(talk: Conversation) -> None:
        talk.stall()
        talk.send(b"now")

    with connect(script) as f:
        assert select.select([f], [], [], 0) == ([], [], [])
        connect.server.release()
        assert select.select([f], [], [], 10) == ([f], [], [])
        assert os.read(f.fileno(), 10) == b"now"


def test_fileno_twice(connect: Connect) -> None:
    """There is one bridge: fileno() gives the same number each time."""
    with connect(lambda talk: talk.send(b"x")) as f:
        assert f.fileno() == f.fileno()
        assert f.read() == b"x"


def test_descriptor_is_in_blocking_mode(connect: Connect) -> None:
    """A program finds the descriptor in blocking mode, and it is not inherited by itself."""
    with connect(echo) as f:
        assert os.get_blocking(f.fileno())
        assert not os.get_inheritable(f.fileno())


def test_all_that_was_read_ahead_goes_over_the_bridge(peer: StartPeer) -> None:
    """However large the buffer is, what it holds reaches the reader of the descriptor."""
    body = bytes(range(256)) * 400

    def script(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        talk.fin()

    address = peer(script).address("http", "/x")
    with fildes.open(address, buffering=1 << 20, http={"hint": "sequential"}) as f:
        begun = f.read(5)
        assert begun + subprocess.run(["cat"], stdin=f, capture_output=True).stdout == body
