"""WebSockets in the commands: relay, serve, cat and run."""

from __future__ import annotations

import socket
import subprocess
import threading
from typing import Any

import pytest
import websockets.sync.client
from commands import LIMIT, command
from peers import StartPeer
from peers import echo as echo_bytes
from relay_commands import relay_running
from websocket_script import BINARY, close_frame, frame, switched
from websockets.typing import Subprotocol

import fildes


def test_relay_for_a_browser(peer: StartPeer) -> None:
    """What websockify does: messages of a WebSocket client are the bytes of a tcp server."""
    server = peer(echo_bytes, echo_bytes)
    with relay_running("ws-listen://:0/vnc?subprotocol=binary", server.address()) as running:
        for _ in range(2):
            with websockets.sync.client.connect(
                running.address, proxy=None, subprotocols=[Subprotocol("binary")], compression=None
            ) as client:
                client.send(b"hello")
                assert client.recv() == b"hello"
                client.send(b"more")
                assert client.recv() == b"more"
                assert client.subprotocol == "binary"
            assert client.close_code == 1000


def test_relay_to_a_websocket() -> None:
    """A tcp client reaches what is behind a WebSocket, with half-close both ways."""

    def answer(listener: Any) -> None:
        with listener.accept() as f:
            f.write(f.read()[::-1])

    with fildes.listen("ws://127.0.0.1:0/x") as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with (
            relay_running("tcp-listen://:0", listener.address) as running,
            fildes.open(running.address) as f,
        ):
            f.write(b"olleh")
            f.half_close()
            assert f.read() == b"hello"
        thread.join()


def test_relay_of_datagrams() -> None:
    """With framing=message each datagram is a message, and each message a datagram."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(LIMIT)
        target = f"udp://127.0.0.1:{server.getsockname()[1]}"
        with (
            relay_running("ws-listen://:0?framing=message", target) as running,
            fildes.open(running.address, ws={"framing": "message"}) as f,
        ):
            for message in (b"one", b"three"):
                f.write(message)
            (one, place), (three, _) = (server.recvfrom(100) for _ in range(2))
            assert (one, three) == (b"one", b"three")
            for message in (b"x", b"yy"):
                server.sendto(message, place)
            assert [f.read(), f.read()] == [b"x", b"yy"]
            f.abort()


def test_serve_runs_a_program_for_each() -> None:
    """fildes serve gives each WebSocket a program, by genuine descriptors."""
    argv = command("serve", "ws-listen://:0/", "--", "rev")
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip().decode()
            for _ in range(2):
                with fildes.open(address) as f:
                    f.write(b"olleh\n")
                    f.half_close()
                    assert f.read() == b"hello\n"
        finally:
            process.terminate()
            process.communicate()


def run(*argv: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*argv), capture_output=True, timeout=LIMIT, stdin=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_cat(peer: StartPeer) -> None:
    """fildes cat writes what comes; its status is 0 only after a Close that is in order."""
    whole = frame(BINARY, b"hello ") + frame(1, b"world")
    good, bad = peer(switched(whole + close_frame())), peer(switched(whole))
    done = run("cat", good.address("ws"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello world", b"")
    done = run("cat", bad.address("ws"))
    assert (done.returncode > 0, done.stdout) == (True, b"hello world")
    assert b"without a Close frame" in done.stderr


@pytest.mark.slow
def test_run(peer: StartPeer) -> None:
    """A program has a WebSocket for its input and output, in whatever messages it comes."""
    server = peer(switched(frame(BINARY, b"he") + frame(BINARY, b"llo\n") + close_frame()))
    done = run("run", server.address("ws"), "--", "sh", "-c", "read line; echo $line >&2")
    assert b"hello\n" in done.stderr


def test_headers_of_the_command_line(peer: StartPeer) -> None:
    """-H and -O are for ws, too."""
    server = peer(switched(close_frame()))
    done = run("cat", "-H", "X-One: 1", "-O", "ws.subprotocol=chat", server.address("ws"))
    assert done.returncode == 0, done.stderr
    assert b"X-One: 1\r\n" in server.received
    assert b"Sec-WebSocket-Protocol: chat\r\n" in server.received
