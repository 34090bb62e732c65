"""What is done to a relay: each load runs once when it is called, and returns seconds."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from relay_servers import HOST, Relay, need

#: Seconds that a load lasts which is told for how long.
DURATION = 2

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its children, those that ended included."""
    total = 0.0
    for each in [pid, *children_of(pid)]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / TICKS
    return total


def children_of(pid: int) -> list[int]:
    """Return the processes that *pid* has started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in listed.split()]


class Load:
    """A load on one relay, and the processor time that it cost the relay.

    Attributes:
      beside: that time, per unit, for the table.
    """

    def __init__(
        self, relay: Relay, run: Callable[[Relay], tuple[float, float]], unit: str
    ) -> None:
        """Take *run*, which returns the seconds per unit and how many units there were."""
        self.relay, self.run, self.unit = relay, run, unit
        self.costs: list[float] = []

    def __call__(self) -> float:
        before = cpu_seconds(self.relay.pid)
        seconds, count = self.run(self.relay)
        self.costs.append((cpu_seconds(self.relay.pid) - before) / count)
        return seconds

    @property
    def beside(self) -> str:
        cost = statistics.median(self.costs)
        shown = f"{cost:.2f} s" if cost > 0.01 else f"{cost * 1e6:.0f} µs"
        return f"{shown} of CPU per {self.unit}"


def wrk(
    connections: int, *options: str, scheme: str = "http"
) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of requests by wrk."""

    def run(relay: Relay) -> tuple[float, float]:
        url = f"{scheme}://{HOST}:{relay.port}/small"
        argv = [need("wrk"), "-t1", f"-c{connections}", f"-d{DURATION}", *options, url]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        requests = re.search(r"(\d+) requests in", said)
        rate = re.search(r"Requests/sec: +([\d.]+)", said)
        assert requests is not None, said
        assert rate is not None, said
        return 1 / float(rate[1]), int(requests[1])

    return run


def new_connections(relay: Relay) -> tuple[float, float]:
    """Make a new connection for each request."""
    return wrk(50, "-H", "Connection: close")(relay)


def handshakes(relay: Relay) -> tuple[float, float]:
    """Make a new TLS connection for each request."""
    return wrk(20, "-H", "Connection: close", scheme="https")(relay)


def latency(
    share: float, rate: int = 5000, connections: int = 50
) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of *rate* requests per second, and the latency that *share* of them keeps."""

    def run(relay: Relay) -> tuple[float, float]:
        with tempfile.NamedTemporaryFile("r") as log:
            argv = [need("h2load"), "--h1", f"-c{connections}", f"--rps={rate // connections}"]
            argv += [f"-D{DURATION}", f"--log-file={log.name}", f"http://{HOST}:{relay.port}/small"]
            subprocess.run(argv, check=True, capture_output=True)
            took = sorted(int(line.split()[2]) for line in log)
        return took[int(share * len(took))] / 1e6, len(took)

    return run


def stream(gigabytes: float) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of one long answer of the server ``source``."""
    size = int(gigabytes * 1e9)

    def run(relay: Relay) -> tuple[float, float]:
        began, left, buffer = time.perf_counter(), size, bytearray(1 << 20)
        with socket.create_connection((HOST, relay.port)) as sock:
            sock.sendall(size.to_bytes(8, "big"))
            while left:
                left -= sock.recv_into(buffer) or broken(left)
        return (time.perf_counter() - began) / gigabytes, gigabytes

    return run


def streams(count: int, gigabytes: float) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of *count* long answers at once, of that size together."""
    one = stream(gigabytes / count)

    def run(relay: Relay) -> tuple[float, float]:
        began = time.perf_counter()
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(one, [relay] * count))
        return (time.perf_counter() - began) / gigabytes, gigabytes

    return run


def broken(left: int) -> int:
    raise AssertionError(f"the relay ended {left} bytes before the end")


def download(gigabytes: float) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of one large document, fetched by curl over TLS."""

    def run(relay: Relay) -> tuple[float, float]:
        argv = [need("curl"), "-sSfk", "-o", "/dev/null", f"https://{HOST}:{relay.port}/large"]
        began = time.perf_counter()
        subprocess.run(argv, check=True)
        return (time.perf_counter() - began) / gigabytes, gigabytes

    return run


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """Let this process and those that it starts have as many descriptors as they may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def memory_per_connection(relay: Relay, count: int = 5000) -> float:
    """Return the KiB of private memory that each of *count* idle connections costs."""
    before = private_memory(relay.pid)
    with contextlib.ExitStack() as connections:
        for _ in range(count):
            sock = connections.enter_context(socket.create_connection((HOST, relay.port)))
            sock.sendall(b"GET /small HTTP/1.1\r\nHost: it\r\n\r\n")
            assert sock.recv(65536)
        return (private_memory(relay.pid) - before) / count


def private_memory(pid: int) -> int:
    """Return the KiB that only this process, or one of its children, has; proc(5)."""
    return sum(
        int(line.split()[1])
        for each in [pid, *children_of(pid)]
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        if line.startswith("Private")
    )


def datagrams(count: int = 20_000, window: int = 32) -> Callable[[Relay], tuple[float, float]]:
    """Return a load of datagrams of 100 bytes that come back; one that is lost is an error."""

    def run(relay: Relay) -> tuple[float, float]:
        datagram, buffer = bytes(100), bytearray(200)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            # The kernel's own timeout: Python's would ask poll(2) before each call.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
            sock.connect((HOST, relay.port))
            sock.send(datagram)
            sock.recv(100)
            began = time.perf_counter()
            for _ in range(window):
                sock.send(datagram)
            for index in range(count):
                assert sock.recv_into(buffer) == 100
                if index < count - window:
                    sock.send(datagram)
            return (time.perf_counter() - began) / count, count

    return run
