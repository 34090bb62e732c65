"""Short connections through a relay, very many of them, and what it holds meanwhile.

Run as a program, `python soaking.py tcp` or `udp`, it is the server behind the relay: it
prints its port, and answers each question with the question reversed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"

#: Seconds after which a connection that gets no answer fails.
LIMIT = 60.0

#: Seconds after which a datagram is sent again.  # arbitrary
ASK_AGAIN = 1.0

#: Bytes of a question; the number of the connection, several times.
SIZE = 64

#: Connections that are open at once.
BATCH = 64  # arbitrary

#: Asks so many questions at a port, each in a connection of its own, and checks the answers.
Ask = Callable[[int, range], None]


class Sample(NamedTuple):
    """What a relay held after so many connections; memory in KiB of resident size."""

    done: int
    seconds: float
    memory: int
    descriptors: int


def question(number: int) -> bytes:
    return number.to_bytes(8, "big") * (SIZE // 8)


def ask_by_tcp(port: int, numbers: range) -> None:
    """Ask in connections that are all open at once, and wait for the end of each."""
    socks = [socket.create_connection((HOST, port), LIMIT) for _ in numbers]
    for sock, number in zip(socks, numbers, strict=True):
        sock.sendall(question(number))
        sock.shutdown(socket.SHUT_WR)
    for sock, number in zip(socks, numbers, strict=True):
        with sock:
            assert received(sock) == question(number)[::-1], f"connection {number}"


def received(sock: socket.socket) -> bytes:
    """Return everything up to the end of file."""
    return b"".join(iter(lambda: sock.recv(4096), b""))


def ask_by_tls(context: ssl.SSLContext) -> Ask:
    """Return what asks under TLS, and ends by close_notify in both directions."""

    def ask(port: int, numbers: range) -> None:
        for number in numbers:
            plain = socket.create_connection((HOST, port), LIMIT)
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(question(number))
                got = b""
                while len(got) < SIZE:
                    got += sock.recv(SIZE)
                assert got == question(number)[::-1], f"connection {number}"
                sock.unwrap().close()

    return ask


def ask_by_udp(port: int, numbers: range) -> None:
    """Ask by one datagram each, from a socket of its own.

    A new sender may get the port of one whose conversation is just being closed, and its
    datagram be lost with that: so it asks again, as whoever uses datagrams has to.
    """
    with contextlib.ExitStack() as stack:
        socks = []
        for number in numbers:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.settimeout(ASK_AGAIN)
            sock.connect((HOST, port))
            sock.send(question(number))
            socks.append(sock)
        for sock, number in zip(socks, numbers, strict=True):
            assert answered(sock, question(number)) == question(number)[::-1], number


def answered(sock: socket.socket, data: bytes) -> bytes:
    """Return the answer to *data*, which is sent again a few times if none comes."""
    for _ in range(int(LIMIT / ASK_AGAIN)):
        try:
            return sock.recv(4096)
        except TimeoutError:
            sock.send(data)
    raise AssertionError("no answer, however often it was asked")


def held(pid: int, done: int, since: float) -> Sample:
    """Return what the process *pid* holds now; proc_pid_statm(5), proc_pid_fd(5)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return Sample(done, time.monotonic() - since, memory, len(os.listdir(f"/proc/{pid}/fd")))


def soak(
    pid: int, port: int, count: int, ask: Ask, samples: int = 50, batch: int = BATCH, warm: int = 0
) -> Iterator[Sample]:
    """Make *count* connections to the relay *pid*; yield what it holds before, now and then, after.

    The last sample is taken when it has as few descriptors as before, or at the limit.

    Args:
      warm: connections that are made first and not counted, as many as can be open at one
        moment or more: what the first of their kind take grows with those, not with *count*.
    """
    since = time.monotonic()
    before = held(pid, 0, since)
    yield before
    for done in range(count, count + warm, batch):
        ask(port, range(done, min(done + batch, count + warm)))
    since = time.monotonic()
    step, done = max(1, count // samples // batch) * batch, 0
    while done < count:
        ask(port, range(done, min(done + batch, count)))
        done = min(done + batch, count)
        if done % step == 0:
            yield held(pid, done, since)
    until = time.monotonic() + LIMIT
    while held(pid, done, since).descriptors > before.descriptors and time.monotonic() < until:
        time.sleep(0.01)  # another process closes what it has
    yield held(pid, done, since)


def check_flat(samples: list[Sample], allowed: int, open_at_once: int = 2 * BATCH) -> None:
    """Check that nothing grew with the number of connections.

    Args:
      allowed: KiB of memory that all but the first tenth of the samples may have more
        than those; the allocator's, not a connection's.
      open_at_once: descriptors of the connections that are there at one moment.
    """
    first = max(2, len(samples) // 10)
    grown = max(each.memory for each in samples) - max(each.memory for each in samples[:first])
    assert grown <= allowed, f"{grown} KiB more: {samples}"
    most = samples[0].descriptors + open_at_once
    assert [each for each in samples if each.descriptors > most] == []
    assert samples[-1].descriptors == samples[0].descriptors


@contextlib.contextmanager
def answering(kind: str) -> Iterator[int]:
    """Run the server of this module; yield its port."""
    with subprocess.Popen([sys.executable, __file__, kind], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def serve_tcp() -> None:
    """Answer one connection after the other; each has asked already when it comes."""
    with socket.create_server((HOST, 0), backlog=socket.SOMAXCONN) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(sock.recv(SIZE, socket.MSG_WAITALL)[::-1])
                sock.recv(1)  # the end of file: whoever closes first has the TIME-WAIT


def serve_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        print(sock.getsockname()[1], flush=True)
        while True:
            data, peer = sock.recvfrom(4096)
            sock.sendto(data[::-1], peer)


if __name__ == "__main__":
    {"tcp": serve_tcp, "udp": serve_udp}[sys.argv[1]]()
