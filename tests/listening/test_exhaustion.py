"""L1: a listener without descriptors neither dies nor spins, and recovers."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from tls_listeners import options

import fildes
from fildes.listening import accepting, admission

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parents[2] / "src"

TCP_CLOSE = 7  #: the state of a connection that was reset; linux/tcp_states.h

#: Accepts until its descriptors are used up, waits, and goes on with those that it frees.
LISTENER = """
import os, resource, sys
import fildes
from fildes.listening.accepting import Acceptor

tries = 0
genuine = Acceptor.try_accept

def counting(acceptor):
    global tries
    tries += 1
    return genuine(acceptor)

Acceptor.try_accept = counting
with fildes.listen(sys.argv[1]) as listener:
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 6, used + 6))
    print(listener.address, flush=True)
    sys.stdin.readline()  # the clients are there
    files = []
    try:
        while True:
            files.append(listener.accept(timeout=0.5))
    except TimeoutError:
        pass
    for turn in range(2):  # nothing is free: it waits, and tries a few times
        before = tries
        try:
            listener.accept(timeout=0.5)
        except TimeoutError:
            print(len(files), tries - before, flush=True)
    for f in files:
        f.abort()
    for f in listener:  # first those that have waited, and gone
        try:
            with f:
                if f.readline() == b"hello\\n":
                    f.write(b"recovered")
                    break
        except OSError:
            pass
"""


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
def test_without_descriptors(scheme: str, tmp_path: Path) -> None:
    """It tries again some ten times a second at most, and serves who comes when there is room."""
    address = "tcp://127.0.0.1:0" if scheme == "tcp" else f"unix:{tmp_path}/s"
    with (
        subprocess.Popen(
            [sys.executable, "-c", LISTENER, address],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        contextlib.ExitStack() as clients,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        where = process.stdout.readline().strip()
        for _ in range(20):
            clients.enter_context(connect(where))
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(2):
            files, tries = map(int, process.stdout.readline().split())
            assert 0 < files <= 7
            assert tries < 15
        clients.close()
        with connect(where) as sock:
            sock.sendall(b"hello\n")
            assert sock.recv(99) == b"recovered"
    assert process.returncode == 0


@pytest.mark.parametrize("grace", [0.0, 1000.0])
def test_stalled_handshakes_make_room(
    grace: float, tls_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left, those that take longer than most have to go first, and no others."""
    monkeypatch.setattr(admission, "GRACE", grace)
    monkeypatch.setattr(accepting, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(accepting, "LONGEST_PAUSE", 0.02)
    with (
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost)) as listener,
        connect(listener.address) as stalled,
    ):
        while not listener.acceptor.handshakes.running:
            with pytest.raises(TimeoutError):
                listener.accept(timeout=0.01)
        failures = [errno.EIO, *[errno.EMFILE] * 9]

        def try_accept() -> Any:
            if stalled_was_dropped(stalled):
                raise OSError(errno.EIO, "there is room")
            raise OSError(failures.pop(), "no descriptor")

        monkeypatch.setattr(listener.acceptor, "try_accept", try_accept)
        with pytest.raises(OSError, match="descriptor" if grace else "there is room") as caught:
            listener.accept(timeout=20)
        assert caught.value.errno == errno.EIO


def stalled_was_dropped(sock: socket.socket) -> bool:
    """Tell whether the connection of *sock* was reset."""
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE)


def connect(where: str) -> socket.socket:
    """Return a socket that is connected to the address *where*."""
    scheme, _, place = where.partition("://")
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(place)
        return sock
    host, _, port = place.rpartition(":")
    return socket.create_connection((host, int(port)), 20)
