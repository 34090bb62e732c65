"""`fildes cat`."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, LIMIT, RunMain, fildes, run, run_on_terminal, start
from peers import Conversation, Script, StartPeer

__all__ = ["fildes"]

NASTY = b"title \x1b]0;owned\x07 clipboard \x1b]52;c;QUJD\x1b\\ c1 \x9b31m \xc2\x9b2J caf\xc3\xa9\n"


def says(data: bytes) -> Script:
    """Return a script that sends *data*, then the end of file."""
    return lambda talk: talk.send(data)


def cut(talk: Conversation) -> None:
    """Send ten bytes, and reset the connection when they have been seen."""
    talk.send(b"0123456789")
    talk.stall()
    talk.rst()


def test_bytes_pass_unchanged_to_a_pipe(fildes: RunMain, peer: StartPeer) -> None:
    """Every byte arrives as it was sent, when no terminal is to see it."""
    done = run("cat", peer(says(NASTY)).address())
    assert (done.returncode, done.stdout, done.stderr) == (0, NASTY, b"")


def test_addresses_follow_each_other(fildes: RunMain, peer: StartPeer) -> None:
    """Several addresses are written one after the other."""
    first, second = peer(says(b"one ")).address(), peer(says(b"two")).address()
    assert fildes("cat", first, second) == (0, "one two", "")


def test_first_failure_ends_the_output(fildes: RunMain, peer: StartPeer) -> None:
    """What was written is the beginning of what was to come, with no gap in it."""
    first, last = peer(says(b"one ")).address(), peer(says(b"three"))
    done = fildes("cat", first, "tcp://127.0.0.1:1", last.address())
    assert (done.status, done.out) == (7, "one ")
    assert not last.conversations


def test_terminal_shows_controls(peer: StartPeer) -> None:
    """On a terminal, escape sequences and controls are shown instead of obeyed."""
    status, shown = run_on_terminal("cat", peer(says(NASTY)).address())
    assert status == 0
    assert shown.decode() == (
        "title ^[]0;owned^G clipboard ^[]52;c;QUJD^[\\ c1 \\x9b31m \\u009b2J café\n"
    )


def test_raw_reaches_the_terminal(peer: StartPeer) -> None:
    """Whoever asks for --raw gets every byte."""
    status, shown = run_on_terminal("cat", "--raw", peer(says(NASTY)).address())
    assert (status, shown) == (0, NASTY)


def test_reset_is_incomplete(peer: StartPeer) -> None:
    """A connection that is cut gives what came, an error line and a status."""
    server = peer(cut)
    with start("cat", server.address()) as process:
        assert process.stdout is not None
        assert process.stdout.read(10) == b"0123456789"
        server.release()
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (18, b"")
    assert err.decode().startswith(f"fildes: unable to read {server.address()}: Connection reset")
    assert err.count(b"\n") == 1


def endless(talk: Conversation) -> None:
    """Send without end."""
    while True:
        talk.send(b"a line of text\n" * 1000)


def test_head_ends_it_quietly(peer: StartPeer) -> None:
    """`fildes cat big | head -1` ends by SIGPIPE, as cat does, without a word."""
    with start("cat", peer(endless).address()) as process:
        with subprocess.Popen(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE) as head:
            line, _ = head.communicate(timeout=LIMIT)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == -signal.SIGPIPE
    assert line == b"a line of text\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_device_is_said(peer: StartPeer) -> None:
    """Output that cannot be written is an error, with the reason."""
    with open("/dev/full", "wb") as full:
        done = run("cat", peer(says(b"x" * 10)).address(), stdout=full)
    assert done.returncode == 23
    assert done.stderr == b"fildes: unable to write standard output: No space left on device\n"


def test_closed_output_is_noticed_before_opening(peer: StartPeer) -> None:
    """Without a standard output nothing is opened: its descriptor would be the socket's."""
    server = peer(says(b"x"))
    line = f'"$0" -m fildes cat {server.address()} >&-'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable], env=ENVIRONMENT, capture_output=True, timeout=LIMIT
    )
    assert (done.returncode, done.stdout) == (23, b"")
    assert done.stderr == b"fildes: unable to write standard output: it is closed\n"
    assert not server.conversations


def test_ctrl_c_ends_it_as_the_shell_expects(peer: StartPeer) -> None:
    """Ctrl-C ends the process by SIGINT and without a word."""

    def stall(talk: Conversation) -> None:
        talk.send(b"begun")
        talk.stall()

    server = peer(stall)
    with start("cat", server.address()) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"begun"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (-signal.SIGINT, b"", b"")


def test_slow_reader_of_a_shared_pipe(peer: StartPeer, tmp_path: Path) -> None:
    """Output that somebody set to non-blocking mode loses nothing."""
    data = bytes(range(256)) * 4096
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    with (
        os.fdopen(source, "rb") as reader,
        start("cat", peer(says(data)).address(), stdout=sink) as process,
    ):
        os.close(sink)
        assert reader.read() == data
        assert process.wait(LIMIT) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_decompress_by_the_name(fildes: RunMain, tmp_path: Path) -> None:
    """With -z a compressed file is written decompressed; others as they are."""
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"text "))
    (tmp_path / "y").write_bytes(b"and text")
    assert fildes("cat", "-z", f"{tmp_path}/x.gz", f"{tmp_path}/y") == (0, "text and text", "")
