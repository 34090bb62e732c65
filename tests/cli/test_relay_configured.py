"""fildes relay with a configuration file: checked, run, and read again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from authority import Authority
from commands import LIMIT, RunMain, fildes, start
from programs import need
from relay_commands import relay_running
from reloads import RELAY, connected, echo_at, exchange, reload

from fildes.cli.relaying import checking
from fildes.cli.relaying.config import read_config
from fildes.cli.status import Status

__all__ = ["fildes"]  # a fixture

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a place for a configuration, with one relay in it."""
    path = tmp_path / "relays.toml"
    path.write_text(RELAY.format("one", "cat"))
    return path


def test_each_relay_is_served(config: Path) -> None:
    """Every relay of the file listens, and says its name."""
    config.write_text(RELAY.format("one", "cat") + RELAY.format("two", "rev"))
    with relay_running("--config", str(config)) as running:
        two = running.next_address()
        assert echo_at(running.address) == b"hello"
        assert echo_at(two, b"hello\n") == b"olleh\n"


def test_unchanged_relays_keep_their_listener(config: Path) -> None:
    """SIGHUP: who has not changed goes on at the same port; a new one is added."""
    with relay_running("--config", str(config)) as running, connected(running.address) as old:
        assert exchange(old, b"before") == b"before"
        config.write_text(RELAY.format("new", "cat") + RELAY.format("one", "cat"))
        lines = reload(running)
        assert [line.partition(" at ")[0] for line in lines[:-1]] == ["fildes: new: listening"]
        assert "2 relays listening" in lines[-1]
        assert exchange(old, b"after") == b"after"
        assert echo_at(running.address) == b"hello"


def test_changed_target_keeps_the_listener(config: Path) -> None:
    """SIGHUP: with another other side nobody is turned away, and old connections finish."""
    with relay_running("--config", str(config)) as running, connected(running.address) as old:
        assert exchange(old, b"before") == b"before"
        config.write_text(RELAY.format("one", "rev"))
        assert "1 relay listening" in reload(running)[0]
        assert exchange(old, b"after") == b"after"
        assert echo_at(running.address, b"new\n") == b"wen\n"
        running.process.terminate()
        assert "open, which may end" in running.err.readline().decode()
        old.shutdown(socket.SHUT_WR)
        assert old.recv(1) == b""
        assert running.wait() == 0


def test_clients_that_wait_are_not_turned_away(config: Path) -> None:
    """SIGHUP: a client in the backlog is served by the relay as it is afterwards."""
    limited = config.read_text().replace(":0", ":0?max-connections=1")
    config.write_text(limited)
    with relay_running("--config", str(config)) as running, connected(running.address) as old:
        assert exchange(old, b"old") == b"old"
        with connected(running.address) as waiting:
            waiting.sendall(b"new\n")
            waiting.shutdown(socket.SHUT_WR)
            config.write_text(limited.replace("exec:cat", "exec:rev"))
            reload(running)
            old.shutdown(socket.SHUT_WR)
            assert old.recv(1) == b""
            assert waiting.makefile("rb").read() == b"wen\n"


def test_changed_places_get_a_new_listener(config: Path) -> None:
    """SIGHUP: who listens elsewhere listens no more where it did; old connections finish."""
    with relay_running("--config", str(config)) as running, connected(running.address) as old:
        assert exchange(old, b"before") == b"before"
        config.write_text(
            RELAY.format("one", "rev").replace("127.0.0.1:0", "127.0.0.1:0?backlog=9")
        )
        new = reload(running)[0].split()[-1]
        assert exchange(old, b"after") == b"after"
        with pytest.raises(ConnectionRefusedError):
            echo_at(running.address)
        assert echo_at(new, b"new\n") == b"wen\n"


@pytest.mark.parametrize("text", ["[relay.one", "", '[relay.one]\nlisten = "tcp-listen://:0"\n'])
def test_bad_configurations_change_nothing(config: Path, text: str) -> None:
    """SIGHUP with mistakes in the file: they are told, and everything goes on."""
    with relay_running("--config", str(config)) as running:
        config.write_text(text)
        assert reload(running)[0].startswith("fildes: nothing was reloaded: ")
        assert echo_at(running.address) == b"hello"


def test_missing_configuration_changes_nothing(config: Path) -> None:
    """SIGHUP when the file is gone: that is told with its name, and everything goes on."""
    with relay_running("--config", str(config)) as running:
        text = config.read_text()
        config.unlink()
        said = f"fildes: nothing was reloaded: unable to read {config}: No such file or directory\n"
        assert reload(running)[0] == said
        config.write_text(text)
        assert echo_at(running.address) == b"hello"


