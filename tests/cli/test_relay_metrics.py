"""The counters that fildes relay serves to Prometheus."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from commands import LIMIT
from exposition_grammar import COMMENT, SAMPLE
from programs import need
from relay_commands import ECHO, Running, connect, exchange, relay_running


def scrape(running: Running, *argv: str) -> subprocess.CompletedProcess[str]:
    """Return what curl gets from the metrics of a relay, which it tells next."""
    line = running.err.readline().decode()
    match = re.search(r"metrics at (\S+)", line)
    assert match, line
    command = [need("curl"), "-sS", "-i", *argv, match[1]]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)


def test_metrics_are_scraped() -> None:
    """--metrics: curl gets all counters, in the grammar of the text format."""
    with relay_running("--metrics", "127.0.0.1:0", *ECHO) as running, connect(running) as sock:
        assert exchange(sock, b"12345") == b"12345"
        done = scrape(running)
    head, _, body = done.stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    for line in body.splitlines():
        assert (COMMENT if line.startswith("#") else SAMPLE).fullmatch(line)
    assert 'fildes_relay_up{relay="relay"} 1\n' in body
    assert 'fildes_relay_connections_accepted_total{relay="relay"} 1\n' in body
    assert 'fildes_relay_connections_active{relay="relay"} 1\n' in body
    assert 'fildes_relay_bytes_total{relay="relay",direction="left_to_right"} 5\n' in body


@pytest.mark.parametrize(("argv", "status"), [
    (["-I"], 200), (["-X", "POST"], 405), (["--request-target", "/other"], 404),
    (["--request-target", "a b"], 400),
])  # fmt: skip
def test_metrics_answer_nothing_else(argv: list[str], status: int) -> None:
    """What is no request for metrics gets the status of HTTP that says so."""
    with relay_running("--metrics", ":0", *ECHO) as running:
        assert scrape(running, *argv).stdout.startswith(f"HTTP/1.1 {status} ")


def test_metrics_over_a_unix_socket(tmp_path: Path) -> None:
    """--metrics takes a unix socket, too, which is its owner's alone."""
    path = tmp_path / "metrics"
    with relay_running("--metrics", f"unix:{path}", *ECHO) as running:
        running.err.readline()
        assert path.stat().st_mode & 0o777 == 0o600
        command = [need("curl"), "-sS", "--unix-socket", str(path), "http://localhost/metrics"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT)
    assert b"fildes_relay_up" in done.stdout


def test_failures_are_counted_by_step(tmp_path: Path) -> None:
    """A connection that failed is counted under the step in which it did."""
    argv = ["--metrics", ":0", "tcp-listen://:0", f"unix:{tmp_path}/missing"]
    with relay_running(*argv) as running:
        line = running.err.readline()
        with pytest.raises(ConnectionResetError), connect(running) as sock:
            sock.recv(1)
        assert b"unable to open" in running.err.readline()
        match = re.search(rb"metrics at (\S+)", line)
        assert match
        command = [need("curl"), "-sS", match[1].decode()]
        done = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT)
    expected = b'fildes_relay_connections_failed_total{relay="relay",step="connect"} 1\n'
    assert expected in done.stdout
