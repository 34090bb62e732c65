"""What socat users rely on: connections that outlive their users, limits, and silence."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from commands import LIMIT, start
from relay_commands import connect, exchange, relay_running


@pytest.fixture
def accepted() -> Iterator[tuple[int, list[bytes]]]:
    """Accept one connection and no more, echo, and note what came; yield the port."""
    said: list[bytes] = []

    def serve() -> None:
        with listener.accept()[0] as sock:
            listener.close()  # a second connection would be refused
            while data := sock.recv(100):
                said.append(data)
                sock.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve)
        thread.start()
        yield port, said
        thread.join()


@pytest.mark.slow
def test_shared_connection_outlives_its_users(accepted: tuple[int, list[bytes]]) -> None:
    """TCP4ENDCLOSE: with end-close one connection serves one client after the other."""
    port, said = accepted
    with relay_running("TCP-LISTEN:0,fork", f"TCP4:127.0.0.1:{port},end-close") as running:
        for word in (b"one", b"two"):
            with connect(running) as sock:
                assert exchange(sock, word) == word
                sock.shutdown(socket.SHUT_WR)
                assert not sock.recv(1)
        running.process.terminate()
        assert running.wait() == 0
    assert said == [b"one", b"two"]


@pytest.mark.slow
def test_shared_terminal_outlives_its_users(tmp_path: os.PathLike[str]) -> None:
    """PTYENDCLOSE: with end-close one terminal stays for one client after the other."""
    link = os.path.join(tmp_path, "link")
    with relay_running("TCP-LISTEN:0,fork", f"PTY,raw,echo=0,end-close,link={link}") as running:
        terminal = -1
        for word in (b"one", b"two"):
            with connect(running) as sock:
                sock.sendall(word)
                while terminal < 0:  # it is made for the first client
                    try:
                        terminal = os.open(link, os.O_RDWR | os.O_NOCTTY)
                    except FileNotFoundError:
                        os.sched_yield()
                assert os.read(terminal, 100) == word
                os.write(terminal, word.upper())
                assert sock.recv(100) == word.upper()
                sock.shutdown(socket.SHUT_WR)
                assert not sock.recv(1)
        os.close(terminal)


@pytest.mark.slow
def test_connect_timeout_is_for_connecting() -> None:
    """CONNECTTIMEOUT_CONN: who has connected in time may think for longer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"TCP4:127.0.0.1:{listener.getsockname()[1]},connect-timeout=1"
        with start("relay", "-", target, stdin=subprocess.DEVNULL) as process:
            with listener.accept()[0] as sock:
                assert sock.recv(1) == b""
                threading.Event().wait(1.1)  # longer than the limit
                sock.sendall(b"late")
            out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (0, b"late", b"")


def test_nothing_is_said_of_an_ordered_end() -> None:
    """SIGTERM_NOLOG: who is told to end has nothing to complain about."""
    with start("relay", "-", "SYSTEM:echo ready; cat", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(LIMIT) == -15
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stdin.close()
