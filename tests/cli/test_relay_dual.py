"""A side of two addresses, one that is read and one that is written: socat's A!!B."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from commands import LIMIT, start
from relay_commands import Running, relay_running

from fildes.cli.status import Status


def test_listener_that_is_read(tmp_path: Path) -> None:
    """Whoever connects to A is read, and hears nothing of what goes to B."""
    out = tmp_path / "out"
    side = f"TCP4-LISTEN:0!!CREATE:{out}"
    with relay_running(side, "SYSTEM:cat; echo from $SOCAT_PEERADDR") as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT) as sock:
            sock.sendall(b"hello\n")
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(99) == b""
        assert running.wait() == 0
    assert out.read_bytes() == b"hello\nfrom 127.0.0.1\n"


def test_listener_that_is_written(tmp_path: Path) -> None:
    """B says where it listens; whoever connects gets what is written."""
    (tmp_path / "in").write_text("hello\n")
    side = f"OPEN:{tmp_path}/in,rdonly!!TCP4-LISTEN:0"
    with relay_running(side, "SYSTEM:cat; echo to $SOCAT_PEERADDR") as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT) as sock:
            assert sock.makefile("rb").read() == b"hello\nto 127.0.0.1\n"
        assert running.wait() == 0


@pytest.mark.parametrize(("flag", "side"), [
    ("-u", "TCP4-LISTEN:0!!TCP:127.0.0.1:1"),
    ("-U", "TCP:127.0.0.1:1!!TCP4-LISTEN:0"),
])  # fmt: skip
def test_one_direction_opens_one_address(flag: str, side: str) -> None:
    """With -u or -U the address that this direction does not need is left alone."""
    command = ("relay", flag, side, "STDIO")
    with start(*command, stdin=subprocess.DEVNULL) as process:
        running = Running(process)
        with socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT):
            pass
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0


def test_each_address_is_tried_again_by_itself() -> None:
    """`retry` of B is for B."""
    with start("relay", "-!!TCP4:127.0.0.1:1,retry=2,interval=0.01", "EXEC:cat") as process:
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == Status.CONNECT
    assert err.count(b"trying again") == 2


@pytest.mark.parametrize("side", ["TCP-LISTEN:0,fork!!STDOUT", "STDIN!!TCP-LISTEN:0,fork"])
def test_many_connections_are_refused(side: str) -> None:
    """With `fork` it is an error: connections were served as if there were no B."""
    with start("relay", side, "EXEC:cat", stdin=subprocess.DEVNULL) as process:
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == Status.ADDRESS
    assert b"leave out fork" in err


def test_failed_sink_closes_the_source() -> None:
    """Who has connected to A hears the end when B cannot be opened."""
    with relay_running("TCP4-LISTEN:0!!OPEN:/missing/out,wronly", "EXEC:cat") as running:
        # It may come as early as the end of the handshake.
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT) as client,
        ):
            client.recv(9)
        assert running.wait() == Status.CONNECT