def test_programs_hear_of_a_bad_configuration(config: Path) -> None:
    """SIGHUP with mistakes under --json: they are an event, too."""
    argv = ["relay", "--json", "--config", str(config)]
    with start(*argv, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "listening"
        config.write_text("[relay.one")
        process.send_signal(signal.SIGHUP)
        told = json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(LIMIT) == 0
    assert told["event"] == "error"
    assert told["message"].startswith("nothing was reloaded: line 1")


def test_relay_that_cannot_listen_is_told(config: Path) -> None:
    """SIGHUP: a relay whose port is taken is told; the others are served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with relay_running("--config", str(config)) as running:
            bad = RELAY.format("bad", "cat").replace(":0", f":{port}")
            config.write_text(config.read_text() + bad)
            assert "fildes: bad: unable to listen" in reload(running)[0]
            assert echo_at(running.address) == b"hello"


def test_certificates_are_read_again(tmp_path: Path, tls_ca: Authority) -> None:
    """SIGHUP without a file, too: the next handshake has the new certificate."""
    cert = tmp_path / "cert.pem"
    files = [tls_ca.issue("localhost") for _ in range(2)]
    chains = [each.key_file.read_bytes() + each.cert_file.read_bytes() for each in files]
    cert.write_bytes(chains[0])
    argv = [f"tls-listen://127.0.0.1:0?cert={cert}", "exec:cat"]
    with relay_running(*argv) as running:
        serials = [serial_at(running.port)]
        cert.write_bytes(chains[1])
        reload(running)
        serials.append(serial_at(running.port))
    assert serials[0] != serials[1]


def serial_at(port: int) -> str:
    """Return the serial number of the certificate that a server shows."""
    command = [need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}"]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=LIMIT)
    read = [need("openssl"), "x509", "-noout", "-serial"]
    return subprocess.run(read, input=done.stdout, capture_output=True, check=True).stdout.decode()


def test_check_finds_nothing_wrong(fildes: RunMain, config: Path) -> None:
    """--check: a file that is right has status 0, and nothing is opened."""
    ended = fildes("relay", "--config", str(config), "--check")
    assert ended.status == Status.COMPLETE
    assert ended.err == f"fildes: {config}: 1 relay, nothing wrong\n"


def test_check_tells_all_mistakes(fildes: RunMain, config: Path) -> None:
    """--check: every mistake on a line, with the file and the line in it."""
    config.write_text(config.read_text() + "lisen = 5\nretry = 'often'\n")
    ended = fildes("relay", "--config", str(config), "--check")
    assert ended.status == Status.USAGE
    assert ended.err.splitlines() == [
        f"fildes: {config}: line 4: relay.one.lisen: no such key (did you mean listen?)",
        f"fildes: {config}: line 5: relay.one.retry: it takes a whole number, 0 or more,"
        " or forever, not 'often'",
    ]


@pytest.mark.parametrize(("listen", "message"), [
    ("tls-listen://:0?cert=/no/such/file", "/no/such/file is not there"),
    ("tls-listen://:0", "needs a certificate"),
    ("tls-listen://:0?cert={ca}", "no certificate and its key"),
    ("unix-listen:/no/such/folder/socket", "there is no directory /no/such/folder"),
])  # fmt: skip
def test_check_looks_around(
    fildes: RunMain, config: Path, tls_ca: Authority, listen: str, message: str
) -> None:
    """--check: certificates that cannot be used and places that are not there are told."""
    text = config.read_text().replace("tcp-listen://127.0.0.1:0", listen)
    config.write_text(text.format(ca=tls_ca.ca_file))
    ended = fildes("relay", "--config", str(config), "--check")
    assert ended.status == Status.USAGE
    assert message in ended.err


@pytest.mark.parametrize(("program", "message"), [
    ("/no/such/program", "there is no program /no/such/program"),
    ("no-such-program", "there is no program no-such-program"),
    ("/dev/null", "/dev/null is not executable"),
])  # fmt: skip
def test_check_looks_for_programs(
    fildes: RunMain, config: Path, program: str, message: str
) -> None:
    """--check: a program that is not there is told before the first client asks for it."""
    config.write_text(RELAY.format("one", program))
    ended = fildes("relay", "--config", str(config), "--check")
    assert (ended.status, message in ended.err) == (Status.USAGE, True)


def test_check_knows_whose_ports_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """--check: a port below 1024 is root's."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(checking, "unprivileged_start", lambda: 1024)
    (plan,) = read_config(RELAY.format("a", "cat").replace(":0", ":80")).plans
    assert list(checking.warnings_of(plan)) == [
        "port 80 is root's: choose another, or give CAP_NET_BIND_SERVICE"
    ]


@pytest.mark.parametrize("data", [b"\xff", None])
def test_unreadable_files_are_usage_errors(
    fildes: RunMain, tmp_path: Path, data: bytes | None
) -> None:
    """A file that is not there, or is no text, is said to be so."""
    path = tmp_path / "relays.toml"
    if data is not None:
        path.write_bytes(data)
    ended = fildes("relay", "--config", str(path))
    assert (ended.status, ended.err.count("\n")) == (Status.USAGE, 1)


def test_check_needs_a_file(fildes: RunMain) -> None:
    """--check without --config says what it is for."""
    assert fildes("relay", "--check").status == Status.USAGE


def test_example_configuration_is_right() -> None:
    """The example in the repository has no mistake, and shows every key there is."""
    from fildes.cli.relaying.plan import KEYS

    text = (EXAMPLES / "relays.toml").read_text()
    assert len(read_config(text).plans) == 3
    for key in KEYS:
        assert re.search(rf"^{key.name} = ", text, re.MULTILINE), key.name


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_units_are_right(tmp_path: Path) -> None:
    """systemd itself finds nothing wrong with the units in the repository."""
    for path in EXAMPLES.glob("fildes-*"):
        text = path.read_text().replace("/usr/local/bin/fildes", "/bin/true")
        (tmp_path / path.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "fildes" in line]
    assert (len(units), ours) == (3, [])


def test_unit_lets_connections_finish() -> None:
    """The unit of several relays has SIGTERM sent to the first process alone; systemd.kill(5)."""
    assert "\nKillMode=mixed\n" in (EXAMPLES / "fildes-relay.service").read_text()


def test_units_run_what_there_is(fildes: RunMain) -> None:
    """Each command line of a unit is one that fildes takes."""
    from fildes.cli.relay import add_arguments
    from fildes.cli.usage import Parser

    for path in EXAMPLES.glob("*.service"):
        for line in re.findall(
            r"^Exec\w+=/usr/local/bin/fildes relay (.*)$", path.read_text(), re.MULTILINE
        ):
            parser = Parser(allow_abbrev=False)
            add_arguments(parser)
            arguments = parser.parse_args(line.split())
            assert arguments.config or (arguments.left and arguments.right)
