"""The bridge both ways: what is written to the descriptor, and how it ends."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from authority import Authority
from peers import Conversation, Script, StartPeer, echo
from tls_cases import MEBIBYTE, cat, pattern

import fildes

Connect = Callable[..., Any]


@pytest.fixture
def connect_both_ways(peer: StartPeer, tls_ca: Authority) -> Connect:
    def connect(script: Script) -> Any:
        server = peer(script, tls=tls_ca.server_context())
        return fildes.open(f"tls://localhost:{server.port}", tls={"ca": tls_ca.ca_file})

    return connect


def test_write_through_the_descriptor(connect_both_ways: Connect) -> None:
    """Both ways: what is written to the descriptor goes to the peer, and its answer comes."""
    with connect_both_ways(echo) as f:
        assert os.write(f.fileno(), b"question") == 8
        assert os.read(f.fileno(), 100) == b"question"


def test_half_close_through_the_descriptor(connect_both_ways: Connect) -> None:
    """shutdown(2) on the descriptor ends our direction; the whole answer still comes."""
    data = pattern(MEBIBYTE)

    def script(talk: Conversation) -> None:
        assert talk.recv_all() == b"question"
        talk.send(data)

    with (
        connect_both_ways(script) as f,
        socket.socket(fileno=os.dup(f.fileno())) as sock,
    ):
        sock.sendall(b"question")
        sock.shutdown(socket.SHUT_WR)
        assert cat(sock) == (0, data)


def test_half_close_of_the_object(connect_both_ways: Connect) -> None:
    """half_close() after fileno() passes on what was written, then the end."""
    with connect_both_ways(echo) as f:
        f.fileno()
        f.write(b"question")
        f.half_close()
        assert cat(f) == (0, b"question")


def test_abort_reaches_the_peer(peer: StartPeer, tls_ca: Authority) -> None:
    """Aborting a bridged file is an error for the peer, no end of file."""
    server = peer(echo, tls=tls_ca.server_context())
    f = fildes.open(f"tls://localhost:{server.port}", tls={"ca": tls_ca.ca_file})
    os.write(f.fileno(), b"x")
    assert os.read(f.fileno(), 1) == b"x"
    f.abort()
    server.wait()
    assert len(server.errors) == 1


def test_program_talks(connect_both_ways: Connect) -> None:
    """A program with the descriptor as its input and output holds a conversation."""
    with connect_both_ways(echo) as f:
        talker = ["sh", "-c", 'echo hello; read answer; test "$answer" = hello']
        assert subprocess.run(talker, stdin=f, stdout=f).returncode == 0


def test_peer_that_takes_no_more(connect_both_ways: Connect) -> None:
    """When the peer resets while a program writes, the program and the object get an error."""

    def script(talk: Conversation) -> None:
        talk.recv_exactly(1)
        talk.rst()

    f = connect_both_ways(script)

    def write_for_ever() -> None:
        while True:
            os.write(f.fileno(), pattern(65536))

    with pytest.raises(OSError) as caught:
        write_for_ever()
    assert caught.value.errno in (errno.EPIPE, errno.ECONNRESET)
    with pytest.raises(OSError):
        f.close()
