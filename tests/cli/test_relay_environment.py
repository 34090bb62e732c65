"""What a program that a relay starts learns of the client that it is started for."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest
from authority import Authority
from commands import LIMIT
from programs import need
from relay_commands import connect, relay_running, socat_serving

import fildes

#: What a line of socat's cannot know of another process.
ITS_OWN = ("SOCAT_VERSION", "SOCAT_PID", "SOCAT_PPID")

LINES = (
    ("TCP4-LISTEN:0,bind=127.0.0.1", "TCP4:127.0.0.1:{place}"),
    ("TCP6-LISTEN:0,bind=[::1]", "TCP6:[::1]:{place}"),
    ("UNIX-LISTEN:{directory}/{who}", "UNIX:{place},bind={place}-client"),
    ("OPENSSL-LISTEN:0,pf=ip4,bind=127.0.0.1,cert={cert},key={key},cafile={ca}",
     "OPENSSL:localhost:{place},cert={cert},key={key},cafile={ca}"),
)  # fmt: skip


def variables(said: bytes) -> dict[str, str]:
    """Return what env(1) has said."""
    return dict(line.split("=", 1) for line in said.decode().splitlines() if "=" in line)


def visible(told: dict[str, str], port: str) -> dict[str, str]:
    """Return socat's variables, without those that differ from run to run."""
    assert told.pop("SOCAT_SOCKPORT", port) == port
    assert told.pop("SOCAT_PEERPORT", "1").isdecimal()
    for name, value in told.items():  # a path of its own, names in another notation
        if name.endswith(("ADDR", "SUBJECT", "ISSUER")) and ("/" in value or "=" in value):
            told[name] = "there"
    return {name: told[name] for name in told if name.startswith("SOCAT_") and name not in ITS_OWN}


def ask(place: str, client: str) -> dict[str, str]:
    """Let socat connect as *client* says, and return what the program was told."""
    command = [need("socat"), "-t", "20", "-", client]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=LIMIT, check=True)
    return visible(variables(done.stdout), place)


@pytest.mark.slow
@pytest.mark.parametrize(("listen", "client"), LINES, ids=[line[0][:5] for line in LINES])
def test_same_variables_as_from_socat(
    listen: str, client: str, tmp_path: Path, tls_ca: Authority
) -> None:
    """LISTENENV, ENV_*: addresses, ports and certificate come under the names of socat."""
    ours = tls_ca.issue("localhost", common_name="localhost")
    names = {
        "directory": tmp_path, "cert": ours.cert_file, "key": ours.key_file, "ca": tls_ca.ca_file
    }  # fmt: skip
    with socat_serving(f"{listen.format_map({**names, 'who': 'a'})},fork", "SYSTEM:env") as place:
        expected = ask(place, client.format_map({**names, "place": place}))
    text = f"{listen.format_map({**names, 'who': 'b'})},fork"
    with relay_running(text, "SYSTEM:env") as running:
        unix = running.address.startswith("unix")
        place = running.address.removeprefix("unix://") if unix else str(running.port)
        assert ask(place, client.format_map({**names, "place": place})) == expected


def test_each_client_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is told of its own client, under UCSPI's names, and of nobody before."""
    monkeypatch.setenv("SSL_CLIENT_S_DN", "somebody else")
    monkeypatch.setenv("TCPREMOTEPORT", "1")
    with relay_running("tcp-listen://127.0.0.1:0", "exec:env?env=ALSO=this") as running:
        for _ in range(2):
            with connect(running) as sock:
                told = variables(sock.makefile("rb").read())
                host, port = sock.getsockname()
            assert (told["PROTO"], told["TCPREMOTEIP"]) == ("TCP", host)
            assert (told["TCPREMOTEPORT"], told["TCPLOCALPORT"]) == (str(port), str(running.port))
            assert told["ALSO"] == "this"
            assert "SSL_CLIENT_S_DN" not in told


def test_relay_of_python_tells_too() -> None:
    """`fildes.relay(listener, "exec:...")` tells a program of its client."""
    with fildes.listen("tcp://127.0.0.1:0") as listener:
        relaying = threading.Thread(target=fildes.relay, args=(listener, "exec:env"))
        relaying.start()
        with fildes.open(listener.address) as client:
            local = client.local
            told = variables(client.read())
        listener.close()
        relaying.join(LIMIT)
    assert str(local).endswith(f":{told['TCPREMOTEPORT']}")
