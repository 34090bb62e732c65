"""fildes relay reads its configuration again while datagrams come: each of them passes on."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest
from commands import LIMIT
from programs import free_port
from relay_commands import Running, relay_running
from reloads import reload

TEXT = """
workers = {workers}
[relay.a]
listen = "udp-listen://127.0.0.1:{port}?max-connections={most}"
connect = "udp://127.0.0.1:{sink}"
"""

#: Reloads while datagrams come.
RELOADS = 12

#: Senders at once that are new each time. All their datagrams find room in one queue, for
#: one that is full is another matter.
NEW = 20


def udp(port: int) -> socket.socket:
    """Return a socket that is connected to *port* of this machine."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    return sock


class Traffic:
    """Datagrams through a relay, each of which is waited for.

    Attributes:
      old: senders that were there before.
      count: rounds so far.
    """

    def __init__(self, port: int, sink: socket.socket) -> None:
        self.port, self.sink, self.count = port, sink, 0
        self.old = [udp(port) for _ in range(3)]

    def send_round(self) -> None:
        """Let old and new senders send, and wait for all that they have sent."""
        with contextlib.ExitStack() as stack:
            new = [stack.enter_context(udp(self.port)) for _ in range(NEW)]
            wanted = set()
            for turn in range(2):
                for index, sock in enumerate([*self.old, *new]):
                    data = b"%d %d %d" % (self.count, turn, index)
                    wanted.add(data)
                    sock.send(data)
            while wanted:
                wanted.remove(self.sink.recv(99))
        self.count += 1

    def close(self) -> None:
        """Send no more."""
        for sock in self.old:
            sock.close()


def reload_often(running: Running, config: Path, text: str, change: bool) -> None:
    """Read the configuration again and again, which may be another one each time."""
    for count in range(RELOADS):
        config.write_text(text.format(most=5000 + count * change))
        reload(running)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("change", [False, True])
def test_reload_loses_no_datagram(tmp_path: Path, workers: int, change: bool) -> None:
    """SIGHUP: those of old and of new senders pass on, whoever of the relay receives them."""
    config = tmp_path / "relays.toml"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(LIMIT)
        places = {"port": free_port(socket.SOCK_DGRAM), "sink": sink.getsockname()[1]}
        text = TEXT.format(workers=workers, most="{most}", **places)
        config.write_text(text.format(most=5000))
        with relay_running("--config", str(config)) as running:
            assert running.port == places["port"]
            if workers > 1:
                assert running.err.readline() == b"fildes: %d workers\n" % workers
            reloading = threading.Thread(target=reload_often, args=(running, config, text, change))
            with contextlib.closing(Traffic(running.port, sink)) as traffic:
                reloading.start()
                while reloading.is_alive():
                    traffic.send_round()
                reloading.join()
                traffic.send_round()
