"""fildes relay reads its configuration again: who listens where, and who cannot."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import LIMIT
from programs import free_port
from relay_commands import Running, relay_running
from reloads import RELAY, connected, echo_at, exchange, reload, signalled


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a place for a configuration."""
    return tmp_path / "relays.toml"


#: Where relays listen, twice: a change that does not concern the place.
SAME_PLACES = (
    ("tcp-listen://127.0.0.1:{port}?max-connections=1", "tcp-listen://127.0.0.1:{port}"),
    ("tcp-listen://127.0.0.1:{port}?max-connections=1", "TCP-LISTEN:{port},fork,backlog=9"),
    ("tcp-listen://:{port}?max-connections=1", "tcp-listen://:{port}?max-per-peer=50"),
    ("unix-listen:{path}?max-connections=1", "unix-listen:{path}?max-connections=9&mode=660"),
    ("unix-listen://@{path}?max-connections=1", "unix-listen://@{path}"),
)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("before", "after"), SAME_PLACES)
def test_changed_limits_keep_the_socket(
    config: Path, before: str, after: str, workers: int
) -> None:
    """SIGHUP: who listens at the same place in another manner turns nobody away who waits."""
    path = config.with_name("s")
    names = {"port": free_port(), "path": path}
    count = f"workers = {workers}\n"
    text = count + RELAY.replace("tcp-listen://127.0.0.1:0", "{place}")
    limit = before.format(**names).replace("=1", f"={workers}")
    config.write_text(text.format("one", "cat", place=limit))
    with relay_running("--config", str(config)) as running, contextlib.ExitStack() as stack:
        wait_for(running, workers)
        for _ in range(workers):
            assert exchange(stack.enter_context(client(running.address)), b"old") == b"old"
        waiting = stack.enter_context(client(running.address))
        waiting.sendall(b"new\n")
        waiting.shutdown(socket.SHUT_WR)
        config.write_text(text.format("one", "rev", place=after.format(**names)))
        assert "reloaded: 1 relay listening" in reload(running)[-1]
        assert waiting.makefile("rb").read() == b"wen\n"
        with client(running.address) as later:
            later.shutdown(socket.SHUT_WR)
            assert later.recv(1) == b""
        stack.close()
        running.process.terminate()
        assert running.wait() == 0
    assert not path.exists()


def wait_for(running: Running, workers: int) -> None:
    """Return once so many *workers* have been started."""
    if workers > 1:
        assert running.err.readline() == b"fildes: %d workers\n" % workers


@contextlib.contextmanager
def client(address: str) -> Iterator[socket.socket]:
    """Connect to where a relay says that it listens."""
    if address.startswith("tcp"):
        with connected(address) as sock:
            yield sock
        return
    path = re.sub("^unix:(//)?", "", address)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT)
        sock.connect(path.replace("@", "\0"))
        yield sock


def test_more_addresses_of_a_port(config: Path) -> None:
    """SIGHUP: from one address to all of them at the same port, and what is open goes on."""
    text = RELAY.format("one", "cat").replace("127.0.0.1:0", f"127.0.0.1:{free_port()}")
    config.write_text(text)
    with relay_running("--config", str(config)) as running, connected(running.address) as old:
        assert exchange(old, b"before") == b"before"
        config.write_text(text.replace("127.0.0.1", "0.0.0.0"))
        assert "listening at tcp://0.0.0.0:" in reload(running)[0]
        assert exchange(old, b"after") == b"after"
        with socket.create_connection(("127.0.0.2", running.port), timeout=LIMIT) as sock:
            assert exchange(sock, b"elsewhere") == b"elsewhere"


@pytest.mark.parametrize("workers", [1, 2])
def test_reload_before_all_listen(config: Path, workers: int) -> None:
    """SIGHUP: what comes as soon as the first relay listens reloads all of them, once."""
    relays = [RELAY.format(name, "cat") for name in ("one", "two", "three")]
    # To look a name up the loop runs, and what was asked for would be seen to then.
    config.write_text("".join(relays).replace("127.0.0.1:0", "localhost:0"))
    with signalled("SIGHUP", "--workers", str(workers), "--config", str(config)) as running:
        places = [running.address, running.next_address(), running.next_address()]
        while (line := running.err.readline().decode()) == "fildes: 2 workers\n":
            pass
        assert line == "fildes: reloaded: 3 relays listening\n"
        assert [echo_at(place) for place in places] == [b"hello"] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_relay_that_cannot_move_stays(config: Path, workers: int) -> None:
    """SIGHUP: a relay that cannot listen where it should goes on where it was."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"workers = {workers}\n" + RELAY.format("one", "cat")
        config.write_text(text)
        with relay_running("--config", str(config)) as running:
            wait_for(running, workers)
            config.write_text(text.replace(":0", f":{taken.getsockname()[1]}"))
            lines = reload(running)
            assert any("fildes: one: unable to listen" in line for line in lines), lines
            assert echo_at(running.address) == b"hello"


@pytest.mark.parametrize("workers", [1, 2])
def test_no_reload_once_it_ends(config: Path, workers: int) -> None:
    """SIGHUP: after SIGTERM it changes nothing, and nobody is accepted any more."""
    config.write_text(f"workers = {workers}\n" + RELAY.format("one", "cat"))
    with relay_running("--config", str(config)) as running:
        wait_for(running, workers)
        with connected(running.address) as old:
            assert exchange(old, b"before") == b"before"
            running.process.terminate()
            assert b"no more connections are accepted" in running.err.readline()
            running.process.send_signal(signal.SIGHUP)
            running.process.send_signal(signal.SIGUSR1)  # seen to after it
            assert b"0 relays, 1 open" in running.err.readline()
            assert exchange(old, b"after") == b"after"
        assert running.wait() == 0
        assert b"listening" not in running.err.read()
