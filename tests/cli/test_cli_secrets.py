"""Secrets that a command line has to hold are told to nobody else."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest
from commands import RunMain, fildes, run
from peers import Conversation, StartPeer

__all__ = ["fildes"]

SECRET = "c4n4ry-hunter2"
ENCODED = base64.b64encode(f"user:{SECRET}".encode()).decode()

FAILURES = [
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"",
]


def assert_hidden(*texts: str) -> None:
    for text in texts:
        assert SECRET not in text
        assert ENCODED not in text


@pytest.mark.parametrize("argv", [["cat"], ["get", "-o", "-"], ["explain"], ["explain", "--json"]])
@pytest.mark.parametrize("response", FAILURES)
def test_no_message_tells(
    fildes: RunMain, peer: StartPeer, argv: list[str], response: bytes
) -> None:
    """Passwords of the address and secret headers are in no output, step or traceback."""

    def fail(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(response)

    server = peer(fail)
    address = f"http://user:{SECRET}@127.0.0.1:{server.port}/x?token={SECRET}"
    done = fildes(*argv, "-v", "--debug", "-H", f"X-Api-Key: {SECRET}", address)
    assert ENCODED.encode() in server.received  # it went where it belongs
    assert "fildes: " in done.err
    assert_hidden(done.out, done.err)


@pytest.mark.parametrize(
    "address",
    [
        f"tcp://user:{SECRET}@127.0.0.1:1",
        f"ftp://user:{SECRET}@127.0.0.1:1/",
        f"user:{SECRET}@127.0.0.1:1",
        f"http://a@{SECRET}@b:1/",
        f"http://user:{SECRET}@127.0.0.1:port/",
        f"http://127.0.0.1:1/::socks5://user:{SECRET}@127.0.0.1:1",
        f"http://127.0.0.1:1/::connect://user:{SECRET}@127.0.0.1:1",
        f"tls://127.0.0.1:1?key-password={SECRET}&cert=/missing",
        f"tls://127.0.0.1:1?key-password={SECRET}&nonsense=1",
    ],
)
def test_no_error_tells(fildes: RunMain, address: str) -> None:
    """An address that cannot be read or opened keeps its password, too."""
    for argv in (
        ["cat", "-v", "--debug", address],
        ["get", address],
        ["explain", address],
        [address],
    ):
        done = fildes(*argv)
        assert done.status != 0
        assert_hidden(done.out, done.err)


def test_option_values_stay_secret(fildes: RunMain, tmp_path: Path) -> None:
    """A secret option given by -O is in no message either."""
    done = fildes(
        "cat", "-v", "--debug", "-O", f"tls.key-password={SECRET}", "-O", "tls.cert=/missing",
        "tls://127.0.0.1:1",
    )  # fmt: skip
    assert done.status != 0
    assert_hidden(done.out, done.err)


def test_program_is_not_told(peer: StartPeer) -> None:
    """The command line and the environment of the program hold no part of the address."""

    def serve(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    look = "print(open('/proc/self/cmdline').read(), open('/proc/self/environ').read())"
    address = f"http://user:{SECRET}@127.0.0.1:{peer(serve).port}/"
    done = run("run", "-H", f"X-Api-Key: {SECRET}", address, "--", sys.executable, "-c", look)
    assert done.returncode == 0
    assert b"/proc/self/cmdline" in done.stdout
    assert_hidden(done.stdout.decode(), done.stderr.decode())
