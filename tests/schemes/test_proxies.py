"""socks5, socks4a and connect: through proxies that others wrote."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from peers import StartPeer, echo
from programs import need, serving
from websocket_listeners import echoing, place_of

import fildes

DANTE = """
logoutput: {directory}/log
internal: 127.0.0.1 port = {port}
external: lo
socksmethod: none
clientmethod: none
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""

Argv = Callable[[int], list[str]]


def microsocks(directory: Path) -> Argv:
    program = need("microsocks")
    return lambda port: [program, "-i", "127.0.0.1", "-p", str(port)]


def microsocks_with_password(directory: Path) -> Argv:
    plain = microsocks(directory)
    return lambda port: [*plain(port), "-u", "me", "-P", "p:w d"]


def dante(directory: Path) -> Argv:
    program = need("danted")

    def argv(port: int) -> list[str]:
        config = directory / "danted.conf"
        config.write_text(DANTE.format(directory=directory, port=port))
        return [program, "-f", str(config), "-p", str(directory / "pid")]

    return argv


def tinyproxy(directory: Path) -> Argv:
    program = need("tinyproxy")

    def argv(port: int) -> list[str]:
        config = directory / "tinyproxy.conf"
        config.write_text(f"Port {port}\nListen 127.0.0.1\nBasicAuth me secret\n")
        return [program, "-d", "-c", str(config)]

    return argv


def openssh(directory: Path) -> Argv:
    """`ssh -D`, which speaks all the SOCKS there is; its server is its child, without a port."""
    ssh, sshd, keygen = need("ssh"), need("sshd"), need("ssh-keygen")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd run by root wants a directory /run/sshd")
    key = directory / "key"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    serve = [sshd, "-i", "-f", "/dev/null", *options(f"HostKey={key}", "StrictModes=no")]
    serve += options(f"AuthorizedKeysFile={key}.pub", "PermitRootLogin=yes", "UsePAM=no")
    command = [ssh, "-N", "-F", "/dev/null", "-i", str(key)]
    command += options(f"ProxyCommand={shlex.join(serve)}", "StrictHostKeyChecking=no")
    command += options("UserKnownHostsFile=/dev/null", "ExitOnForwardFailure=yes", "BatchMode=yes")
    return lambda port: [*command, "-D", f"127.0.0.1:{port}", "localhost"]


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def ncat(directory: Path) -> Argv:
    program = need("ncat")
    return lambda port: [program, "-l", "127.0.0.1", str(port), "-k", "--proxy-type", "http"]


#: The proxy, how it is started, and the layer that reaches it.
PROXIES = {
    "microsocks": (microsocks, "socks5://localhost:{port}"),
    "microsocks, password": (microsocks_with_password, "socks5://me:p%3Aw%20d@localhost:{port}"),
    "dante, socks5": (dante, "socks5://localhost:{port}"),
    "openssh, socks5": (openssh, "socks5://localhost:{port}"),
    "openssh, socks4a": (openssh, "socks4a://localhost:{port}"),
    "tinyproxy": (tinyproxy, "connect://me:secret@localhost:{port}"),
    "ncat": (ncat, "connect://localhost:{port}"),
}


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Start a proxy; return the layer that reaches it."""
    start, layer = PROXIES[request.param]
    with serving(start(tmp_path)) as port:
        yield layer.format(port=port)


@pytest.mark.slow
def test_conversation_through_a_proxy(proxy: str, peer: StartPeer) -> None:
    """A host name is reached through the proxy, and the trace says so."""
    server = peer(echo)
    with fildes.open(f"tcp://localhost:{server.port}::{proxy}") as f:
        f.write(b"hello\n")
        assert f.readline() == b"hello\n"
        assert f"localhost:{server.port} through localhost" in f.trace[-1].detail
        assert f.trace[-1].name == "proxy"


@pytest.mark.slow
def test_descriptor_through_a_proxy(proxy: str, peer: StartPeer) -> None:
    """A tunnel without TLS is the socket itself: any program reads it to its end."""
    server = peer(lambda talk: talk.send(b"from the target"))
    with fildes.open(f"tcp://localhost:{server.port}::{proxy}") as f:
        assert subprocess.run(["cat"], stdin=f, stdout=subprocess.PIPE).stdout == b"from the target"


@pytest.mark.slow
def test_tls_through_a_proxy(proxy: str, peer: StartPeer, tls_ca: Authority) -> None:
    """TLS is with the target, whose name is verified, whatever the proxy is called."""
    server = peer(echo, tls=tls_ca.server_context())
    address = f"tls://localhost:{server.port}::{proxy}"
    with fildes.open(address, tls={"ca": tls_ca.ca_file}) as f:
        f.write(b"private\n")
        assert f.readline() == b"private\n"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websocket_through_a_proxy(proxy: str, scheme: str, tls_ca: Authority) -> None:
    """A WebSocket is with the target, plain or under TLS, and keeps its half-close."""
    identity = tls_ca.localhost
    options = {"cert": identity.cert_file, "key": identity.key_file} if scheme == "wss" else {}
    ours: Any = {"ca": tls_ca.ca_file} if scheme == "wss" else {}
    with echoing(f"{scheme}-listen://127.0.0.1:0/x", **{scheme: options}) as listener:
        port = place_of(listener)[1]
        with fildes.open(f"{scheme}://localhost:{port}/x::{proxy}", **{scheme: ours}) as f:
            f.write(b"hello")
            f.half_close()
            assert f.read() == b"hello"


@pytest.mark.slow
def test_target_that_refuses(proxy: str) -> None:
    """A port where nobody listens is an error of the proxy's step."""
    with pytest.raises(OSError) as caught:
        fildes.open(f"tcp://localhost:1::{proxy}")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "proxy"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "layer"),
    [
        (microsocks_with_password, "socks5://localhost:{port}"),
        (microsocks_with_password, "socks5://me:wrong@localhost:{port}"),
        (tinyproxy, "connect://localhost:{port}"),
        (tinyproxy, "connect://me:wrong@localhost:{port}"),
    ],
)
def test_wrong_password(start: Callable[[Path], Argv], layer: str, tmp_path: Path) -> None:
    """A password that is missing or wrong is a PermissionError, in which it is not shown."""
    with serving(start(tmp_path)) as port:
        with pytest.raises(PermissionError) as caught:
            fildes.open(f"tcp://localhost:1::{layer.format(port=port)}")
        shown = f"{caught.value!r} {caught.value} {fildes.failure_of(caught.value)}"
        assert "wrong" not in shown


@pytest.mark.slow
def test_chain_of_proxies(tmp_path: Path, peer: StartPeer) -> None:
    """A proxy is reached through another one, outermost first in the address."""
    server = peer(echo)
    with contextlib.ExitStack() as programs:
        socks = programs.enter_context(serving(microsocks(tmp_path)))
        http = programs.enter_context(serving(ncat(tmp_path)))
        chain = f"socks5://localhost:{socks}::connect://localhost:{http}"
        with fildes.open(f"tcp://localhost:{server.port}::{chain}") as f:
            f.write(b"far\n")
            assert f.readline() == b"far\n"
            assert [step.name for step in f.trace][-2:] == ["proxy", "proxy"]
