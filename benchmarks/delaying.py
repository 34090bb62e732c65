"""A network that is far away: a forwarder whose bytes arrive later, and no slower.

`python delaying.py PORT` forwards to that port of this machine and prints its own. A byte
takes half of `ROUND_TRIP` in either direction. The handshake of a connection, which the
kernel does at once here, counts as one round trip before its first byte.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

ROUND_TRIP = 0.020  # seconds

RECV_SIZE = 262144

#: Chunks on the way in one direction: as much as a window of TCP, at most.
ON_THE_WAY = 256  # arbitrary


def forward(source: socket.socket, sink: socket.socket, first: float) -> None:
    """Forward one direction; nothing arrives before the moment *first*."""
    chunks: queue.Queue[tuple[float, bytes]] = queue.Queue(ON_THE_WAY)
    threading.Thread(target=deliver, args=(chunks, sink, first), daemon=True).start()
    with contextlib.suppress(OSError):
        while data := source.recv(RECV_SIZE):
            chunks.put((time.monotonic() + ROUND_TRIP / 2, data))
    chunks.put((time.monotonic() + ROUND_TRIP / 2, b""))


def deliver(chunks: queue.Queue[tuple[float, bytes]], sink: socket.socket, first: float) -> None:
    """Send each chunk when it is due; the empty one is the end."""
    gone = False
    while True:
        due, data = chunks.get()
        time.sleep(max(0.0, max(due, first) - time.monotonic()))
        if not data:
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
            return
        with contextlib.suppress(OSError):
            if not gone:
                gone = True
                sink.sendall(data)
                gone = False


def join(client: socket.socket, port: int) -> None:
    """Forward one connection, both ways."""
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = time.monotonic() + 1.5 * ROUND_TRIP
        back = threading.Thread(target=forward, args=(server, client, 0.0), daemon=True)
        back.start()
        forward(client, server, first)
        back.join()
        time.sleep(2 * ROUND_TRIP)  # what is due is still delivered


def main(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=join, args=(client, port), daemon=True).start()


@contextlib.contextmanager
def far_away(port: int) -> Iterator[int]:
    """Yield a port from which *port* is a round trip away."""
    command = [sys.executable, __file__, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]))
