"""The live table of fildes relay, on a terminal and elsewhere."""

from __future__ import annotations

import re
import signal
import socket
import subprocess

import pytest
from commands import LIMIT, start
from relay_commands import Running
from screens import watching

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


def page(lines: int, last: bytes = b"", columns: int = 80) -> bytes:
    """Return a pattern for a drawing of so many lines, of which the last one begins so."""
    line = rb"[^\x1b\n]{0,%d}\x1b\[K" % columns
    return rb"\x1b\[H(?:%s\r\r?\n){%d}(?=%s)%s\x1b\[J" % (line, lines - 1, last, line)


@pytest.mark.slow
def test_table_is_drawn_and_the_screen_restored() -> None:
    """--watch: the totals and each connection; at the end the screen is as it was."""
    with watching() as (running, screen):
        screen.read_until(re.escape(ENTER))
        with socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT) as sock:
            sock.sendall(b"12345")
            assert sock.recv(100) == b"12345"
            shown = screen.read_until(page(5, rb"#1 .*? 5 B +5 B "))
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        assert b"1 relay, 1 open, 1 accepted, 0 refused, 0 failed" in shown
        assert re.search(rb"#1 +127\.0\.0\.1:\d+ +exec:.*5 B +5 B +\d+ B/s", shown)
        running.process.terminate()
        screen.read_until(re.escape(LEAVE))
        assert running.wait() == 0


def test_table_follows_the_size_of_the_terminal() -> None:
    """A terminal that is made smaller is drawn anew, and nothing wraps."""
    with watching() as (running, screen):
        screen.read_until(page(4))
        screen.resize(40, 10)
        running.process.send_signal(signal.SIGWINCH)
        screen.read_until(page(4, columns=40))


def test_messages_are_shown_below() -> None:
    """What goes wrong is told below the table, not across it."""
    with watching("--max-bytes", "5") as (running, screen):
        screen.read_until(re.escape(ENTER))
        with socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT) as sock:
            sock.sendall(b"1")
            assert sock.recv(100) == b"1"
            running.process.terminate()
            assert screen.read_until(rb"no more connections are accepted; 1 open")
        assert running.wait() == 0


def test_without_a_terminal_there_are_lines() -> None:
    """Into a file or a pipe go plain lines, now and then, without control sequences."""
    argv = ["relay", "--watch", "TCP-LISTEN:0,fork", "EXEC:cat"]
    with start(*argv, stdin=subprocess.DEVNULL) as process:
        running = Running(process)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.terminate()
        assert running.wait() == 0
    assert re.match(rb"fildes relay, up 0:0\d: 1 relay, 0 open, 0 accepted", lines[0])
    assert lines[1] == b"left> 0 B, 0 B/s   <right 0 B, 0 B/s\n"


def test_watch_is_for_listeners() -> None:
    """One relay that is opened once has no table, and says so."""
    with start("relay", "--watch", "-", "exec:cat", stdin=subprocess.DEVNULL) as process:
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 2
    assert b"serves many" in err
